"""What does each piece of the pipeline bring, and does it matter that its stages alternate?

Kim et al. 2025, section 4.1: competence and conformity are to be optimised in turns, since risks show while
competence grows, and can be mended while they are small. The same ladder is grown under other orders of its
stages, without a stage, and with one source of supervision for several; all learn from as much.

    partwise study ablation_progressive recipes/ablation_progressive.toml --out runs/ablation
"""
