"""Seven families of language models go through everything that a planner or a reward model does.

Their weights are random, so they plan nothing: what is shown is that each is opened by the name of a folder,
warm-started, trained with adapters, saved, resumed and asked, and that its tokens stay what they were.
"""

from __future__ import annotations

import json
import random
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.loops.fixture_families import FAMILIES, corpus, save_family
from typer.testing import CliRunner

from partwise.cli import app
from partwise.config import AlignConfig, ProxyConfig
from partwise.loops.run import align
from partwise.loops.setup import check_planner, load_proxy, new_proxy
from partwise.loops.writers import body_writer, check_writer, first_writer
from partwise.models.chat import encode, end_ids
from partwise.models.classifier import Encoder, batch_of, logits_of
from partwise.models.errors import ModelError
from partwise.models.hub import load_causal_lm
from partwise.models.scoring import load_classifier, load_reward_model
from partwise.models.writer import Written
from partwise.oversight.body_writer import BodyWriter
from partwise.oversight.human import SimulatedHuman
from partwise.oversight.items import PartItems
from partwise.runs.progress import Progress, ignore
from partwise.training.body_writer import align_writer
from partwise.training.reward import Preference, fit_reward_model, preferences
from partwise.types import Rollout
from partwise.values import ValueProfile
from partwise.worlds.registry import load_world

WORLD = load_world("dinner")


class _Interrupted(Exception):
    pass


pytestmark = pytest.mark.usefixtures("one_thread")


_BRIEF = ("Qwen3", "GPT-2")
"""A tokenizer of bytes with thinking, and one without a template in a model whose places are a table."""


