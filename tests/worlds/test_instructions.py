from types import SimpleNamespace

from partwise.types import Effect, Subtask, Tool
from partwise.worlds.instructions import instructions


def test_instructions_name_the_format_the_subtasks_and_the_tools():
    subtask = Subtask(name="ask", parameters=("user",), doc="Ask.")
    world = SimpleNamespace(
        tools={"send": Tool(name="send", parameters=("to",), effect=Effect.READ, doc="Send a message.")},
        catalogue={"ask": SimpleNamespace(subtask=subtask)},
        task=lambda split, index: SimpleNamespace(inputs={"users": []}),
    )
    text = instructions(world)
    for expected in (subtask.request, "- send(to), read: Send a message.", "given: users."):
        assert expected in text
