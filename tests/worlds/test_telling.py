import random
import re
from types import SimpleNamespace

from partwise.composition.language import parse, parse_decomposition
from partwise.models.prompts import SETS, make_prompts, read_prompts
from partwise.types import Effect, Subtask, Tool
from partwise.worlds.base import Demonstration
from partwise.worlds.registry import load_world
from partwise.worlds.telling import fields


def test_prompts_say_the_subtasks_the_tools_and_plans_that_parse():
    subtask = Subtask(name="ask", parameters=("user",), doc="Ask.")
    good = Demonstration(
        statement="Do it.",
        decomposition='def ask(user): "Ask."',
        partial_solutions="def ask(user):\n    return send(user)",
        composition="ask(users[0])",
    )
    broken = Demonstration(
        statement="No.", decomposition=good.decomposition, partial_solutions="", composition="for for"
    )
    world = SimpleNamespace(
        tools={"send": Tool(name="send", parameters=("to",), effect=Effect.READ, doc="Send a message.")},
        catalogue={"ask": SimpleNamespace(subtask=subtask)},
        task=lambda split, index: SimpleNamespace(inputs={"users": []}),
        demonstrations=lambda rng: iter([broken, good]),
    )
    prompts = make_prompts(read_prompts("full", "full"), fields(world))
    first, second = prompts.decompose("Feed them."), prompts.recompose("def f(): ...")
    for expected in (
        subtask.request,
        "- send(to), read: Send a message.",
        "Task: Do it.",
        "Task: Feed them.",
    ):
        assert expected in first
    for expected in ("def f(): ...", "given: users.", "ask(users[0])"):
        assert expected in second
    assert "for for" not in second and "No." not in first


def test_the_dinners_examples_are_of_its_corpus_and_parse():
    world = load_world("dinner")
    texts = {
        text
        for plan, _ in zip(world.demonstrations(random.Random(0)), range(100), strict=False)
        for text in (plan.decomposition, plan.partial_solutions, plan.composition)
    }
    told = fields(world)
    for name, parser in (("decompose", parse_decomposition), ("recompose", parse)):
        examples = re.findall(r"```python\n(.*?)\n```", told[name]["examples"], re.DOTALL)
        assert len(examples) == (2 if name == "decompose" else 4)
        assert all(example in texts and parser(example) for example in examples)
    for name in SETS:
        assert make_prompts(read_prompts(name, name), told).decompose("x").endswith("x")
