"""The papers' algorithms, each readable beside its pseudo-code."""
