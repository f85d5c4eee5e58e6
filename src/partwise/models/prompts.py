"""What models that were not pretrained on a world are told: text files that anyone may edit.

A prompt is one message of the user. `$name` stands for a field, `$$` for a dollar sign. The package brings
two sets: `full` says what is asked and how it is written, with examples; `short` says as little as can be
said, for models that have learned the rest. A planner is told `decompose` and `recompose`; a proxy's language
model `solve`, where it writes bodies, and `judge`, where it gives its word; one that plays people `compare`;
one that debates `argue`.
"""

from __future__ import annotations

import string
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from partwise.files import nearest, write_whole
from partwise.models.errors import ModelError

SETS = ("full", "short")
"""Of the package, by name."""
ASKED: Mapping[str, tuple[str, ...]] = {
    "decompose": ("task",),
    "recompose": ("parts",),
    "solve": ("subtask",),
    "judge": ("option",),
    "compare": ("values", "question", "first", "second"),
    "argue": ("side", "task", "events", "shown"),
}
"""Each prompt, and the fields that it can't be without: what it is about."""
PLANNER, PEOPLE = ("decompose", "recompose"), ("compare",)
"""Who is told which; a proxy's model is told the others."""
_OURS = Path(__file__).parents[1] / "prompts"


@dataclass(frozen=True, slots=True)
class Prompts:
    """The prompts of one world, complete but for what each is about."""

    texts: Mapping[str, str]
    """By name, as in their files."""
    fields: Mapping[str, Mapping[str, str]]
    """By name of the prompt, what the world puts into it."""

    def decompose(self, task: str) -> str:
        """The message before the first turn; `task` is the task's statement."""
        return self._filled("decompose", task)

    def recompose(self, parts: str) -> str:
        """The message before the second turn; `parts` is the source of the partial solutions."""
        return self._filled("recompose", parts)

    def solve(self, subtask: str) -> str:
        """What a model is told that writes a function; `subtask` is its `def` line and docstring."""
        return self._filled("solve", subtask)

    def judge(self, option: str) -> str:
        """What a model is told that judges; `option` is a function, a program or a summary."""
        return self._filled("judge", option)

    def compare(self, values: str, question: str, first: str, second: str) -> str:
        """What a model is told that answers as one of the people; `values` are what these hold dear."""
        return self._filled("compare", values, question, first, second)

    def argue(self, side: str, task: str, events: str, shown: str) -> str:
        """What a model is told that debates: what it argues for, all events by number, and those revealed."""
        return self._filled("argue", side, task, events, shown)

    def shown(self) -> dict[str, str]:
        """Each prompt as a reader sees it, in which the fields of `ASKED` stand for themselves."""
        return {name: self._filled(name, *(f"${field}" for field in ASKED[name])) for name in self.texts}

    def _filled(self, name: str, *about: str) -> str:
        given = dict(zip(ASKED[name], about, strict=True))
        return string.Template(self.texts[name]).substitute(self.fields[name], **given)


def read_prompts(source: str, instead: str) -> dict[str, str]:
    """The texts of the prompts by name, without the line break that ends a file.

    Args:
        source: one of `SETS`, or a folder with files `NAME.txt` for some of the prompts.
        instead: the set that the others are of.

    Raises:
        ModelError: there is no such folder, it holds no prompt or a file that is none, or it can't be read.
    """
    if source in SETS:
        return {name: _read(_OURS / source / f"{name}.txt") for name in ASKED}
    folder = Path(source).expanduser()
    if not folder.is_dir():
        raise ModelError(f"there is no folder of prompts {folder}{nearest(folder, Path.is_dir)}".rstrip("."))
    files = {file.stem: file for file in sorted(folder.glob("*.txt"))}
    unknown = files.keys() - ASKED.keys()
    if unknown or not files:
        what = f"a prompt {min(unknown)}.txt that nothing asks for" if unknown else "no prompt"
        *others, last = (f"{name}.txt" for name in ASKED)
        raise ModelError(f"{folder} holds {what}; there is {', '.join(others)} and {last}")
    return read_prompts(instead, instead) | {name: _read(file) for name, file in files.items()}


def refuse_other_sets(name: str) -> None:
    """Refuse what is no set of the package.

    Raises:
        ModelError: it is none.
    """
    if name not in SETS:
        raise ModelError(f"there is no set of prompts '{name}'; there is {' and '.join(SETS)}")


def write_prompts(name: str, folder: Path) -> list[Path]:
    """Write the files of a set into a folder, for editing; returns them.

    Raises:
        ModelError: one of them is there already.
    """
    texts = read_prompts(name, name)
    files = {folder / f"{prompt}.txt": text for prompt, text in texts.items()}
    if there := next((file for file in files if file.exists()), None):
        raise ModelError(f"{there} is there already; give another folder")
    for file, text in files.items():
        write_whole(file, [text, "\n"])
    return list(files)


def make_prompts(texts: Mapping[str, str], fields: Mapping[str, Mapping[str, str]]) -> Prompts:
    """Prompts of a world, for whoever is told them.

    Args:
        texts: of `read_prompts`.
        fields: by name of the prompt, field to text; the others are left out.

    Raises:
        ModelError: a field is named that there is not, one is missing that there must be, or a `$` stands
            by itself.
    """
    for name in fields:
        asked, template = ASKED[name], string.Template(texts[name])
        known = [*asked, *fields[name]]
        if not template.is_valid():
            raise ModelError(f"the prompt {name}.txt has a `$` that names no field; write `$$` for the sign")
        named = template.get_identifiers()
        if unknown := [field for field in named if field not in known]:
            there = ", ".join(f"`${field}`" for field in known)
            raise ModelError(f"the prompt {name}.txt has no field `${unknown[0]}`; there is {there}")
        if missing := next((field for field in asked if field not in named), None):
            raise ModelError(f"the prompt {name}.txt never says `${missing}`, which is what it is about")
    return Prompts({name: texts[name] for name in fields}, fields)


def _read(file: Path) -> str:
    try:
        return file.read_text(encoding="utf-8").removesuffix("\n")
    except UnicodeDecodeError:
        raise ModelError(f"{file} is not UTF-8 text") from None
    except OSError as error:
        raise ModelError(f"{file} can't be read: {error.strerror}") from None
