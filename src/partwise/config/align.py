"""One run of the scalable-alignment loop."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

from pydantic import Field, field_validator, model_validator

from partwise.composition.spaces import validate_space
from partwise.config.asked import AskedConfig
from partwise.config.human import HumanConfig
from partwise.config.planner import PlannerConfig
from partwise.config.reward import RewardModelConfig
from partwise.config.section import Listed, LocalName, PositiveInt, Section, Seed, UnitFloat
from partwise.config.writer import WriterConfig
from partwise.types import Split


class Reward(StrEnum):
    """What a solution that ran earns. R is the verifier's word, 1 or 0."""

    FLOOR = "floor"
    """R alone."""
    PARTS = "parts"
    """R + partial rewards, as in Mai et al. 2025, Figure 2(b), line 11."""
    STRATEGIES = "strategies"
    """The same in the affine composition space, plus the proxy's judgment of the summary (section 5): short
    for `parts` with `space=affine summary=true`."""
    CEILING = "ceiling"
    """R + the value oracle: what could be had if complete solutions could be judged."""
    WHOLE = "whole"
    """R + the proxy's judgment of the complete solution's text, about whose like people are asked as well:
    outcome supervision by those who can't read it all."""
    PAID = "paid"
    """R + partial rewards of 1 each: what parts bring by being paid for, whatever they are."""
    RANDOM = "random"
    """A number that nothing decides, 0 to 1: what training does by itself."""


class RealignConfig(Section):
    """When the proxy is realigned after the first round, and what is asked then."""

    when: Literal["every", "alarm", "budget"] = "every"
    """Every `every` rounds; when the drift detector sounds on the control questions; or as soon as `budget`
    labels, spread evenly over the rounds, allow for it."""
    every: PositiveInt = 1
    """Rounds from one realignment to the next, with `when=every`."""
    budget: PositiveInt = 1000
    """Labels that later rounds may cost together, with `when=budget`."""
    ask: Literal["random", "unrepeated", "uncertain", "disagreeing"] = "random"
    """Which questions: drawn at random; the same without repeats; those on which the proxy is least certain;
    or those on which the proxy and its earlier selves disagree most. All but the first take each question
    from `pool` candidates, and no pair of texts twice since values moved, as long as there are others."""
    pool: PositiveInt = 10
    """Candidates for each question that is not drawn at random."""
    control: int = Field(default=0, ge=0)
    """Questions of each round that are always drawn at random, so that agreement and drift are measured
    without bias; they count as labels and are learned from as well. 0 only with `every`=1 and `ask`=random,
    where all questions are such."""
    confidence: float = Field(default=0.1, gt=0, lt=1)
    """Of the drift detector (ADWIN's delta): lower for fewer false alarms and later ones."""
    follow: int = Field(default=2, ge=0)
    """Further rounds after an alarm in which values are taken to be moving."""
    half_life: float | None = Field(default=None, gt=0)
    """Rounds in which the replay of what was said before an alarm halves; the proxy then also learns as
    thoroughly as in its first round. None to take values to be steady whatever the alarm says."""
    moving: Literal["alarm", "always"] = "alarm"
    """When values are taken to be moving, where there is a half-life: after an alarm, or always."""
    announced: int | None = Field(default=None, ge=0)
    """A round in which people are known to have changed their minds: it counts as one with an alarm."""

    @model_validator(mode="after")
    def _controlled(self) -> RealignConfig:
        if not self.control and (self.when != "every" or self.every > 1 or self.ask != "random"):
            raise ValueError("it needs `control` questions, e.g. 40, wherever not all questions are random")
        return self


