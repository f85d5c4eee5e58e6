"""Settings for runs of the whole loop that take seconds."""

from pathlib import Path

import pytest
from partwise.config import AlignConfig


@pytest.fixture(scope="session")
def cache(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A cache of pretrained planners that the tests of one process share."""
    return tmp_path_factory.mktemp("cache")


@pytest.fixture
def small_config(cache: Path, monkeypatch: pytest.MonkeyPatch) -> AlignConfig:
    """A real run in miniature: every stage, on the least that it can be done with."""
    monkeypatch.setenv("PARTWISE_CACHE", str(cache))
    return AlignConfig.model_validate(SMALL)


SMALL = {
    "planner": {"size": "micro", "pretrain": {"examples": 1500, "epochs": 1}},
    "proxy": {"size": "micro", "labels_first": 60, "labels_later": 20, "epochs": 1},
    "rlft": {"steps": 2, "tasks_per_step": 2, "group_size": 4},
    "loop": {"rounds": 2},
    "measure": {"heldout_tasks": 20, "validation_tasks": 10},
}
