"""Does a model that judges itself collapse? Do peers help?

Kim et al. 2025. A writer of plans learns round after round from judgments of its own plans. What
differs between the arms is who judges: the writer as it is now, alone or behind a rules-based verifier,
the writer as it was, three peers of equal capacity, whoever knows the truth (the ceiling), or chance
(the control: what the training does to a writer without any information).

    partwise study self_enhancement recipes/self_enhancement.toml --out runs/self_enhancement
"""
