"""Bodies that people are never asked about, in whole runs."""

import json
from pathlib import Path
from typing import Any

import pytest

from partwise.config import AlignConfig
from partwise.loops.questions import part_items
from partwise.loops.run import align
from partwise.runs.progress import ignore
from partwise.runs.rundir import RunError
from partwise.worlds.dinner import DinnerWorld

WORLD = DinnerWorld()


def _with(config: AlignConfig, **sections: Any) -> AlignConfig:
    data = config.model_dump()
    for name, update in sections.items():
        data[name] = data[name] | update if isinstance(update, dict) else update
    return AlignConfig.model_validate(data)


@pytest.mark.slow
def test_no_round_asks_about_what_is_held_out(small_config: AlignConfig, tmp_path: Path):
    """With summaries, chosen questions, control questions and replay alike."""
    config = _with(
        small_config,
        human={"practice": 0.5, "heldout": 0.3},
        realign={"ask": "uncertain", "control": 20},
        loop={"reward": "strategies"},
        seed=200,
    )
    results = align(config, tmp_path / "run", ignore)
    parts = part_items(WORLD, config)
    asked: set[str] = set()
    for index in range(config.loop.rounds):
        folder = tmp_path / "run" / "rounds" / f"{index:03d}"
        rows = [json.loads(line) for line in (folder / "answers.jsonl").read_text().splitlines()]
        asked |= {text for row in rows for text in (row["chosen"], row["rejected"])}
        record = json.loads((folder / "round.json").read_text())
        assert [record[name]["n"] for name in ("agreement_unseen", "agreement_hard")] == [300, 300]
        assert 0 < record["agreement_unseen"]["mean"] < 1
    assert not asked & parts.heldout
    assert len(asked & parts.shown) > 40
    for arm in ("base", "trained"):
        found = results[arm]["consistency"]
        assert found["judges"]["n"] == 2
        assert 0 < found["all_right"]["n"] <= results[arm]["counts"]["ran"]

    later = _with(config, loop={"start": str(tmp_path / "run")}, human={"heldout": 0.6})
    with pytest.raises(RunError, match="people were asked about bodies that are held out here"):
        align(later, tmp_path / "later", ignore)
    align(_with(later, human={"heldout": 0.3}), tmp_path / "same", ignore)


def test_a_run_with_nothing_to_ask_about_leaves_nothing_behind(small_config: AlignConfig, tmp_path: Path):
    with pytest.raises(LookupError, match="leaves nothing to ask people about"):
        align(_with(small_config, human={"heldout": 1.0}), tmp_path / "run", ignore)
    assert not (tmp_path / "run").exists()
