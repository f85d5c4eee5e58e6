"""The configuration of a run: one set of pydantic models behind TOML files, dotted overrides and Python.

It imports neither torch nor transformers, so that the command line answers at once.
"""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import BaseModel, ConfigDict, Field, field_validator

from partwise.composition.spaces import validate_space

PositiveInt = Annotated[int, Field(gt=0)]
UnitFloat = Annotated[float, Field(ge=0, le=1)]


class Section(BaseModel):
    """A part of the configuration: keyword-only, frozen, unknown keys refused."""

    model_config = ConfigDict(extra="forbid", frozen=True, validate_default=True)


class Reward(StrEnum):
    """What the planner is trained on: the arms of the study of part-to-complete generalization."""

    FLOOR = "floor"
    """R, the verifier's word, alone."""
    PARTS = "parts"
    """R + partial rewards, as in Mai et al. 2025, Figure 2(b), line 11."""
    STRATEGIES = "strategies"
    """The same in the affine composition space, plus the proxy's judgment of the summary (section 5)."""
    CEILING = "ceiling"
    """R + the value oracle: what could be had if complete solutions could be judged."""


class PretrainConfig(Section):
    """How a tiny planner is made from random weights. Cached by the digest of all that shapes it."""

    examples: PositiveInt = 8_000
    epochs: PositiveInt = 1
    batch_size: PositiveInt = 16
    learning_rate: float = Field(default=3e-3, gt=0)
    seed: int = 0


class PlannerConfig(Section):
    """P_theta: the model that decomposes and recomposes."""

    size: Literal["nano", "micro", "mini", "small", "medium", "large"] = "small"
    """Size of the tiny model, from about 10k to 5M parameters; ignored where `model` is given."""
    model: str | None = None
    """A Hugging Face name or local folder of a causal LM; None for a tiny model, pretrained here."""
    lora_rank: int = Field(default=16, ge=0)
    """Rank of the LoRA adapters that train `model`; 0 trains all weights. Tiny models train all weights."""
    device: str = "auto"
    """Where the models live: a torch device, or `auto` for a GPU where there is one."""
    max_decomposition_tokens: PositiveInt = 128
    max_composition_tokens: PositiveInt = 128
    pretrain: PretrainConfig = PretrainConfig()


class HumanConfig(Section):
    """H: a simulated human, who answers judgment items and nothing else."""

    values: dict[str, Annotated[float, Field(ge=0)]] = Field(default_factory=dict)
    """Weight of each value dimension; those not named weigh 1."""
    rationality: float = Field(default=6.0, gt=0)
    """Inverse temperature of the Boltzmann choice between two utilities that differ by at most about 2."""
    readable: PositiveInt = 60
    """Complexity (in syntax nodes) up to which an option is judged at full rationality; beyond, it falls."""


class ProxyConfig(Section):
    """H_phi: the human-level AI that solves and judges subtasks."""

    size: Literal["nano", "micro", "mini", "small", "medium", "large"] = "mini"
    """Size of the reward model's network."""
    capacity: PositiveInt = 24
    """Syntax nodes (`composition.complexity`) of the most complex body that it can write: human-level."""
    labels_first: PositiveInt = 1500
    """Human answers in the first round."""
    labels_later: int = Field(default=100, ge=0)
    """Human answers in each later round."""
    replay: int = Field(default=600, ge=0)
    """Older answers that are learned again in each later round."""
    epochs: PositiveInt = 4
    """Passes over the answers in the first round; one in each later round."""
    learning_rate: float = Field(default=2e-3, gt=0)
    """In the first round; a quarter of it later, lest a few new answers unsettle what was learned."""


class RlftConfig(Section):
    """RLFT: how the planner's weights move within a round."""

    algorithm: Literal["grpo", "rloo"] = "grpo"
    steps: PositiveInt = 8
    """Optimizer steps a round."""
    tasks_per_step: PositiveInt = 8
    group_size: Annotated[int, Field(ge=2)] = 16
    """Rollouts of each task, compared with each other."""
    micro_batch: PositiveInt = 32
    """Most rollouts whose gradients are computed at once: it bounds memory and changes nothing else.
    Their greatest common divisor with a step's rollouts is taken."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """In the first round; it falls in a straight line, to a tenth of it in the last."""
    scale: Literal["group", "batch", "none"] = "batch"
    """What GRPO divides advantages by: the spread of a task's rewards, of the batch's, or nothing."""
    temperature: float = Field(default=1.0, gt=0)
    kl: float = Field(default=0.0, ge=0)
    """Weight of the KL divergence from the planner as it was when the round began."""


class LoopConfig(Section):
    """Figure 2: rounds of realigning the proxy and training the planner."""

    rounds: PositiveInt = 6
    reward: Reward = Reward.PARTS
    aggregate: Literal["sum", "mean", "min"] = "sum"
    """How partial rewards become one: the paper's sum, which rewards over-decomposition; mean; min."""
    space: str | None = None
    """Composition space; None for the arm's own (`affine` with strategies, else `free`)."""
    summary_weight: float = Field(default=1.0, ge=0)
    """Weight of the judged summary, where the arm has one."""
    failure_reward: float = -1.0
    """Reward of a solution that did not run to its end, whatever stopped it."""

    @field_validator("space")
    @classmethod
    def _known(cls, space: str | None) -> str | None:
        return None if space is None else validate_space(space)


class MeasureConfig(Section):
    """How far it got."""

    heldout_tasks: PositiveInt = 1000
    heldout_start: int = Field(default=0, ge=0)
    """Index of the first held-out task: having looked at some, take a fresh stretch for what is reported."""
    validation_tasks: PositiveInt = 200
    """Tasks read after each round, for the curve only."""
    temperature: float = Field(default=1.0, gt=0)


class AlignConfig(Section):
    """One run of the scalable-alignment loop on one planner."""

    world: str = "dinner"
    seed: int = Field(default=0, ge=0)
    planner: PlannerConfig = PlannerConfig()
    human: HumanConfig = HumanConfig()
    proxy: ProxyConfig = ProxyConfig()
    rlft: RlftConfig = RlftConfig()
    loop: LoopConfig = LoopConfig()
    measure: MeasureConfig = MeasureConfig()


class StudyConfig(Section):
    """A study: runs of the loop that differ in one thing, over several seeds."""

    seeds: PositiveInt = 1
    """Seeds `align.seed`, `align.seed` + 1, and so on."""
    quick: bool = False
    """Two rounds and 200 held-out tasks: whether it works, not what it says."""
    processes: PositiveInt | None = None
    """Runs at the same time; None for one a core."""
    align: AlignConfig = AlignConfig()
    """What the runs share."""
