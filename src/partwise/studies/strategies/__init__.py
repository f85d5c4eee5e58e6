"""Which of the paper's strategies does what, and what else could explain it?

Mai et al. 2025, section 5: restrict composition, judge a summary of the whole. Eight arms cross the
composition space, the judged summary and how parts are added up; the controls change one thing of the
strategies, or do without judgment. The measure is the share of all held-out tasks that come out aligned
and correct.

    partwise study strategies recipes/strategies.toml --out runs/strategies
"""
