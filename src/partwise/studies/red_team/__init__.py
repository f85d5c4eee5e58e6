"""Which search finds more of the ways in which an unaligned model does harm?

Kim et al. 2025, section 4.1, stage 2: an unaligned model is deployed in a sandbox and a red team looks for
hazardous scenes. Three searches have the same model and budget: at random, quality diversity, and TPE. What
they found is played again, since the worst of many looks worse than it is; what cheaper views of the world
would have shown of it, and what no monitor sees, is counted beside it.

    partwise study red_team recipes/red_team.toml --out runs/red_team
    partwise study red_team_planted recipes/red_team_planted.toml --out runs/red_team_planted
    partwise study red_team_planners recipes/red_team_planners.toml --out runs/red_team_planners

The first searches models that have learned from a verifier alone, which do harm nearly everywhere; the second
models in which a harm was planted behind one word, which do it nearly nowhere; the third planners of
`align`, which do harm everywhere, or where many guests are expected.
"""
