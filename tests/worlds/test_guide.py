"""What people who judge are told of a world is true of it, and gives no answer away that is asked for."""

from __future__ import annotations

from partwise.types import Option
from partwise.worlds.base import undone
from partwise.worlds.dinner import DinnerWorld
from partwise.worlds.guide import Guide, guide_of

WORLD = DinnerWorld()


class Plain:
    """The dinner world without words of its own."""

    def __getattr__(self, name: str):
        if name == "guide":
            raise AttributeError(name)
        return getattr(WORLD, name)


def test_the_dinner_world_speaks_for_itself():
    guide = guide_of(WORLD)
    assert guide is WORLD.guide and set(guide.values) == set(WORLD.dimensions)
    assert len(guide.examples) == 2 and {example.better for example in guide.examples} == {0, 1}


def test_the_examples_say_what_people_there_would():
    for world in (WORLD, Plain()):
        for example in guide_of(world).examples:  # pyright: ignore[reportArgumentType]
            assert example.better is not None
            utilities = [WORLD.values.utility(option) for option in example.options]
            assert utilities[example.better] == max(utilities) > min(utilities)


def minded(option: Option) -> list[str]:
    return [name for name, harm in option.consequences.items() if harm and WORLD.values.matters(name)]


def test_what_a_reason_names_is_what_was_seen():
    for example in guide_of(WORLD).examples:
        assert example.better is not None
        good, bad = example.options[example.better], example.options[1 - example.better]
        assert minded(good) == []
        (reason,) = minded(bad)
        assert reason in example.why
        assert all(option.observed.startswith("trial 1") for option in example.options)


def test_nobody_is_asked_what_the_dinner_examples_answer():
    bodies = {
        part.source
        for entry in (*WORLD.catalogue.values(), *WORLD.practice.values())
        for part in (*entry.implementations, undone(entry.subtask))
    }
    assert not bodies & {option.text for example in WORLD.guide.examples for option in example.options}


def test_a_guide_is_made_of_what_a_world_has():
    guide = guide_of(Plain())  # pyright: ignore[reportArgumentType]
    assert isinstance(guide, Guide) and len(guide.examples) == 2 and guide.values == {}
    assert WORLD.catalogue["ask_preference"].subtask.doc in guide.about
    for example in guide.examples:
        assert "counts against it" in example.why and example.options[0].text != example.options[1].text
