"""Does a human-level judge do better where debaters reveal what counts, and if they are not equal?

Kim et al. 2025, on sandwiching; Irving et al. 2018, section 3.2. A judge, trained on easy plans by the
word of a simulated person, has to say of hard plans whether people would hold anything against them. It
sees a few events of each: at random, as one adviser reveals them, or as two debaters do.

    partwise study debate recipes/debate.toml --out runs/debate
"""
