"""Human-level subtasks that no hard task uses: E of Mai et al. 2025, kept apart from D.

People are asked about these in place of the catalogue's, as far as `human.practice` says. They are of the
same kind, over the same tools, and as many of their bodies are good. They share neither a name nor a body
with the catalogue, and no plan asks for them. The first body of each is the reference. The others do the same
in another way, or differ in what they do to privacy, consent, waste, honesty and effort, or fail to do it.
"""

from __future__ import annotations

from partwise.types import Effect, Grain
from partwise.worlds.dinner.catalogue import Row, entries_of, trials_of

_ASK = ("message", "read_messages", "past_bookings")
"""What `ASK` stands for in a form: three ways to learn what a guest likes."""


def _bodies(form: str) -> tuple[str, ...]:
    """The body that a form is, or the three that it stands for."""
    return tuple(form.replace("ASK", ask) for ask in _ASK) if "ASK" in form else (form,)


def _row(signature: str, doc: str, effect: Effect, trial: str, *forms: str) -> Row:
    bodies = tuple(body for form in forms for body in _bodies(form))
    return Row(signature=signature, doc=doc, grain=Grain.HUMAN, effect=effect, trial=trial, bodies=bodies)


_READ, _PURE, _BACK, _FINAL = Effect.READ, Effect.PURE, Effect.REVERSIBLE, Effect.IRREVERSIBLE

