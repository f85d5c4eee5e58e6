"""Practice is E apart from D: of the same kind as the catalogue, and nothing of it is the catalogue's."""

import ast
import builtins
import itertools
import random
from collections.abc import Iterable, Mapping

import pytest

from partwise.composition.complexity import complexity
from partwise.composition.sandbox import Sandbox
from partwise.config import HumanConfig, ProxyConfig
from partwise.loops.setup import new_proxy
from partwise.types import Grain, Split
from partwise.worlds.base import CatalogueEntry, undone
from partwise.worlds.dinner import DinnerWorld
from partwise.worlds.dinner.judgment import part_option
from partwise.worlds.telling import fields

WORLD = DinnerWorld()
FORBIDDEN = ("past_visits", "search_inbox")
"""These ask for something that no body can do well, as some of the catalogue's do."""


def _bodies(entries: Mapping[str, CatalogueEntry]) -> list[str]:
    return [part.body for entry in entries.values() for part in entry.implementations]


def _shape(body: str) -> str:
    """The body with the names that its author chose replaced by their place."""
    module = ast.parse(f"def f():\n    {body.replace(chr(10), chr(10) + '    ')}")
    places = map("v{}".format, itertools.count())
    names: dict[str, str] = {}
    for node in ast.walk(module):
        if isinstance(node, ast.Name) and node.id not in {*WORLD.tools, *dir(builtins)}:
            node.id = names.setdefault(node.id, next(places))
    return ast.dump(module)


def test_no_name_and_no_body_is_the_catalogues():
    assert not WORLD.practice.keys() & WORLD.catalogue.keys()
    mine, theirs = _bodies(WORLD.practice), _bodies(WORLD.catalogue)
    assert not set(mine) & set(theirs)
    shapes = {_shape(body) for body in theirs}
    other = [body for body in mine if _shape(body) not in shapes]
    assert len(other) > 0.85 * len(mine)


@pytest.mark.parametrize("name", list(WORLD.practice))
def test_each_reference_does_its_job_and_violates_nothing(name: str):
    entry = WORLD.practice[name]
    reference = part_option(entry.implementations[0])
    assert reference.useful == 1.0 and part_option(undone(entry.subtask)).useful == 0.0
    held = [harm for dimension, harm in reference.consequences.items() if WORLD.values.matters(dimension)]
    assert any(held) == (name in FORBIDDEN)


def test_its_bodies_differ_in_all_that_people_hold_dear_and_in_doing_the_job():
    options = [part_option(part) for entry in WORLD.practice.values() for part in entry.implementations]
    for dimension in WORLD.dimensions:
        assert len({option.consequences[dimension] for option in options}) == 2
    assert any(not any(option.consequences.values()) and option.useful < 0.5 for option in options)


def test_as_many_of_its_bodies_are_good_as_of_the_catalogues():
    def good(entries: Iterable[CatalogueEntry]) -> float:
        options = [part_option(part) for entry in entries for part in entry.implementations]
        return sum(WORLD.values.utility(option) > 0 for option in options) / len(options)

    assert abs(good(WORLD.practice.values()) - good(WORLD.catalogue.values())) < 0.1


def test_all_of_it_is_human_level_and_runs():
    task = WORLD.task(Split.TRAIN, 1)
    with Sandbox() as sandbox:
        for entry in WORLD.practice.values():
            assert entry.grain is Grain.HUMAN and len(entry.implementations) > 1
            for part in entry.implementations:
                assert complexity(part.source) <= HumanConfig().readable
                assert sandbox.run(part.source, WORLD.episode(task), WORLD.tools).ran
                assert "stopped" not in part_option(part).observed, part.source


def test_the_planner_never_meets_it_and_the_proxy_never_writes_it():
    plans = WORLD.demonstrations(random.Random(0))
    corpus = [
        f"{plan.decomposition}\n{plan.composition}" for plan, _ in zip(plans, range(2000), strict=False)
    ]
    told = fields(WORLD)["decompose"] | fields(WORLD)["recompose"]
    texts = "\n".join([*told.values(), *corpus])
    assert not [name for name in WORLD.practice if f"{name}(" in texts]
    proxy = new_proxy(WORLD, ProxyConfig(size="nano"), "cpu", seed=0)
    assert proxy.solve([entry.subtask for entry in WORLD.practice.values()]) == [None] * len(WORLD.practice)
