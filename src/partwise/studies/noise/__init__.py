"""Do larger models fit wrong labels more?

Kim et al. 2025, section 3.3, Figures 3 and 5. Every rung of the ladder is finetuned on true labels of
which a share is flipped, for many epochs, and followed by epoch: what it gives back of the labels that
it learns from, and what it has right of a test with true labels.

    partwise study noise recipes/noise.toml --out runs/noise
"""
