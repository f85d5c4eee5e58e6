"""What verifiers finds of Partwise: `vf-eval partwise-world` imports a module of that name.

It looks for its classes among what a top-level module exports, so that this can't be a part of `partwise`.
"""

from partwise.evals.verifiers_env import TwoTurns, WorldEnv, WorldTaskset

__all__ = ["TwoTurns", "WorldEnv", "WorldTaskset"]
