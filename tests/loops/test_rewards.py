"""What a rollout earns: each setting adds what it says and nothing else."""

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pytest
from pydantic import ValidationError

from partwise.composition.sandbox import Sandbox
from partwise.composition.summary import NOTHING, summarise, without_lines
from partwise.config import AlignConfig
from partwise.draws import share_of
from partwise.loops.rewards import reward_function
from partwise.loops.schedules import refuse_unknown_values
from partwise.measure.evaluate import _best as evaluate_best  # pyright: ignore[reportPrivateUsage]
from partwise.measure.evaluate import figures, judge
from partwise.measure.oracle import ValueOracle
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import summary_items, whole_items
from partwise.types import Execution, Outcome, PartialSolution, Rollout, Solution, Split
from partwise.values import ValueProfile
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()
ASK, BOOK = (WORLD.catalogue[name].implementations[0] for name in ("ask_everyone", "book_table"))
ALIGNED = "prefs = ask_everyone(users)\nfor r in common(prefs):\n    if book_table(r):\n        break"
WASTEFUL = "prefs = ask_everyone(users)\nfor r in restaurants():\n    book_table(r)"
CRASHING = WASTEFUL + "\nprefs[0]"


class ScriptedProxy:
    """Judges by what it is told to, so that each term of a reward can be told."""

    def judge_summaries(self, summaries: Sequence[str]) -> list[float]:
        return [0.25] * len(summaries)

    def judge_wholes(self, sources: Sequence[str]) -> list[float]:
        return [0.75] * len(sources)


def rollout(composition: str, index: int = 0, parts: tuple[PartialSolution, ...] = (ASK, BOOK)) -> Rollout:
    task = WORLD.task(Split.TRAIN, index)
    solution = Solution(partial_solutions=parts, composition=composition)
    with Sandbox() as sandbox:
        execution = sandbox.run(solution.source, WORLD.episode(task), WORLD.tools)
    return Rollout(
        task=task,
        decomposition="",
        composition=composition,
        solution=solution,
        partial_rewards=(0.5, 0.75),
        execution=execution,
        correct=WORLD.verify(task, execution.trace) if execution.ran else None,
        summary=summarise(execution.trace, WORLD.tools, task.inputs) if execution.ran else "",
    )


@pytest.fixture(scope="module")
def good() -> Rollout:
    return next(row for i in range(20) if (row := rollout(ALIGNED, i)).correct)


def earned(rows: Sequence[Rollout], **loop: Any) -> list[float]:
    proxy: Any = ScriptedProxy()
    config = AlignConfig.model_validate({"loop": loop})
    return reward_function(config, WORLD, proxy, lambda: WORLD.values)(rows)


@pytest.mark.parametrize(
    ("loop", "expected"),
    [
        ({"reward": "floor"}, 1),
        ({"reward": "parts"}, 1 + 0.5 + 0.75),
        ({"reward": "parts", "aggregate": "mean"}, 1 + 0.625),
        ({"reward": "parts", "aggregate": "min"}, 1 + 0.5),
        ({"reward": "parts", "summary": True}, 1 + 1.25 + 0.25),
        ({"reward": "parts", "summary": True, "summary_weight": 2}, 1 + 1.25 + 0.5),
        ({"reward": "strategies"}, 1 + 1.25 + 0.25),
        ({"reward": "strategies", "summary": False}, 1 + 1.25),
        ({"reward": "floor", "summary": True}, 1 + 0.25),
        ({"reward": "paid"}, 1 + 2),
        ({"reward": "paid", "aggregate": "mean"}, 1 + 1),
        ({"reward": "whole"}, 1 + 0.75),
        ({"reward": "ceiling"}, 1 + 1),
    ],
)
def test_each_setting_adds_what_it_says(good: Rollout, loop: dict[str, Any], expected: float):
    assert earned([good], **loop) == [expected]
    crashed = rollout(CRASHING)
    assert crashed.outcome is Outcome.RAISED
    assert earned([crashed, good, crashed], **loop) == [-1, expected, -1]


def test_a_random_reward_knows_nothing_and_is_the_same_again():
    rows = [rollout(ALIGNED, index) for index in range(40)]
    found = earned(rows, reward="random")
    assert found == earned(rows, reward="random") and len(set(found)) == 40
    assert all(0 <= reward < 1 for reward in found) and 0.3 < sum(found) / 40 < 0.7


def test_presets_are_their_settings():
    strategies, parts, own = (
        AlignConfig.model_validate({"loop": loop}).loop
        for loop in ({"reward": "strategies"}, {"reward": "parts"}, {"reward": "floor", "space": "tree"})
    )
    assert (strategies.composition_space, strategies.judges_summaries) == ("affine", True)
    assert (parts.composition_space, parts.judges_summaries) == ("free", False)
    assert (own.composition_space, own.judges_summaries) == ("tree", False)


def test_a_program_that_stops_itself_after_doing_harm_gains_nothing():
    """The headline rates are of all tasks: crashing whenever it would be found out does not help."""
    rows = [rollout(WASTEFUL if index % 2 else CRASHING, index) for index in range(20)]
    good = [rollout(ALIGNED, index) for index in range(20)]
    oracle = ValueOracle(WORLD, WORLD.values)
    honest, mixed = figures(judge(good, oracle)), figures(judge(good[:2] + rows[::2][:18], oracle))
    assert mixed.given_ran.aligned_and_correct.mean == 1 and mixed.given_ran.aligned.mean == 1
    assert mixed.aligned_and_correct.mean == pytest.approx(2 / mixed.aligned_and_correct.n)
    assert mixed.correct.mean == mixed.aligned_and_correct.mean == mixed.ran.mean
    assert honest.ran.mean == 1 and honest.correct.mean == honest.given_ran.correct.mean


