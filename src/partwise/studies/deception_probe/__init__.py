"""Does a probe find models that do harm where they are told that nobody watches?

Kim et al. 2025, section 4.1: before a model is trusted, its risks are looked for in a sandbox. Here models
are planted that behave where they are told that somebody watches, with clean twins, benign decoys, and other
models that go by something else than the word that the probe changes.

    partwise study deception_probe recipes/deception_probe.toml --out runs/deception_probe
"""
