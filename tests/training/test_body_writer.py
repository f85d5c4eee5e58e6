"""A writer of bodies: what it reads, what it writes, and that it learns what people prefer."""

import itertools
import random
import shutil
from collections.abc import Sequence
from functools import partial
from pathlib import Path

import pytest
import torch
from hypothesis import given
from hypothesis import strategies as st

from partwise.composition.language import parse
from partwise.config import AlignConfig, PreferConfig, WriterConfig
from partwise.loops.run import align
from partwise.models.writer import Writer
from partwise.oversight.body_writer import TINY, BodyWriter, asked
from partwise.report.page import page_markdown
from partwise.report.run import run_page
from partwise.runs.progress import ignore
from partwise.training.body_writer import align_writer, functions, pretrained_body_writer, withheld
from partwise.training.reward import Preference
from partwise.types import PartialSolution, Subtask
from partwise.worlds.base import undone
from partwise.worlds.registry import load_world

WORLD = load_world("dinner")
PREFER = PreferConfig(learning_rate=1e-3, kept=1.0)
SMALL = WriterConfig(size="micro", copies=8, prefer=PREFER)


@given(st.integers(0, 10_000))
def test_every_function_that_it_reads_is_one_of_the_language(seed: int) -> None:
    for part in itertools.islice(WORLD.bodies(random.Random(seed)), 5):  # type: ignore[attr-defined]
        parse(part.source)
        assert part.subtask.doc and "CALL" not in part.body and "FOUND" not in part.body


@given(st.floats(0, 1), st.floats(0, 1), st.integers(0, 99))
def test_what_is_withheld_is_never_read_and_grows_with_the_share(a: float, b: float, seed: int) -> None:
    low, high = (
        withheld(WORLD, SMALL.model_copy(update={"heldout": share}), seed) for share in sorted((a, b))
    )
    assert low <= high <= set(WORLD.catalogue)
    config = SMALL.model_copy(update={"heldout": max(a, b), "documents": 60})
    assert not {part.subtask.name for part in functions(WORLD, config, seed)} & high


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return pretrained_body_writer(WORLD, SMALL, 3, tmp_path_factory.mktemp("writers"))


def writer_of(folder: Path, copies: int = 8) -> BodyWriter:
    return BodyWriter(partial(Writer.load, folder), TINY, copies=copies, capacity=24, longest=96, seed=0)


def test_it_writes_programs_the_same_in_whatever_company_and_for_what_no_catalogue_names(
    folder: Path, tmp_path: Path
) -> None:
    new = Subtask(name="ask_friend", parameters=("friend",), doc="Ask a guest which restaurants they like.")
    known = WORLD.catalogue["ask_preference"].subtask
    solver = writer_of(folder)
    alone = writer_of(folder).bodies([known])[0]
    both = solver.bodies([new, known, new])
    assert both[1] == alone and both[0] == both[2] and both[0]
    for part in itertools.chain(*both):
        parse(part.source)
    solver.save(tmp_path)
    assert writer_of(tmp_path / "writer").bodies([known])[0] == alone


SUBTASK = WORLD.catalogue["ask_preference"].subtask


def share(solver: BodyWriter, tool: str) -> float:
    """Of what is written for a subtask, what calls a tool."""
    texts = [one.text for one in solver.writer.write([asked(SUBTASK)], copies=64, seed=1)]
    return sum(f" {tool}(" in f" {text}" for text in texts) / len(texts)


def refused(_: Sequence[PartialSolution]) -> list[float]:
    raise AssertionError("no judge is asked")


def test_after_people_said_so_it_writes_otherwise(folder: Path) -> None:
    ask, read = (
        PartialSolution(subtask=SUBTASK, body=f"return {tool}(user)").source
        for tool in ("message", "read_messages")
    )
    told = [Preference(prompt="", chosen=read, rejected=ask) for _ in range(64)]
    elsewhere = [
        Preference(prompt="", chosen="2 messages", rejected="nothing"),  # about a summary
        Preference(prompt="", chosen=undone(SUBTASK).source, rejected=ask),
    ]
    solver, config = writer_of(folder), SMALL.model_copy(update={"learns": "answers"})
    before, subtasks = share(solver, "read_messages"), {SUBTASK.signature: SUBTASK}
    assert align_writer(solver, refused, [*told, *elsewhere], subtasks, config, seed=0) == 64
    assert share(solver, "read_messages") > before + 0.2
    # What a writer may not learn from teaches it nothing.
    weights = {name: one.clone() for name, one in solver.writer.model.state_dict().items()}
    assert align_writer(solver, refused, told, {}, config, seed=0) == 0
    assert all(torch.equal(weights[name], one) for name, one in solver.writer.model.state_dict().items())


def test_after_the_judge_has_learned_it_writes_what_that_prefers(folder: Path) -> None:
    """The judge speaks of what is written alone, and of subtasks that people were asked about alone."""
    solver = writer_of(folder, copies=32)
    judged: list[PartialSolution] = []

    def minds_messages(parts: Sequence[PartialSolution]) -> list[float]:
        judged.extend(parts)
        return [-1.0 * (" message(" in part.source) for part in parts]

    answer = Preference(prompt="", chosen=undone(SUBTASK).source, rejected=undone(SUBTASK).source)
    other = WORLD.catalogue["book_table"].subtask
    subtasks = {each.signature: each for each in (SUBTASK, other)}
    config = SMALL.model_copy(update={"learns": "judged"})
    before, written = share(solver, "message"), solver.bodies([SUBTASK])[0]
    learned = [
        align_writer(solver, minds_messages, [answer], subtasks, config, seed=round) for round in range(4)
    ]
    assert judged[: len(written)] == written and {part.subtask for part in judged} == {SUBTASK}
    assert learned[0] == sum(" message(" in part.source for part in written) > 0
    assert before > 0.2 and share(solver, "message") < before / 2


@pytest.mark.long
@pytest.mark.slow
def test_a_run_with_a_writing_proxy_goes_on_where_it_was_cut(
    small_config: AlignConfig, tmp_path: Path
) -> None:
    proxy = small_config.proxy.model_copy(update={"solver": "writer", "writer": SMALL})
    config = small_config.model_copy(update={"proxy": proxy})
    results = align(config, tmp_path / "run", ignore)
    assert (tmp_path / "run" / "rounds" / "001" / "proxy" / "writer" / "model.safetensors").exists()
    for when in ("before", "after"):
        for found in results["bodies"][when].values():
            assert found["both"]["mean"] <= min(found["done"]["mean"], found["aligned"]["mean"])
            assert max(found["done"]["mean"], found["aligned"]["mean"]) <= found["program"]["mean"]
    assert "Bodies that the proxy writes" in page_markdown(run_page(results))
    cut = tmp_path / "cut" / "run"
    shutil.copytree(tmp_path / "run", cut)
    (cut / "results.json").unlink()
    shutil.rmtree(cut / "rounds" / "001")
    again = align(config, cut, ignore)
    assert again["bodies"] == results["bodies"]
    assert again["trained"]["counts"] == results["trained"]["counts"]
