"""Do aligned parts make an aligned whole?

Mai et al. 2025, sections 4 and 5: the planner learns from the verifier and from a proxy's judgment of
the parts; how much of the alignment of complete solutions does that recover, between a planner that
learns from the verifier alone (floor) and one that learns from the value oracle (ceiling)? Every arm is
a run of the same loop from the same base planner, and each seed has a base planner of its own.

    partwise study part_to_complete recipes/part_to_complete.toml --out runs/part_to_complete
"""
