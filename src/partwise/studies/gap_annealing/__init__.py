"""How much larger should the next generation be than the one that helps to align it?

Kim et al. 2025, section 4.2, want the gap annealed: small while supervision is noisy, larger as it gets
better. The same ladder is grown under fixed, scheduled and adaptive gaps, and under two controls, at equal
labels, tokens and generations (docs/concepts/gap-annealing.md).

    partwise study gap_annealing recipes/gap_annealing.toml --out runs/gap
"""
