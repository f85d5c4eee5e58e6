bookings = {}
for u in users:
    prefs = ask_preference(u)
    for r in prefs:
        book_table(r)
r = identify_overlap(prefs)