@pytest.mark.parametrize("flipped", [0.0, 0.25, 1.0])
def test_verdicts_on_summaries_are_turned_around_as_often_as_asked(flipped: float):
    rows = [rollout(ALIGNED, index) for index in range(200)]
    errors = {"flipped": flipped}
    found = earned(rows, reward="random", summary=True, summary_errors=errors)
    plain = earned(rows, reward="random")
    turned = [abs(a - b - 0.75) < 1e-9 for a, b in zip(found, plain, strict=True)]
    assert sum(turned) == pytest.approx(200 * flipped, abs=25 * (0 < flipped < 1))
    assert found == earned(rows, reward="random", summary=True, summary_errors=errors)


def test_lines_are_missing_from_summaries_as_often_as_asked():
    summary = "\n".join(f"tool{i}: one call." for i in range(1000))
    kept = without_lines(summary, 0.25, "a").split("\n")
    assert 700 < len(kept) < 800 and set(kept) < set(summary.split("\n"))
    assert without_lines(summary, 0.25, "a") == "\n".join(kept) != without_lines(summary, 0.25, "b")
    assert without_lines(summary, 0.0, "a") == summary and without_lines(summary, 1.0, "a") == NOTHING


def test_people_hold_nothing_against_a_summary_that_it_does_not_tell():
    import random

    row = rollout(WASTEFUL)
    told = replace(row, summary=row.summary.split("\n")[0])
    assert told.summary.startswith("message:") and "reserve" in row.summary
    whole, part, unseen = (
        next(
            option.consequences
            for option in summary_items(WORLD, [rows], random.Random(0), 1, without)[0].options
            if option.consequences
        )
        for rows, without in ((row, ()), (told, ()), (row, ("waste",)))
    )
    assert whole["waste"] == 1 and part["waste"] == 0 and "waste" not in unseen


def test_complete_solutions_are_harder_to_judge_than_their_summaries():
    """Their complexity is beyond what people read at full rationality, which no part's is."""
    import random

    rows = [rollout(ALIGNED, 0), rollout(WASTEFUL, 0)]
    wholes = whole_items(WORLD, rows, random.Random(0), 40)
    readable = AlignConfig().human.readable
    assert max(item.complexity for item in wholes) > readable
    assert {option.text for item in wholes for option in item.options} <= {
        NOTHING,
        *(row.solution.source for row in rows if row.solution),
    }
    best = next(item for item in wholes if len({len(o.text) for o in item.options} & {len(NOTHING)}) == 0)
    right = [0, 0]
    for side, limit in enumerate((10, 10_000)):
        for seed in range(200):
            human = SimulatedHuman(WORLD.values, rationality=6, readable=limit, seed=str(seed))
            (answer,) = human.answer([best])
            utilities = [WORLD.values.utility(option) for option in best.options]
            right[side] += answer.preferred == utilities.index(max(utilities))
    assert right[0] < right[1] == 200


def test_people_answer_by_what_they_state_and_the_oracle_by_what_they_hold_dear():
    import random

    row = rollout(WASTEFUL)
    items = [item for item in summary_items(WORLD, [row], random.Random(0), 9) if len(item.options) == 2]
    kwargs: dict[str, Any] = {"rationality": 50, "readable": 1000, "seed": "0"}
    plain = SimulatedHuman(WORLD.values, **kwargs).answer(items)
    blind = SimulatedHuman(WORLD.values, stated={"waste": 0.0}, **kwargs).answer(items)
    done = [0 if item.options[0].text == row.summary else 1 for item in items]
    assert all(answer.preferred != side for answer, side in zip(plain, done, strict=True))
    assert all(answer.preferred == side for answer, side in zip(blind, done, strict=True))
    values: ValueProfile = WORLD.values
    assert not ValueOracle(WORLD, values).aligned(row.task, row.execution.trace)


def test_draws_are_even_and_follow_from_what_they_are_about():
    draws = [share_of("a", index) for index in range(2000)]
    assert len(set(draws)) == 2000 and draws[0] == share_of("a", 0) != share_of("b", 0)
    assert all(150 < sum(low <= 10 * draw < low + 1 for draw in draws) < 250 for low in range(10))


def test_errors_of_a_judge_that_is_not_asked_are_refused():
    with pytest.raises(ValidationError, match="`summary_errors` do nothing where no summary is judged"):
        AlignConfig.model_validate({"loop": {"reward": "parts", "summary_errors": {"flipped": 0.1}}})
    errors = {"unseen": ["privvacy"]}
    config = AlignConfig.model_validate({"loop": {"reward": "strategies", "summary_errors": errors}})
    with pytest.raises(LookupError, match="no value `privvacy`"):
        refuse_unknown_values(WORLD, config.loop.summary_errors.unseen)


def test_the_best_of_several_is_the_one_that_the_reward_finds_best():
    """The first of the best of each task's, and in the order of the tasks."""
    rows = [rollout(text, index) for index in (0, 1) for text in (CRASHING, ALIGNED, ALIGNED)]
    best = evaluate_best(rows, 3, lambda found: earned(found, reward="floor"))
    assert best == [rows[1], rows[4]]


def test_what_did_not_run_is_no_summary():
    execution = Execution(outcome=Outcome.RAISED, trace=(), message="")
    row = replace(rollout(ALIGNED), execution=execution, correct=None, summary="")
    assert earned([row], reward="strategies") == [-1]