class ProxyConfig(Section):
    """H_phi: the human-level AI that solves and judges subtasks."""

    size: Literal["nano", "micro", "mini", "small", "medium", "large"] = "mini"
    """Size of the reward model's network; ignored where `proxy.reward.model` is given."""
    reward: RewardModelConfig = RewardModelConfig()
    solver: Literal["catalogue", "writer", "model"] = "catalogue"
    """Whether it takes bodies from the world's catalogue, a `writer` that learns from people writes them, or
    `model` does, by prompt."""
    writer: WriterConfig = WriterConfig()
    model: LocalName | None = None
    """A language model for `solver=model`, `judge=word` or `judge=both`: a Hugging Face name, a local folder
    or `package:smollm2`; or a provider's model by Inspect's name, such as `openai/...`, `anthropic/...`,
    `ollama/...` or `openai-api/...`. Where a name could be both, `hub:` before it says the former."""
    judge: Literal["reward", "word", "both"] = "reward"
    """Whose judgment counts: the reward model's, which learns from people; the word of `model`, which is told
    what people here hold dear; or the mean of both, in log-odds."""
    asked: AskedConfig = AskedConfig()
    learns: bool = True
    """Whether it learns from the answers; one that does not is the control for what it brings untrained."""
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
    """In the first round; a quarter of it later, lest a few new answers unsettle what was learned. For the
    adapters of a `proxy.reward.model` a tenth of it, 2e-4, or with `proxy.reward.lora_rank=0` a hundredth."""

    @model_validator(mode="after")
    def _seated(self) -> ProxyConfig:
        if (self.model is not None) != (self.solver == "model" or self.judge != "reward"):
            raise ValueError(
                "`model` and a seat for it go together: `solver=model`, `judge=word` or `judge=both`; "
                "a language model that learns to write is named by `proxy.writer.model`, with `solver=writer`"
            )
        if self.writer.model is not None and self.solver != "writer":
            raise ValueError(
                "`proxy.writer.model` learns to write, with `proxy.solver=writer`; a model that writes by "
                "prompt is `proxy.model`, with `proxy.solver=model`"
            )
        return self


class RlftConfig(Section):
    """RLFT: how the planner's weights move within a round."""

    algorithm: Literal["grpo", "rloo"] = "grpo"
    """GRPO, or REINFORCE with a leave-one-out baseline."""
    steps: int = Field(default=8, ge=0)
    """Optimizer steps a round; with 0 the planner stays as it is, and only the proxy learns."""
    tasks_per_step: PositiveInt = 8
    """Training tasks a step, each with `group_size` rollouts."""
    group_size: Annotated[int, Field(ge=2)] = 16
    """Rollouts of each task, compared with each other."""
    micro_batch: PositiveInt = 32
    """Most rollouts whose gradients are computed at once: it bounds memory and changes nothing else.
    Their greatest common divisor with a step's rollouts is taken."""
    learning_rate: float = Field(default=1e-3, gt=0)
    """In the first round; it falls in a straight line, to `final` of it in the last."""
    final: UnitFloat = 0.1
    """Share of the learning rate that is left at the end."""
    settle: PositiveInt | None = None
    """Rounds in which the learning rate falls to `final` of itself, once at the start and again from each
    alarm; a run that goes on from another has settled when it begins. None: once, over the whole run."""
    scale: Literal["group", "batch", "none"] = "batch"
    """What GRPO divides advantages by: the spread of a task's rewards, of the batch's, or nothing."""
    temperature: float = Field(default=1.0, gt=0)
    """Of sampling rollouts."""
    kl: float = Field(default=0.0, ge=0)
    """Weight of the KL divergence from the planner as it was when the round began."""


class SummaryErrors(Section):
    """How the judge of summaries errs, beyond what a summary leaves out. For asking how good it has to be."""

    dropped: UnitFloat = 0.0
    """Chance that a line of a summary is missing, for those who are asked and for the proxy."""
    flipped: UnitFloat = 0.0
    """Share of solutions of which the verdict is turned around."""
    unseen: Annotated[tuple[str, ...], Listed] = ()
    """Value dimensions that people do not hold against a summary, whatever it says."""


