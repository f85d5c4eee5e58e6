"""A language model of Hugging Face's as the proxy's writer: it learns the form, then what people prefer."""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pytest
import torch
from tests.models.fixture_styles import STYLES
from transformers import AutoConfig, AutoModelForCausalLM, LlamaConfig, LlamaForCausalLM

from partwise.config import AlignConfig, ProxyConfig, WriterConfig
from partwise.loops.run import align
from partwise.loops.writers import body_writer, check_writer, first_writer, writer_prompts
from partwise.measure.bodies import programs
from partwise.models.errors import ModelError
from partwise.oversight.attempts import Came
from partwise.oversight.body_writer import BodyWriter
from partwise.report.html import write_report
from partwise.report.page import page_markdown
from partwise.runs.progress import Progress, ignore
from partwise.runs.rundir import RunError
from partwise.studies.registry import known_kind
from partwise.training.body_writer import align_writer, functions
from partwise.training.reward import Preference
from partwise.types import PartialSolution, Subtask
from partwise.worlds.base import UNDONE
from partwise.worlds.registry import load_world

WORLD = load_world("dinner")
ASK = WORLD.catalogue["ask_preference"].subtask


pytestmark = pytest.mark.usefixtures("one_thread")


@pytest.fixture(scope="module")
def untaught(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A Llama of random weights with a tokenizer of its own, saved, as if it were somebody's."""
    folder = tmp_path_factory.mktemp("untaught")
    texts = [part.source for part in functions(WORLD, WriterConfig(documents=2000), 0)]
    tokenizer = STYLES["ChatML (Qwen)"].make(texts, 400)
    config = LlamaConfig(
        vocab_size=len(tokenizer),
        hidden_size=64,
        intermediate_size=128,
        num_hidden_layers=2,
        num_attention_heads=4,
        num_key_value_heads=2,
    )
    with torch.random.fork_rng():
        torch.manual_seed(0)
        LlamaForCausalLM(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def proxy_config(model: Path, **writer: Any) -> ProxyConfig:
    return ProxyConfig.model_validate(
        {"solver": "writer", "writer": {"model": str(model), "heldout": 0.0, "copies": 8, **writer}}
    )


def opened(config: ProxyConfig, source: str | Path) -> BodyWriter:
    return body_writer(WORLD, config, source, "cpu", 0)


@pytest.fixture(scope="module")
def taught(untaught: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The same model after it has read functions, as an ordinary one: what a run may begin with."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PARTWISE_CACHE", str(tmp_path_factory.mktemp("cache")))
        start = {"examples": 8000, "batch_size": 8, "learning_rate": 4e-3}
        config = proxy_config(untaught, lora_rank=0, warm_start=start).writer
        made = Path(first_writer(WORLD, config, "cpu", 0))
        assert first_writer(WORLD, config, "cpu", 0) == str(made)
        return Path(shutil.copytree(made, tmp_path_factory.mktemp("taught") / "model"))


@pytest.mark.slow
def test_a_warm_start_teaches_the_form(untaught: Path, taught: Path):
    config = proxy_config(taught, prompts="short", copies=2)
    before, after = (programs(opened(config, source), WORLD) for source in (untaught, taught))
    assert before["program"]["mean"] < 0.1 and set(before["came"]) <= {*map(str, Came)}
    assert after["program"]["mean"] > 0.4
    assert sum(after["came"].values()) == after["program"]["n"] == 2 * len(WORLD.catalogue)


def calling(solver: BodyWriter, tool: str) -> float:
    """Of what is written for a subtask, the share that calls a tool."""
    written = solver.writer.write([solver.form.ask(ASK)], copies=64, seed=1)
    return sum(f" {tool}(" in one.text for one in written) / len(written)


def likes(tool: str) -> Any:
    """A judge that would rather have a tool called."""

    def rank(parts: Sequence[PartialSolution]) -> list[float]:
        return [float(f" {tool}(" in part.source) for part in parts]

    return rank


def said_of(better: str, worse: str) -> Preference:
    """What people say of two bodies for one subtask."""
    sources = [PartialSolution(subtask=ASK, body=body).source for body in (better, worse)]
    return Preference(prompt="", chosen=sources[0], rejected=sources[1])


@pytest.mark.slow
def test_it_writes_otherwise_when_people_come_to_prefer_something_else(taught: Path, tmp_path: Path):
    """By its adapters alone; and they are all that a checkpoint needs to write the same."""
    prefer = {"learning_rate": 3e-3, "batch_size": 8}
    config = proxy_config(taught, prompts="short", lora_rank=8, copies=32, prefer=prefer)
    solver, subtasks = opened(config, taught), {ASK.signature: ASK}
    base = {name: one.clone() for name, one in solver.writer.model.named_parameters() if "lora" not in name}
    before = calling(solver, "message")
    # The judge alone speaks: what people said is that a job is better done, which teaches no body.
    said = [said_of("return message(user)", UNDONE)]
    learned = [
        align_writer(solver, likes("message"), said, subtasks, config.writer, seed=round)
        for round in range(3)
    ]
    assert learned[0] > 0  # later it may write nothing else any more, and no two bodies to prefer between
    between = {tool: calling(solver, tool) for tool in ("message", "read_messages")}
    assert between["message"] > before + 0.2
    # Values have moved, and what it hardly writes any more comes back by what people say.
    said = [said_of("return read_messages(user)", "return message(user)")] * 16
    for round in range(3):
        assert align_writer(solver, likes("read_messages"), said, subtasks, config.writer, seed=round) >= 16
    assert calling(solver, "message") < between["message"] - 0.3
    assert calling(solver, "read_messages") > between["read_messages"] + 0.3
    model = solver.writer.model
    assert list(model.peft_config) == ["default"] and "forward" not in vars(model.get_base_model())
    assert all(torch.equal(dict(model.named_parameters())[name], one) for name, one in base.items())
    solver.save(tmp_path)
    assert [path.name for path in (tmp_path / "writer").glob("*.safetensors")] == [
        "adapter_model.safetensors"
    ]
    asked = [ASK, Subtask(name="greet", parameters=("guest",), doc="Ask a guest.")]
    assert opened(config, tmp_path / "writer").attempts(asked) == solver.attempts(asked)


class _Interrupted(Exception):
    pass


def _interrupt_in_round_2(progress: Progress) -> None:
    if progress.phase.startswith("round 2"):
        raise _Interrupted


def _interrupt_the_warm_start(progress: Progress) -> None:
    if progress.phase == "warm start of the writer of bodies" and progress.done:
        raise _Interrupted


def run_config(small: AlignConfig, model: Path, **writer: Any) -> AlignConfig:
    start = {"examples": 12, "batch_size": 1, "checked": 1}
    given = {"lora_rank": 4, "copies": 3, "warm_start": start, "heldout": 0.3, **writer}
    proxy = small.proxy.model_dump() | {"solver": "writer", "writer": {"model": str(model), **given}}
    data = small.model_dump()
    data["planner"]["device"] = "cpu"
    return AlignConfig.model_validate(data | {"proxy": proxy})


@pytest.mark.long
@pytest.mark.slow
def test_a_run_goes_on_where_it_stopped_and_ends_the_same(
    small_config: AlignConfig, taught: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
):
    config, whole, cut = run_config(small_config, taught), tmp_path / "whole", tmp_path / "cut"
    heard: list[Progress] = []
    results = align(config, whole, heard.append)
    monkeypatch.setenv("PARTWISE_CACHE", str(tmp_path / "another"))
    for interrupt in (_interrupt_the_warm_start, _interrupt_in_round_2):
        with pytest.raises(_Interrupted):
            align(config, cut, interrupt)
    assert "Bodies that are programs, before and after" in write_report(cut, known_kind).read_text()
    align(config, cut, ignore)
    adapters = "rounds/{}/proxy/writer/adapter_model.safetensors"
    for name in ("results.json", "transcripts.jsonl", "writer_start.json", adapters.format("001")):
        assert (whole / name).read_bytes() == (cut / name).read_bytes(), name
    rounds = [(whole / adapters.format(index)).read_bytes() for index in ("000", "001")]
    assert rounds[0] != rounds[1]
    found = results["writer_start"]
    assert [found[when]["prompts"] for when in ("before", "after")] == ["full", "short"]
    assert [found[when]["program"]["n"] for when in ("before", "after")] == [len(WORLD.catalogue)] * 2
    measured = next(i for i, each in enumerate(heard) if "programs after" in each.figures)
    assert measured < next(i for i, each in enumerate(heard) if each.phase.startswith("round 1"))
    assert list(json.loads((whole / "prompts.json").read_text())) == ["solve"]
    bodies = results["bodies"]
    assert [set(bodies[when]) for when in ("before", "after")] == [{"withheld", "read"}] * 2
    for kind in bodies["after"].values():
        assert sum(kind["came"].values()) == kind["program"]["n"] and kind["program"]["n"] % 3 == 0
    shown = page_markdown(known_kind("align").page(results))
    for heading in ("Bodies that the proxy writes", "What the answers were", "the writer's warm start"):
        assert heading in shown


def test_a_run_is_held_to_what_the_writer_was_told(
    small_config: AlignConfig, llama_folder: Path, tmp_path: Path
):
    mine, out = tmp_path / "mine", tmp_path / "run"
    mine.mkdir()
    config = run_config(small_config, llama_folder, prompts=str(mine), warm_start={"examples": 0})
    (mine / "solve.txt").write_text("Write it: $subtusk")
    with pytest.raises(ModelError, match=r"no field `\$subtusk`"):
        align(config, out, ignore)
    assert not out.exists()
    (mine / "solve.txt").write_text("Write it: $subtask")
    prompts = writer_prompts(WORLD, config.proxy.writer)
    assert prompts and prompts.solve("def f(): ...") == "Write it: def f(): ..."

    def stop(_: Progress) -> None:
        raise _Interrupted

    with pytest.raises(_Interrupted):
        align(config, out, stop)
    (mine / "solve.txt").write_text("Write this: $subtask")
    with pytest.raises(RunError, match=r"solve\.txt is changed"):
        align(config, out, ignore)


def test_what_can_not_write_and_learn_is_refused_by_a_sentence(
    llama_folder: Path, tmp_path: Path, byte_tokenizer: Any
):
    for proxy, reason in (
        ({"writer": {"model": "m"}}, "`proxy.writer.model` learns to write, with `proxy.solver=writer`"),
        ({"model": "m", "solver": "writer"}, "is named by `proxy.writer.model`"),
        ({"solver": "writer", "writer": {"warm_start": {"examples": 8}}}, "for a `proxy.writer.model`"),
        ({"solver": "writer", "writer": {"prompts": "full"}}, "are for a `proxy.writer.model`"),
    ):
        with pytest.raises(ValueError, match=reason):
            AlignConfig.model_validate({"proxy": proxy})
    headed, short = tmp_path / "headed", tmp_path / "short"
    for folder, kind, sizes in (
        (headed, "modernbert-decoder", {}),
        (short, "gpt2", {"n_embd": 8, "n_layer": 1, "n_head": 1, "n_positions": 150}),
    ):
        config = AutoConfig.for_model(kind, vocab_size=300, **(sizes or _SMALL))
        AutoModelForCausalLM.from_config(config).save_pretrained(folder)
        byte_tokenizer.save_pretrained(folder)
    for model, reason in (
        ("anthropic/claude", "weights can't be trained.*proxy.solver=model proxy.model=anthropic/claude"),
        (str(tmp_path / "none"), "there is no folder"),
        (str(headed), "can't learn from preferences here"),
        (str(short), "reads at most 150 tokens.*lower proxy.writer.longest"),
    ):
        config = AlignConfig.model_validate({"proxy": {"solver": "writer", "writer": {"model": model}}})
        with pytest.raises(ModelError, match=reason):
            align(config, tmp_path / "run", ignore)
        assert not (tmp_path / "run").exists()
    for name in (str(llama_folder), f"hub:{llama_folder}"):
        check_writer(WORLD, WriterConfig(model=name), "cpu")


_SMALL = {
    "hidden_size": 16,
    "intermediate_size": 16,
    "num_hidden_layers": 1,
    "num_attention_heads": 2,
    "pad_token_id": 0,
}
