"""Conversations in every form that data sets have them in are one and the same."""

import json
from typing import Any

import pytest

from partwise.data.checks import RowError
from partwise.data.conversations import conversation

ASKED = [{"role": "user", "content": "Hi?"}]
ANSWERED = [*ASKED, {"role": "assistant", "content": "Hello."}]
ANSWER = ANSWERED[1:]
LONGER = [*ANSWERED, {"role": "user", "content": "Bye."}, {"role": "assistant", "content": "See you."}]
HUMAN = "\n\nHuman: Hi?\n\nAssistant: Hello."


def answered(text: str) -> list[dict[str, str]]:
    return [*ASKED, {"role": "assistant", "content": text}]


@pytest.mark.parametrize(
    ("row", "expected"),
    [
        ({"prompt": "Hi?", "chosen": "Hello."}, ANSWERED),
        ({"prompt": "Hi?", "chosen": ANSWERED}, ANSWERED),
        ({"chosen": ANSWERED}, ANSWERED),
        ({"prompt": ASKED, "chosen": ANSWER}, ANSWERED),
        ({"prompt": ASKED, "chosen": "Hello."}, ANSWERED),
        ({"prompt": "Hi?", "chosen": ANSWER}, ANSWERED),
        ({"prompt": json.dumps(ASKED), "chosen": json.dumps(ANSWER)}, ANSWERED),
        ({"chosen": json.dumps(ANSWERED)}, ANSWERED),
        ({"chosen": str(ANSWERED)}, ANSWERED),
        ({"chosen": str([{"content": "Hi?", "role": "user"}, *ANSWER])}, ANSWERED),
        ({"chosen": HUMAN}, ANSWERED),
        ({"chosen": HUMAN.strip()}, ANSWERED),
        ({"prompt": "", "chosen": HUMAN.strip()}, ANSWERED),
        ({"prompt": "\n\nHuman: Hi?\n\nAssistant:", "chosen": " Hello."}, answered(" Hello.")),
        ({"chosen": HUMAN + "\n\nHuman: Bye.\n\nAssistant: See you."}, LONGER),
        ({"chosen": [{"role": " User", "content": "Hi?"}, ANSWER[0] | {"role": "ASSISTANT"}]}, ANSWERED),
        # Answers that look like conversations and are none.
        ({"prompt": "Hi?", "chosen": "[1, 2]"}, answered("[1, 2]")),
        ({"prompt": "Hi?", "chosen": '[{"role": "x"}]'}, answered('[{"role": "x"}]')),
        ({"prompt": "Hi?", "chosen": HUMAN.strip()}, answered(HUMAN.strip())),
    ],
)  # fmt: skip
def test_it_is_the_same_in_every_form(row: dict[str, Any], expected: list[dict[str, str]]):
    assert conversation(row, "chosen", "f, row 1") == expected


@pytest.mark.parametrize(
    ("row", "words"),
    [
        ({"chosen": "Hello."}, "has an answer alone, and there is no column prompt"),
        ({"prompt": " ", "chosen": "Hello."}, "column prompt: the text is empty"),
        ({"prompt": "Hi?", "chosen": None}, "column chosen: the text is empty"),
        ({"prompt": "Hi?", "chosen": 7}, "7 is no text"),
        ({"chosen": ASKED}, "the last message is the user's"),
        ({"chosen": "\n\nHuman: Hi?\n\nAssistant:"}, "message 2, column content: the text is empty"),
        ({"chosen": [{"from": "human", "value": "Hi?"}]}, "column role: the text is empty"),
        ({"chosen": [*ASKED, {"role": "gpt", "content": "x"}]}, "message 2: the role is 'gpt'"),
        ({"chosen": str(ANSWERED).replace(", {", "\n {")}, "as some library prints it"),
        ({"prompt": "Hi?", "chosen": "half \ud800"}, "half a character"),
    ],
)
def test_what_is_none_is_named(row: dict[str, Any], words: str):
    with pytest.raises(RowError) as caught:
        conversation(row, "chosen", "f, row 1")
    sentence = str(caught.value)
    assert sentence.startswith("f, row 1") and words in sentence and "\n" not in sentence
