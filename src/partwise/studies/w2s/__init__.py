"""What do weak labels bring out of a stronger student?

Burns et al. 2023 and Shin et al. 2025, which Kim et al. 2025 build on: every pair of the ladder, every
loss, each setting of the dial of how often easy and hard cues occur together. Cross-entropy and the
confidence loss are the method of Burns et al. as their paper states it (section 4.3, appendix A.4), the
reference; the product loss, bootstrapping through the sizes between, and linear probes are what is
compared with it.

    partwise study w2s recipes/w2s.toml --out runs/w2s
"""
