"""What is a second source of supervision worth, and a sixth?

Kim et al. 2025, section 4.2. Six sources label the student's plans: three weak models that learned from
different plans, two people with a bias, and a careless one. In one setting their errors differ. In the
other, the paper's break condition, all share a bias: the people do not mind needless bookings, and the
models learned from them.

    partwise study signal_diversity recipes/signal_diversity.toml --out runs/signal_diversity
"""
