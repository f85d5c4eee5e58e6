import random
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from partwise.config import PlannerConfig, PretrainConfig
from partwise.models import chat
from partwise.models.sampling import Sampler
from partwise.training import pretrain
from partwise.training.pretrain import pretrained_planner
from partwise.worlds.base import Demonstration


class EchoWorld:
    """The smallest world that has something to learn: use what was asked for."""

    name = "echo"

    def demonstrations(self, rng: random.Random, *, aligned: bool = True) -> Iterator[Demonstration]:
        """Plans of one subtask."""
        while True:
            name = rng.choice(["ask", "book", "tell"])
            yield Demonstration(
                statement=f"Please {name}.",
                decomposition=f'def {name}(x): "Do {name}."',
                partial_solutions=f"def {name}(x):\n    return {rng.choice(['1', '2', 'x'])}",
                composition=f"for u in users:\n    {name}(u)",
            )


def config(**changes) -> PlannerConfig:
    settings = {"examples": 256, "epochs": 4, "batch_size": 16, "learning_rate": 1e-2, "seed": 0} | changes
    return PlannerConfig(size="micro", device="cpu", pretrain=PretrainConfig(**settings))


@pytest.fixture(scope="module", autouse=True)
def _one_thread():
    before = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(before)


@pytest.fixture(scope="module")
def made(tmp_path_factory):
    heard = []
    cache = tmp_path_factory.mktemp("cache") / "planners"
    folder = pretrained_planner(EchoWorld(), config(), cache, lambda *event: heard.append(event))
    return folder, heard


def test_it_learns_both_turns_and_reopens(made):
    folder, heard = made
    assert [done for done, _, _ in heard] == [10, 20, 30, 40, 50, 60]
    assert {total for _, total, _ in heard} == {64}
    assert heard[-1][2] < 0.1 < heard[0][2]
    model = AutoModelForCausalLM.from_pretrained(folder)
    tokenizer = AutoTokenizer.from_pretrained(folder)
    sampler = Sampler.of(model, tokenizer)
    cursor = sampler.start([chat.first_prompt(tokenizer, "Please book.")])
    first = sampler.generate(cursor, 20, temperature=0.0)[0]
    assert tokenizer.decode(first) == 'def book(x): "Do book."<|end|>'
    sampler.insert(cursor, [chat.between_turns(tokenizer, "def book(x):\n    return 1")])
    second = sampler.generate(cursor, 20, temperature=0.0)[0]
    assert tokenizer.decode(second) == "for u in users:\n    book(u)<|end|>"


def test_it_is_found_again_and_named_by_what_shapes_it(made, monkeypatch):
    folder, _ = made
    monkeypatch.setattr(pretrain, "_pretrain", lambda *_: pytest.fail("made twice"))
    assert pretrained_planner(EchoWorld(), config(), folder.parent) == folder
    assert [path.name for path in folder.parent.iterdir()] == [folder.name]
    world = EchoWorld()
    names = {pretrain._digest(world, config(**change)) for change in ({}, {"seed": 1}, {"epochs": 1})}
    world.demonstrations = lambda rng, aligned: iter(())  # type: ignore[method-assign]
    assert len(names | {pretrain._digest(world, config())}) == 4


def test_a_failure_leaves_nothing_behind(tmp_path, monkeypatch):
    def interrupted(world, config, scratch, listen):
        scratch.mkdir()
        raise KeyboardInterrupt

    monkeypatch.setattr(pretrain, "_pretrain", interrupted)
    with pytest.raises(KeyboardInterrupt):
        pretrained_planner(EchoWorld(), config(), tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_global_randomness_stays_and_a_fresh_process_makes_the_same(tmp_path):
    def states():
        return random.getstate(), np.random.get_state()[1].tolist(), torch.get_rng_state().tolist()

    before = states()
    small = {"examples": 64, "epochs": 1}
    here = pretrained_planner(EchoWorld(), config(**small), tmp_path / "here")
    assert states() == before
    code = (
        "import sys, torch; sys.path[:0] = [sys.argv[1], 'src']; torch.set_num_threads(1)\n"
        "import test_pretrain as t; from pathlib import Path; t.torch.rand(5)\n"
        f"print(t.pretrained_planner(t.EchoWorld(), t.config(**{small}), Path(sys.argv[2])))"
    )
    there = subprocess.run(
        [sys.executable, "-c", code, str(Path(__file__).parent), str(tmp_path / "there")],
        check=True,
        capture_output=True,
        text=True,
    )
    assert Path(there.stdout.strip()).name == here.name
    for file in ("model.safetensors", "tokenizer.json"):
        assert (tmp_path / "there" / here.name / file).read_bytes() == (here / file).read_bytes()


def test_labels_cover_the_two_turns_and_their_ends_alone(made):
    tokenizer = AutoTokenizer.from_pretrained(made[0])
    plan = next(EchoWorld().demonstrations(random.Random(0)))
    (example,) = pretrain.examples(tokenizer, [plan])
    labelled = [token for token in example["labels"] if token != -100]
    assert tokenizer.decode(labelled) == f"{plan.decomposition}<|end|>{plan.composition}<|end|>"
    assert [
        label in (-100, token) for token, label in zip(example["input_ids"], example["labels"], strict=True)
    ].count(False) == 0
    prompt = chat.first_prompt(tokenizer, plan.statement)
    assert example["input_ids"][: len(prompt)] == prompt