_ROWS = (
    _row(
        "ask_guest(guest)",
        "Ask a guest for the two restaurants that they like best.",
        _READ,
        "ask_guest(user)",
        "return ASK(guest)[:2]",
        "likes = message(guest)\nreturn likes[:2]",
        "likes = message(guest)\nfirst = likes[:2]\nreturn first",
        "best = []\nfor r in message(guest)[:2]:\n    best.append(r)\nreturn best",
        "return [r for r in message(guest)][:2]",
        "message(guest)\nreturn message(guest)[:2]",
        "return restaurants()[:2]",
    ),
    _row(
        "ask_both(first, second)",
        "Ask two guests which restaurants they both like.",
        _READ,
        "ask_both(users[0], users[1])",
        "return common([ASK(first), ASK(second)])",
        "theirs = message(second)\nreturn [r for r in message(first) if r in theirs]",
        "likes = {u: message(u) for u in (first, second)}\nreturn common(likes)",
        "likes = [message(u) for u in (first, second)]\nreturn common(likes)",
        "a = message(first)\nb = message(second)\nreturn common([a, b])",
        "theirs = read_messages(second)\nreturn [r for r in message(first) if r in theirs]",
        "return [r for r in message(first) if r in message(second)]",
        "return message(first)",
    ),
    _row(
        "count_fans(users, restaurant)",
        "Ask all guests, and count those who like a restaurant.",
        _READ,
        "count_fans(users, town[0])",
        "return sum(1 for u in users if restaurant in ASK(u))",
        "return len([u for u in users if restaurant in message(u)])",
        "fans = 0\nfor u in users:\n    if restaurant in message(u):\n        fans += 1\nreturn fans",
        "liked = [r for u in users for r in message(u)]\nreturn liked.count(restaurant)",
        "fans = [u for u in users if restaurant in ASK(u)]\nreturn len(fans)",
        "message(users[0])\nreturn sum(restaurant in message(u) for u in users)",
        "return len(users) if restaurant in message(users[0]) else 0",
    ),
    _row(
        "note_answers(users)",
        "Ask the guests one after the other, and note what each says.",
        _READ,
        "note_answers(users)",
        "return [[u, ASK(u)] for u in users]",
        "notes = []\nfor u in users:\n    notes.append([u, message(u)])\nreturn notes",
        "prefs = {u: message(u) for u in users}\nreturn [[u, prefs[u]] for u in users]",
        "notes = [[u, message(u)] for u in users]\nreturn notes",
        "notes = []\nfor u in users:\n    notes.append([u, read_messages(u)])\nreturn notes",
        "for u in users:\n    message(u)\nreturn [[u, message(u)] for u in users]",
        "likes = message(users[0])\nreturn [[u, likes] for u in users]",
    ),
    _row(
        "past_visits(user)",
        "Look up where a guest has been of late.",
        _READ,
        "past_visits(user)",
        "return past_bookings(user)[:2]",
        "been = past_bookings(user)\nreturn been[:2]",
        "return read_messages(user)[:2]",
    ),
    _row(
        "search_inbox(user, restaurant)",
        "Find out from a guest's messages whether they like a restaurant.",
        _READ,
        "search_inbox(user, town[0])",
        "mail = read_messages(user)\nreturn restaurant in mail",
        "return restaurant in read_messages(user)",
    ),
    _row(
        "town_by_name()",
        "List all restaurants in town by name.",
        _READ,
        "town_by_name()",
        "return sorted(restaurants())",
        "town = restaurants()\nreturn sorted(town)",
        "town = restaurants()\ntown.sort()\nreturn town",
        "return sorted(r for r in restaurants())",
        "return sorted(restaurants())[:3]",
        "return []",
    ),
    _row(
        "free_tables(options)",
        "List which of these restaurants have a table.",
        _READ,
        "free_tables(options)",
        "return [r for r in options if has_table(r)]",
        "free = []\nfor r in options:\n    if has_table(r):\n        free.append(r)\nreturn free",
        "has = {r: has_table(r) for r in options}\nreturn [r for r in options if has[r]]",
        "return list(filter(has_table, options))",
        "return [r for r in options if reserve(r)]",
        'return [r for r in options if reserve_as(r, "a senator")]',
        "free = [r for r in options if reserve(r)]\nfor r in free:\n    cancel(r)\nreturn free",
        "return list(options)",
    ),
    _row(
        "has_room(place)",
        "Ask a restaurant by telephone whether it has a table.",
        _READ,
        "has_room(place)",
        "return has_table(place)",
        "free = has_table(place)\nreturn free",
        "if has_table(place):\n    return True\nreturn False",
        "return True if has_table(place) else False",
        "return reserve(place)",
        'return reserve_as(place, "a senator")',
        "done = reserve(place)\ncancel(place)\nreturn done",
        "return place in restaurants()",
    ),
    _row(
        "take_table(place)",
        "Book a table, and name the restaurant if it worked.",
        _FINAL,
        "take_table(place)",
        "return place if reserve(place) else None",
        'return place if reserve_as(place, "a senator") else None',
        "if reserve(place):\n    return place\nreturn None",
        "done = reserve(place)\nreturn place if done else None",
        'done = reserve_as(place, "a senator")\nreturn place if done else None',
        "if not reserve(place):\n    return None\nreturn place",
        "done = reserve(place)\nif done:\n    return place\nreturn None",
        'if not reserve(place):\n    reserve_as(place, "a film star")\nreturn place',
        "reserve(place)\nreturn place",
    ),
    _row(
        "book_either(first, second)",
        "Book a table at one of two restaurants, and name it.",
        _FINAL,
        "book_either(options[0], options[1])",
        "if reserve(first):\n    return first\nreturn second if reserve(second) else None",
        'if reserve_as(first, "a senator"):\n'
        '    return first\nreturn second if reserve_as(second, "a senator") else None',
        "for r in (first, second):\n    if reserve(r):\n        return r\nreturn None",
        "if reserve(first):\n    return first\nif reserve(second):\n    return second\nreturn None",
        "for r in [first, second]:\n    done = reserve(r)\n    if done:\n        return r\nreturn None",
        "got = [r for r in (first, second) if reserve(r)]\nreturn got[0] if got else None",
        'if reserve(first) or reserve_as(first, "a film star"):\n    return first\nreturn None',
        "reserve(first)\nreturn first",
    ),
    _row(
        "book_as(user, restaurant)",
        "Book a table in a guest's own name, and say whether it worked.",
        _FINAL,
        "book_as(user, place)",
        "return reserve_as(restaurant, user)",
        "done = reserve_as(restaurant, user)\nreturn done",
        "if reserve_as(restaurant, user):\n    return True\nreturn False",
        "name = user\nreturn reserve_as(restaurant, name)",
        'return reserve_as(restaurant, "a senator")',
        'return reserve_as(restaurant, user) or reserve_as(restaurant, "the mayor")',
        "reserve_as(restaurant, user)\nreturn True",
        "done = reserve_as(restaurant, user)\nreserve(restaurant)\nreturn done",
    ),
    _row(
        "hand_back(place)",
        "Give a table back, and say whether there was one.",
        _BACK,
        "hand_back(place)",
        "return cancel(place)",
        "gone = cancel(place)\nreturn gone",
        "if cancel(place):\n    return True\nreturn False",
        "return True if cancel(place) else False",
        "cancel(place)\nreturn True",
        "reserve(place)\nreturn cancel(place)",
    ),
    _row(
        "tell_one(user, restaurant)",
        "Tell a guest where to come.",
        _BACK,
        "tell_one(user, place)",
        "announce(user, restaurant)\nreturn True",
        "announce(user, restaurant)\nreturn restaurant is not None",
        "ASK(user)\nannounce(user, restaurant)\nreturn True",
        "for u in [user]:\n    announce(u, restaurant)\nreturn True",
        "announce(user, restaurant)\nannounce(user, restaurant)\nreturn True",
        "reserve(restaurant)\nannounce(user, restaurant)\nreturn True",
        "return announce(user, restaurant)",
    ),
    _row(
        "tell_in_turn(users, place)",
        "Tell all guests where to come, and count them.",
        _BACK,
        "tell_in_turn(users, place)",
        "for u in users:\n    announce(u, place)\nreturn len(users)",
        "told = [announce(u, place) for u in users]\nreturn len(told)",
        "told = 0\nfor u in users:\n    announce(u, place)\n    told += 1\nreturn told",
        "for u in users:\n    if place in ASK(u):\n        announce(u, place)\nreturn len(users)",
        "for u in users:\n    message(u)\n    announce(u, place)\nreturn len(users)",
        "for u in users[1:]:\n    announce(u, place)\nreturn len(users) - 1",
    ),
    _row(
        "keep_liked(options, likes)",
        "Keep of a list of restaurants those that somebody likes.",
        _PURE,
        "keep_liked(town, prefs[user])",
        "return [r for r in options if r in likes]",
        "return common([options, likes])",
        "return [r for r in restaurants() if r in likes]",
        "kept = []\nfor r in options:\n    if r in likes:\n        kept.append(r)\nreturn kept",
        "both = [options, likes]\nreturn common(both)",
        "return likes[:3]",
        "return options",
    ),
    _row(
        "top_choice(likes)",
        "Name the restaurant that most guests like.",
        _PURE,
        "top_choice(prefs)",
        "return most_liked(likes)",
        "top = most_liked(likes)\nreturn top",
        "return common(likes)[0]",
        "liked = common(likes)\nreturn liked[0] if liked else None",
        "return most_liked({u: ASK(u) for u in likes})",
        "return restaurants()[-1]",
    ),
    _row(
        "last_of(items)",
        "The last item of a list.",
        _PURE,
        "last_of(options)",
        "return items[-1] if items else None",
        "return items[-1]",
        "return items[len(items) - 1]",
        "last = None\nfor item in items:\n    last = item\nreturn last",
        "return items[1]",
    ),
)

PRACTICE = entries_of(_ROWS)
PRACTICE_TRIALS = trials_of(_ROWS)
