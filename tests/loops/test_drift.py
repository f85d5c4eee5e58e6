"""Runs in which values move: going on from another run, policies, and interruption."""

import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from partwise.config import AlignConfig
from partwise.loops.run import align
from partwise.loops.schedules import schedule
from partwise.models.hub import load_causal_lm
from partwise.oversight.feedback import FeedbackStore
from partwise.runs.progress import ignore
from partwise.runs.rundir import RunError
from partwise.worlds.dinner import DinnerWorld

DRIFT = {"shape": "abrupt", "at": 1, "to": {"privacy": 0.0, "quiet": 1.0}}
POLICY = {
    "when": "every",
    "every": 2,
    "control": 8,
    "ask": "disagreeing",
    "half_life": 0.5,
    "moving": "always",
}


def _with(config: AlignConfig, **sections: Any) -> AlignConfig:
    data = config.model_dump()
    for name, update in sections.items():
        data[name] = data[name] | update
    return AlignConfig.model_validate(data)


def _records(run: Path) -> list[dict[str, Any]]:
    return [json.loads(path.read_text()) for path in sorted(run.glob("rounds/*/round.json"))]


@pytest.fixture
def before(small_config: AlignConfig, tmp_path: Path) -> Path:
    align(_with(small_config, loop={"reward": "strategies"}), tmp_path / "before", ignore)
    return tmp_path / "before"


def _later(small_config: AlignConfig, before: Path, **sections: Any) -> AlignConfig:
    return _with(
        small_config,
        **{
            "loop": {"reward": "strategies", "start": str(before), "rounds": 4, "rewind": 0.5},
            "human": {"drift": DRIFT},
            "realign": POLICY,
            "rlft": {"settle": 2},
        }
        | sections,
    )


@pytest.mark.slow
@pytest.mark.parametrize("ask", ["disagreeing", pytest.param("random", marks=pytest.mark.long)])
def test_a_run_goes_on_from_another_by_its_policy_and_again_after_a_cut(
    small_config: AlignConfig, before: Path, tmp_path: Path, ask: str
):
    config = _later(small_config, before, realign=POLICY | {"ask": ask})
    results = align(config, tmp_path / "whole", ignore)
    records = _records(tmp_path / "whole")
    assert [record["realigned"] for record in records] == [True, False, True, False]
    # So small a planner may write nothing that runs, and then there is no summary to ask about.
    assert [record["labels"] in (18, 28) for record in records] == [True, False, True, False]
    assert [record["labels"] for record in records[1::2]] == [8, 8]
    assert all(len(record["disagreed"]) == 8 for record in records)

    # What is left of a run that was killed in its third round.
    cut = tmp_path / "cut"
    shutil.copytree(tmp_path / "whole", cut)
    for leftover in ("results.json", "transcripts.jsonl", "feedback.db"):
        (cut / leftover).unlink()
    for round in ("002", "003"):
        shutil.rmtree(cut / "rounds" / round)
    assert align(config, cut, ignore) == results
    for name in ("answers.jsonl", "measured.jsonl", "planner/model.safetensors", "proxy/model.safetensors"):
        for round in range(4):
            place = Path("rounds") / f"{round:03d}" / name
            assert (cut / place).read_bytes() == (tmp_path / "whole" / place).read_bytes(), place

    with FeedbackStore(tmp_path / "whole" / "feedback.db") as store:
        kept = store.answers()
    assert len(kept) == sum(record["labels"] for record in records)
    assert {stored.version for stored in kept if stored.question.round == 0} == {"moved 0.00"}
    assert {stored.version for stored in kept if stored.question.round > 0} == {"moved 1.00"}


@pytest.mark.slow
def test_with_no_steps_the_planner_stays_as_it_is(small_config: AlignConfig, before: Path, tmp_path: Path):
    align(_later(small_config, before, rlft={"steps": 0}), tmp_path / "frozen", ignore)
    last = before / "rounds" / "001" / "planner"
    ours = tmp_path / "frozen" / "rounds" / "003" / "planner"
    theirs, _ = load_causal_lm(last, lora_rank=0, device="cpu")
    mine, _ = load_causal_lm(ours, lora_rank=0, device="cpu")
    assert all((a == b).all() for a, b in zip(theirs.parameters(), mine.parameters(), strict=True))


@pytest.mark.slow
def test_a_run_starts_from_finished_runs_only(small_config: AlignConfig, before: Path, tmp_path: Path):
    (before / "results.json").unlink()
    with pytest.raises(RunError, match="is not finished"):
        align(_later(small_config, before), tmp_path / "later", ignore)
    with pytest.raises(RunError, match="no run directory"):
        align(_later(small_config, tmp_path / "none"), tmp_path / "other", ignore)


@pytest.mark.parametrize(
    ("human", "said"),
    [
        ({"values": {"privcy": 0.0}}, "has no value `privcy`; it has waste, privacy"),
        ({"drift": {"shape": "abrupt", "to": {"fun": 1.0}}}, "has no value `fun`"),
        ({"groups": {"a": {"share": 0.5}}}, "add up to 1"),
        ({"groups": {"a": {"share": 1.0}}, "drift": {"group": "b"}}, "there is a"),
    ],
)
def test_values_that_there_are_not_are_refused(human: dict[str, Any], said: str):
    config = AlignConfig.model_validate({"human": human})
    with pytest.raises(LookupError, match=said):
        schedule(DinnerWorld(), config.human)


def test_groups_differ_from_what_all_hold_dear():
    human = {
        "values": {"waste": 0.5},
        "groups": {"old": {"share": 0.7}, "new": {"share": 0.3, "values": {"privacy": 0.0}}},
    }
    values = schedule(DinnerWorld(), AlignConfig.model_validate({"human": human}).human).values(0)
    assert [group.profile.weight("privacy") for group in values.groups] == [1.0, 0.0]
    assert {group.profile.weight("waste") for group in values.groups} == {0.5}
    assert values.aggregate.weight("quiet") == 0.0