class LoopConfig(Section):
    """Figure 2: rounds of realigning the proxy and training the planner."""

    rounds: PositiveInt = 6
    """How often the proxy is realigned and the planner trained on it (Figure 2)."""
    start: LocalName | None = None
    """Directory of a finished run whose last planner, proxy and answers this one goes on from."""
    rewind: UnitFloat = 0.0
    """Share of the way back to the base planner's weights that an alarm takes the planner. A planner that has
    settled tries nothing else any more; on the way back lies what it used to try."""
    reward: Reward = Reward.PARTS
    """What a solution that ran earns: a preset of what is judged."""
    aggregate: Literal["sum", "mean", "min"] = "sum"
    """How partial rewards become one: the paper's sum, which rewards over-decomposition; mean; min."""
    space: str | None = None
    """Composition space; None for `affine` with `reward=strategies`, else `free`."""
    summary: bool | None = None
    """Whether the proxy's judgment of a summary is added to the reward, and people are asked about summaries;
    None for yes with `reward=strategies`, else no."""
    summary_weight: float = Field(default=1.0, ge=0)
    """Weight of that judgment."""
    summary_errors: SummaryErrors = SummaryErrors()
    failure_reward: float = -1.0
    """Reward of a solution that did not run to its end, whatever stopped it."""

    @field_validator("space")
    @classmethod
    def _known(cls, space: str | None) -> str | None:
        return None if space is None else validate_space(space)

    @model_validator(mode="after")
    def _judged(self) -> LoopConfig:
        if self.summary_errors != SummaryErrors() and not self.judges_summaries:
            raise ValueError("`summary_errors` do nothing where no summary is judged; set `summary=true`")
        return self

    @property
    def composition_space(self) -> str:
        """The space that solutions must keep to."""
        return self.space or ("affine" if self.reward is Reward.STRATEGIES else "free")

    @property
    def judges_summaries(self) -> bool:
        """Whether summaries are judged."""
        return self.reward is Reward.STRATEGIES if self.summary is None else self.summary


class MeasureConfig(Section):
    """How far it got."""

    heldout_tasks: PositiveInt = 1000
    """Tasks on which the planner is measured at the end, that nothing else has seen."""
    heldout_start: int = Field(default=0, ge=0)
    """Index of the first held-out task: having looked at some, take a fresh stretch for what is reported."""
    validation_tasks: PositiveInt = 200
    """Tasks read after each round, for the curve only."""
    curve: Split = Split.VALIDATION
    """Which split the curve is read on: `heldout` where the curve itself is what is reported, and nothing was
    chosen by it."""
    temperature: float = Field(default=1.0, gt=0)
    """Of sampling on them."""
    best_of: PositiveInt = 1
    """Solutions sampled for each held-out task, of which the one that the run's own reward finds best
    is taken: with `rlft.steps=0`, the control for what choosing does without training."""


class AlignConfig(Section):
    """One run of the scalable-alignment loop on one planner."""

    world: str = "dinner"
    """Where tasks, tools and values come from; `partwise tasks` shows one."""
    seed: Seed = 0
    """Decides everything that is drawn: base planner, tasks, what people answer, sampling."""
    planner: PlannerConfig = PlannerConfig()
    human: HumanConfig = HumanConfig()
    proxy: ProxyConfig = ProxyConfig()
    realign: RealignConfig = RealignConfig()
    rlft: RlftConfig = RlftConfig()
    loop: LoopConfig = LoopConfig()
    measure: MeasureConfig = MeasureConfig()

    @model_validator(mode="after")
    def _told(self) -> AlignConfig:
        if self.planner.model is None and self.planner.warm_start.examples:
            raise ValueError(
                "`planner.warm_start` is for a `planner.model`: a tiny planner learns from such plans "
                "already, as many as `planner.pretrain.examples`"
            )
        if self.planner.model is None and self.planner.prompts is not None:
            raise ValueError(
                "`planner.prompts` are for a `planner.model`: a tiny planner is told the task alone"
            )
        return self

    @property
    def base(self) -> PlannerConfig:
        """The planner's settings with the seeds of its pretraining and its warm start: the run's, where none
        is named.
        """
        return self.planner.model_copy(
            update={
                name: section.model_copy(update={"seed": self.seed})
                for name, section in (
                    ("pretrain", self.planner.pretrain),
                    ("warm_start", self.planner.warm_start),
                )
                if section.seed is None
            }
        )
