"""`{settings} align` lists every setting of a command, from the same models as `partwise config align`.

`{settings} studies` has a section for each study. What a study's runs share, `align.*`, is said once, under
`align`: a study lists of it only the defaults that differ.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from itertools import groupby
from typing import ClassVar

from docutils import nodes
from pydantic import BaseModel
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from partwise.config import AlignConfig
from partwise.runs.config import section_of
from partwise.runs.reference import Setting, settings
from partwise.studies.registry import RUNS, STUDIES

_COMMANDS = {"align": "align", "w2s": "weak_to_strong", "progress": "progress"}
_SHARED = "align."


def _words(text: str) -> Iterator[nodes.Node]:
    """Text in which backticks mark code."""
    for place, piece in enumerate(text.split("`")):
        if piece:
            yield nodes.literal(text=piece) if place % 2 else nodes.Text(piece)


def _paragraph(text: str) -> nodes.paragraph:
    return nodes.paragraph("", "", *_words(text))


def _anchor(*names: str) -> str:
    return re.sub(r"[^a-z0-9]+", "-", "-".join(name for name in names if name).lower())


def _model(model: type[BaseModel], group: str) -> type[BaseModel]:
    """Of a group."""
    for name in filter(None, group.split(".")):
        found = section_of(model.model_fields[name].annotation)
        assert found is not None
        model = found
    return model


def _meaning(model: type[BaseModel]) -> str:
    """What its docstring says first."""
    return " ".join((model.__doc__ or "").split("\n\n")[0].split())


def _section(place: str, name: str, *inside: nodes.Node) -> nodes.section:
    title = nodes.title("", "", nodes.literal(text=name))
    return nodes.section("", title, *inside, ids=[place], names=[place])


def _item(command: str, setting: Setting) -> nodes.definition_list_item:
    name = nodes.literal(text=setting.key, ids=[_anchor(command, setting.key)])
    default = [nodes.Text(" = "), nodes.literal(text=setting.default)] if setting.default else []
    kind = nodes.inline(text=setting.kind, classes=["setting-kind"])
    term = nodes.term("", "", name, *default, nodes.Text(" "), kind)
    return nodes.definition_list_item("", term, nodes.definition("", _paragraph(setting.meaning)))


def _changed(found: Sequence[Setting]) -> list[Setting]:
    """The settings that are a command's own, and the shared ones whose default is another."""
    usual = {f"{_SHARED}{each.key}": each.default for each in settings(AlignConfig)}
    return [each for each in found if usual.get(each.key) != each.default]


def _groups(command: str, model: type[BaseModel]) -> Iterator[nodes.Node]:
    found = settings(model)
    shares = section_of(model.model_fields["align"].annotation) if "align" in model.model_fields else None
    if shares is AlignConfig:
        found = _changed(found)
        yield _paragraph(
            "Under `align` are all settings of `partwise align`; here are those with other defaults."
        )
    for group, inside in groupby(found, key=lambda each: each.key.rpartition(".")[0]):
        listed = nodes.definition_list("", *(_item(command, each) for each in inside), classes=["settings"])
        if group:
            meaning = _paragraph(_meaning(_model(model, group)))
            yield _section(_anchor(command, group), group, meaning, listed)
        else:
            yield listed


class SettingsDirective(SphinxDirective):
    """The directive."""

    required_arguments: ClassVar[int] = 1

    def run(self) -> list[nodes.Node]:
        """What takes its place."""
        (command,) = self.arguments
        if command == "studies":
            return [self._study(name) for name in STUDIES]
        model = RUNS[_COMMANDS[command]].config
        found = list(_groups(command, model))
        for group in {each.key.rpartition(".")[0] for each in settings(model)}:
            named = _model(model, group)  # so that the reference links to where its settings are
            place = _anchor(command, group) if group else f"partwise-{command}"
            name = f"{named.__module__}.{named.__qualname__}"
            # A group that stands in several commands, or twice in one, is linked to where it comes first.
            if command != "w2s" and name not in self.env.domains.python_domain.objects:
                self.env.domains.python_domain.note_object(name, "class", place, location=self.get_location())
        return found

    def _study(self, name: str) -> nodes.section:
        about = _paragraph(f"{STUDIES[name].about[:1].upper()}{STUDIES[name].about[1:]}.")
        listed = _groups(f"study {name}", STUDIES[name].config)
        return _section(_anchor("study", name), f"partwise study {name}", about, *listed)


def setup(app: Sphinx) -> dict[str, bool]:
    """Sphinx calls it."""
    app.add_directive("settings", SettingsDirective)
    return {"parallel_read_safe": True, "parallel_write_safe": True}
