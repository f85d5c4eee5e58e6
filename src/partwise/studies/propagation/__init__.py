"""Does a change of human values reach the planner?

Mai et al. 2025, sections 3 and 6. Before the change, one run of the loop a seed. From its last planner,
proxy and answers go on: a run for each way in which values may move; two of them again with a planner
that is not trained any more, the controls; runs that realign every so many rounds; runs that follow
agreement label by label, for each way to choose questions; and quiet ones, to count false alarms.
Beside them stands a planner that is retrained from scratch. Nobody but the simulated people knows that
values move.

    partwise study propagation recipes/propagation.toml --out runs/propagation
"""
