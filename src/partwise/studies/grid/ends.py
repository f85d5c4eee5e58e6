"""What studies of ladders read of the last aligned model; apart, so that a page loads no models."""

ENDS = ("together", "competence", "conformity", "form", "hazard", "honesty")
"""On held-out scenes of every difficulty."""
