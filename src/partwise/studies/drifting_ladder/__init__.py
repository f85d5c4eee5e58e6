"""Does a change of values reach the generations after it, and at what price in people's answers?

Both papers as one system: planners climb a ladder (Kim et al. 2025) whose proxy hears people in every
generation (Mai et al. 2025), and in the second of four people change their minds. Held against a ladder that
had the new values from the start, one whose proxy hears nobody after the first generation, one into which
nothing is injected, and one whose injection reads the oracle.

    partwise study drifting_ladder recipes/drifting_ladder.toml --out runs/drifting_ladder
"""