@pytest.fixture(
    scope="module",
    params=[name if name in _BRIEF else pytest.param(name, marks=pytest.mark.long) for name in FAMILIES],
)
def folder(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("family") / request.param
    save_family(FAMILIES[request.param], made)
    return made


def _config(folder: Path) -> AlignConfig:
    return AlignConfig.model_validate(
        {
            "planner": {
                "model": str(folder),
                "lora_rank": 4,
                "device": "cpu",
                "max_decomposition_tokens": 12,
                "max_composition_tokens": 12,
                "warm_start": {"examples": 8, "batch_size": 4, "checked": 2},
            },
            "proxy": {"size": "nano", "labels_first": 8, "labels_later": 4, "epochs": 1},
            "rlft": {"steps": 1, "tasks_per_step": 1, "group_size": 2, "micro_batch": 2},
            "loop": {"rounds": 2},
            "measure": {"heldout_tasks": 2, "validation_tasks": 2},
        }
    )


def _by_place(rollouts: Sequence[Rollout]) -> list[float]:
    """Rewards that differ, as those of plans that all fail would not."""
    return [float(place) for place in range(len(rollouts))]


def _interrupt_in_round_2(progress: Progress) -> None:
    if progress.phase.startswith("round 2"):
        raise _Interrupted


@pytest.mark.slow
def test_tokens_stay_what_they_were(folder: Path, tmp_path: Path):
    """Not so of a tokenizer that transformers takes for another one's because of the model beside it."""
    family = FAMILIES[folder.name]
    made = save_family(family, tmp_path)
    model, opened = load_causal_lm(folder, lora_rank=4, device="cpu")
    for text in corpus()[:20]:
        assert (
            opened(text, add_special_tokens=False)["input_ids"]
            == made(text, add_special_tokens=False)["input_ids"]
        )
    assert end_ids(opened) == {made.convert_tokens_to_ids(end) for end in family.style.ends}
    assert len(opened) <= model.get_input_embeddings().weight.shape[0]


@pytest.mark.slow
def test_a_planner_is_warm_started_trained_resumed_and_asked(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    monkeypatch.setattr("partwise.loops.run.reward_function", lambda *_: _by_place)
    config, out = _config(folder), tmp_path / "run"
    with pytest.raises(_Interrupted):
        align(config, out, _interrupt_in_round_2)
    results = align(config, out, ignore)
    assert results["warm_start"]["after"]["decompositions"]["n"] == 2
    assert sum(results["trained"]["counts"].values()) == 2
    (warm,) = (tmp_path / "cache" / "planners").glob("dinner-warm-*")
    weights = [
        (place / "adapter_model.safetensors").read_bytes()
        for place in (warm, out / "rounds" / "000" / "planner", out / "rounds" / "001" / "planner")
    ]
    assert len(set(weights)) == 3
    asked = CliRunner().invoke(app, ["solve", str(out)])
    statement = json.loads((out / "transcripts.jsonl").read_text().splitlines()[0])["statement"]
    assert asked.exit_code == 1 and "It is not run: " in asked.output
    assert statement in asked.output


@pytest.mark.slow
def test_a_writer_of_bodies_is_warm_started_learns_and_is_opened_again(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """Of random weights, it learns by heart which of two bodies people would rather have."""
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    start = {"examples": 8, "batch_size": 4}
    writer = {"model": str(folder), "lora_rank": 4, "warm_start": start, "longest": 16, "copies": 2}
    writer |= {"learns": "answers", "prefer": {"epochs": 8, "learning_rate": 1e-2}}
    config = ProxyConfig.model_validate({"solver": "writer", "writer": writer})
    check_writer(WORLD, config.writer, "cpu")
    solver = body_writer(WORLD, config, first_writer(WORLD, config.writer, "cpu", 0), "cpu", 0)
    entry = WORLD.catalogue["ask_preference"]
    better, worse = (part.source for part in entry.implementations[:2])
    subtasks = {entry.subtask.signature: entry.subtask}
    said = [Preference(prompt="", chosen=better, rejected=worse)] * 4

    def margin(solver: BodyWriter) -> float:
        told = solver.form.ask(entry.subtask)
        ids = (encode(solver.writer.tokenizer, text) for text in (better, worse))
        written = [Written(prompt=told, ids=tuple(each), text="", ended=True) for each in ids]
        good, bad = solver.writer.surprisal(written)
        return bad - good

    before = margin(solver)
    assert align_writer(solver, lambda parts: [], said, subtasks, config.writer, seed=0) == 4
    assert margin(solver) > before + 0.2
    solver.save(tmp_path)
    again = body_writer(WORLD, config, tmp_path / "writer", "cpu", 0)
    assert margin(again) == margin(solver)
    asked = [entry.subtask]
    assert again.writer.write(["Write."], copies=4, seed=1) == solver.writer.write(
        ["Write."], copies=4, seed=1
    )
    assert again.attempts(asked) == solver.attempts(asked)


@pytest.mark.slow
def test_a_reward_model_learns_is_saved_and_scores_the_same(folder: Path, tmp_path: Path):
    world = load_world("dinner")
    items = PartItems(world).asked(random.Random(0), 24)
    human = SimulatedHuman(ValueProfile(), rationality=100, readable=1000, seed="0")
    model, tokenizer = load_classifier(folder, classes=1, seed=0, device="cpu")
    before = {name: weight.detach().clone() for name, weight in model.named_parameters()}
    said = preferences(human.answer(items))
    # Many passes: the learning rate rises over the first five steps, and there is one a pass.
    losses = [
        fit_reward_model(model, tokenizer, said, epochs=12, learning_rate=1e-2, seed=0) for _ in range(2)
    ]
    assert losses[1] < losses[0]
    assert any(not torch.equal(weight, before[name]) for name, weight in model.named_parameters())
    texts = [option.text for item in items[:4] for option in item.options]
    scores = _scores(model, tokenizer, texts)
    model.save_pretrained(tmp_path)
    tokenizer.save_pretrained(tmp_path)
    assert torch.allclose(_scores(*load_reward_model(tmp_path, device="cpu"), texts), scores, atol=1e-5)


@pytest.mark.long
@pytest.mark.slow
def test_a_reward_model_sits_in_the_proxy_through_a_run(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    """It judges the parts of a tiny planner's solutions, and people's answers move it in both rounds."""
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "cache"))
    data = _config(folder).model_dump()
    data["planner"] = {"size": "nano", "pretrain": {"examples": 400}, "device": "cpu"}
    reward = {"model": str(folder), "lora_rank": 4, "micro_batch": 16}
    learning = {"labels_first": 80, "labels_later": 40, "epochs": 2, "learning_rate": 1e-2}
    data["proxy"] |= {"reward": reward, **learning}
    config, out = AlignConfig.model_validate(data), tmp_path / "run"
    results = align(config, out, ignore)
    assert sum(results["trained"]["counts"].values()) == 2
    folders = [out / "rounds" / index / "proxy" for index in ("000", "001")]
    assert len({(place / "adapter_model.safetensors").read_bytes() for place in folders}) == 2
    parts = [part for entry in WORLD.catalogue.values() for part in entry.implementations]
    first, last = (load_proxy(WORLD, config, place).judge(parts) for place in folders)
    unheard = new_proxy(WORLD, config.proxy, "cpu", seed=config.seed).judge(parts)
    assert all(0 <= chance <= 1 for chance in last)
    assert len({tuple(judged) for judged in (unheard, first, last)}) == 3


def _scores(model: Any, tokenizer: Any, texts: Sequence[str]) -> torch.Tensor:
    encode = Encoder(model, tokenizer)
    model.eval()
    with torch.no_grad():
        return logits_of(model, *batch_of([encode(text) for text in texts], model.device))


@pytest.mark.slow
def test_too_few_positions_are_refused_where_a_table_bounds_them(folder: Path, tmp_path: Path):
    """GPT-2's places are a table (`n_positions`); those of the others turn, and go on beyond any number."""
    family = FAMILIES[folder.name]
    key = "n_positions" if family.kind == "gpt2" else "max_position_embeddings"
    settings = json.loads((folder / "config.json").read_text()) | {key: 40}
    for file in folder.iterdir():
        (tmp_path / file.name).write_bytes(file.read_bytes())
    (tmp_path / "config.json").write_text(json.dumps(settings))
    config = _config(tmp_path).planner
    if family.kind == "gpt2":
        with pytest.raises(ModelError, match="reads at most 40 tokens"):
            check_planner(load_world("dinner"), config)
    else:
        check_planner(load_world("dinner"), config)
