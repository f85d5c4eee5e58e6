"""Settings from a TOML file and dotted overrides, checked by a pydantic model; an error is one sentence."""

from __future__ import annotations

import difflib
import re
import tomllib
import types
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Any, TypeVar, Union, cast, get_args, get_origin

import tomli_w
from pydantic import BaseModel, ValidationError
from pydantic_core import ErrorDetails

from partwise.config.addresses import AddressError
from partwise.files import nearest

M = TypeVar("M", bound=BaseModel)
Tree = dict[str, Any]
KeyPath = tuple[str, ...]


class ConfigError(ValueError):
    """The settings make no sense; the message is for a reader, one sentence per error."""


def load_config(
    model: type[M], path: Path | None, overrides: Sequence[str] = (), *, command: str | None = None
) -> M:
    """The settings of a TOML file, changed by overrides, as `model`.

    Args:
        model: any pydantic model, nested or not.
        path: a TOML file; None for the defaults alone. Its key `command`, where it has one, is no setting:
            it says which command it is for, such as "study noise".
        overrides: `planner.size=small`; later ones win. A value is read as TOML where that works and as a
            string elsewhere. `none` unsets a setting that may be unset.
        command: what the settings are for; None to take a file whatever it is for.

    Raises:
        ConfigError: the file can't be read, is no TOML or for another command, a key is unknown, or a value
            is not allowed.
    """
    tree = {} if path is None else _read_toml(path)
    meant = tree.pop("command", command)
    if command is not None and meant != command:
        raise ConfigError(f"{path} is for `partwise {meant}`, not for `partwise {command}`.")
    raw: dict[KeyPath, str] = {}
    for override in overrides:
        key, text = _split_override(override)
        key = _put(tree, key, _parse_value(text, key, model), model)
        raw[key] = text
    return _validate(model, tree, raw, source=None if path is None else str(path))


def config_from_data(model: type[M], data: Mapping[str, Any]) -> M:
    """The settings as `RunDir.config_data` holds them.

    Raises:
        ConfigError: they are no settings of `model`.
    """
    return _validate(model, dict(data), {}, source=None)


def config_from_settings(
    model: type[M], config: BaseModel | str | Path | None, settings: Mapping[str, Any]
) -> M:
    """Settings as Python gives them: a model or a TOML file, changed by names and groups.

    Args:
        model: which settings they are.
        config: an instance of `model`, or a file; None for the defaults.
        settings: that win over `config`; a group is a mapping, merged into the one that is there.

    Raises:
        ConfigError: they make no sense, or `config` is another kind of settings.
    """
    if isinstance(config, BaseModel):
        if not isinstance(config, model):
            raise ConfigError(f"{type(config).__name__} is given where {model.__name__} is meant.")
        tree = config.model_dump()
    else:
        tree = {} if config is None else _read_toml(Path(config))
        tree.pop("command", None)
    return _validate(model, _merged(tree, settings), {}, source=None)


def _merged(tree: Mapping[str, Any], settings: Mapping[str, Any]) -> Tree:
    merged = dict(tree)
    for name, value in settings.items():
        both = isinstance(value, Mapping) and isinstance(merged.get(name), Mapping)
        merged[name] = _merged(merged[name], cast(Mapping[str, Any], value)) if both else value
    return merged


def dump_toml(config: BaseModel) -> str:
    """The settings as TOML, which `load_config` reads back to an equal model.

    Raises:
        ConfigError: a setting is None whose default is not None, which TOML can't say.
    """
    return tomli_w.dumps(_without_none(config))


def flatten(tree: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Nested settings as dotted keys to values; an empty group stays as `{}`."""
    flat: dict[str, Any] = {}
    for key, value in tree.items():
        dotted = f"{prefix}{key}"
        if isinstance(value, Mapping) and value:
            flat.update(flatten(cast(Mapping[str, Any], value), f"{dotted}."))
        else:
            flat[dotted] = value
    return flat


def _without_none(config: BaseModel, prefix: str = "") -> Tree:
    data = config.model_dump(mode="json")
    tree: Tree = {}
    for name, info in type(config).model_fields.items():
        value = getattr(config, name)
        if value is None:
            if (
                info.is_required()
                or info.get_default(call_default_factory=True, validated_data={}) is not None
            ):
                raise ConfigError(f"`{prefix}{name}` is unset, and TOML has no way to say so.")
        elif isinstance(value, BaseModel):
            tree[name] = _without_none(value, f"{prefix}{name}.")
        else:
            tree[name] = data[name]
    return tree


def _read_toml(path: Path) -> Tree:
    try:
        return tomllib.loads(path.read_bytes().decode("utf-8-sig"))
    except FileNotFoundError:
        near = nearest(path, lambda there: there.suffix == ".toml")
        raise ConfigError(f"There is no config file {path}{near}") from None
    except IsADirectoryError:
        raise ConfigError(f"{path} is a directory, not a TOML file.") from None
    except UnicodeDecodeError as error:
        line = error.object.count(b"\n", 0, error.start) + 1
        raise ConfigError(f"{path} is not UTF-8 text (line {line}).") from None
    except tomllib.TOMLDecodeError as error:
        raise ConfigError(f"{path} is not TOML: {error}.") from None
    except RecursionError:
        raise ConfigError(f"{path} is nested too deep to be a config file.") from None
    except OSError as error:
        raise ConfigError(f"{path} can't be read: {error.strerror or error}.") from None


def _split_override(override: str) -> tuple[KeyPath, str]:
    dotted, equals, text = override.partition("=")
    key = tuple(part.strip() for part in dotted.split("."))
    if not equals or not all(key):
        raise ConfigError(f"`{override}` is no override; write it as KEY=VALUE, e.g. `seed=1`.")
    return key, text.strip()


def _parse_value(text: str, key: KeyPath, model: type[BaseModel]) -> Any:
    if text == "none" and _may_be_none(model, key):
        return None
    try:
        parsed = tomllib.loads(f"value = {text}")
    except (tomllib.TOMLDecodeError, RecursionError):
        return text
    return parsed["value"] if set(parsed) == {"value"} and text else text


def _put(tree: Tree, key: KeyPath, value: Any, model: type[BaseModel]) -> KeyPath:
    """Set one setting, and return where it stands: a bare value may be short for a setting in a group."""
    short = _short_for(model, key)
    if short and isinstance(value, str):
        key = (*key, short)
    node = tree
    for depth, part in enumerate(key[:-1]):
        child = node.setdefault(part, {})
        if isinstance(child, str) and (short := _short_for(model, key[: depth + 1])):
            child = node[part] = {short: child}
        if not isinstance(child, dict):
            raise ConfigError(
                f"`{'.'.join(key)}` is not a setting: `{'.'.join(key[: depth + 1])}` is a value, not a group."
            )
        node = cast(Tree, child)
    node[key[-1]] = value
    return key


def _short_for(model: type[BaseModel], key: KeyPath) -> str | None:
    """The setting of the group at `key` that a value in its place is short for."""
    for part in key:
        info = model.model_fields.get(part)
        section = None if info is None else section_of(info.annotation)
        if section is None:
            return None
        model = section
    return getattr(model, "SHORT", None)


def section_of(annotation: Any) -> type[BaseModel] | None:
    """The nested model that an annotation stands for, through Optional and Annotated."""
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        return annotation
    if get_origin(annotation) in (Union, types.UnionType, Annotated):
        found = [section for a in get_args(annotation) if (section := section_of(a)) is not None]
        return found[0] if found else None
    return None


def _may_be_none(model: type[BaseModel], key: KeyPath) -> bool:
    for part in key[:-1]:
        info = model.model_fields.get(part)
        section = None if info is None else section_of(info.annotation)
        if section is None:
            return False
        model = section
    info = model.model_fields.get(key[-1])
    return info is not None and type(None) in get_args(info.annotation)


def _known_keys(model: type[BaseModel], prefix: str = "") -> Iterator[str]:
    # A group's own first, before what it has in common with others.
    for name in dict.fromkeys([*vars(model).get("__annotations__", {}), *model.model_fields]):
        if name not in model.model_fields:
            continue
        section = section_of(model.model_fields[name].annotation)
        if section is None:
            yield f"{prefix}{name}"
        else:
            yield from _known_keys(section, f"{prefix}{name}.")


def _unknown_keys(model: type[BaseModel], tree: Tree, prefix: str = "") -> Iterator[str]:
    for name, value in tree.items():
        info = model.model_fields.get(name)
        if info is None:
            yield from (
                [f"{prefix}{name}"] if not isinstance(value, dict) else _leaves(value, f"{prefix}{name}")
            )
        elif (section := section_of(info.annotation)) is not None and isinstance(value, dict):
            yield from _unknown_keys(section, cast(Tree, value), f"{prefix}{name}.")


def _leaves(tree: Any, prefix: str) -> list[str]:
    return [f"{prefix}.{key}" for key in flatten(cast(Tree, tree))] or [prefix]


def _unknown_sentence(key: str, known: Sequence[str]) -> str:
    leaf = key.rpartition(".")[2]
    same_leaf = [k for k in known if k.rpartition(".")[2] == leaf]

    def likeness(candidate: str) -> float:
        whole = difflib.SequenceMatcher(None, key, candidate).ratio()
        last = difflib.SequenceMatcher(None, leaf, candidate.rpartition(".")[2]).ratio()
        return max(whole, 0.95 * last)

    best = sorted(known, key=likeness, reverse=True)[:1]
    near = best if best and likeness(best[0]) >= 0.6 else []
    if len(same_leaf) > 1 and "." not in key:
        near = same_leaf[:3]
    if not near:
        groups = sorted({k.partition(".")[0] for k in known})
        return f"`{key}` is not a setting; the settings are {', '.join(f'`{g}`' for g in groups)}."
    return f"`{key}` is not a setting; did you mean {' or '.join(f'`{n}`' for n in near)}?"


def _validate(model: type[M], tree: Tree, raw: Mapping[KeyPath, str], source: str | None) -> M:
    unknown = list(_unknown_keys(model, tree))
    if unknown:
        known = list(_known_keys(model))
        raise ConfigError("\n".join(_unknown_sentence(key, known) for key in unknown))
    try:
        return model.model_validate(tree)
    except ValidationError as error:
        problems = error.errors(include_url=False)
    # `planner.model=7` means the text "7": what is read as a number goes back to text where text is wanted.
    texts = {loc: raw[loc] for p in problems if p["type"] == "string_type" and (loc := _loc(p)) in raw}
    if texts:
        for key, text in texts.items():
            _put(tree, key, text, model)
        return _validate(model, tree, {k: v for k, v in raw.items() if k not in texts}, source)
    place = f" ({source})" if source and not any(_loc(p) in raw for p in problems) else ""
    sentences = dict.fromkeys(_problem_sentence(p, model) for p in problems)
    raise ConfigError("\n".join(f"{s[:-1]}{place}." if place else s for s in sentences))


def _loc(problem: ErrorDetails) -> KeyPath:
    return tuple(str(part) for part in problem["loc"])


def _nearest_of(problem: ErrorDetails) -> str:
    """Which of the values that may stand there was probably meant."""
    if problem["type"] not in ("literal_error", "enum") or not isinstance(problem["input"], str):
        return ""
    names = re.findall(r"'([^']*)'", str(problem.get("ctx", {}).get("expected", "")))
    near = difflib.get_close_matches(problem["input"], names, n=1, cutoff=0.7)
    return f"; did you mean `{near[0]}`?" if near else ""


def _problem_sentence(problem: ErrorDetails, model: type[BaseModel]) -> str:
    key = ".".join(_loc(problem)) or "the configuration"
    if problem["type"] == "missing":
        return f"`{key}` must be given."
    if problem["type"] in ("model_type", "model_attributes_type", "dict_type"):
        example = next((k for k in _known_keys(model) if k.startswith(f"{key}.")), f"{key}.NAME")
        return f"`{key}` is a group of settings, not a value; set one of them, e.g. `{example}=...`."
    if problem["type"] == "extra_forbidden":
        return f"`{key}` is not a setting."
    said = problem["msg"].removeprefix("Value error, ")  # from a validator of ours
    if isinstance(problem.get("ctx", {}).get("error"), AddressError):
        return f"`{key}`: {said}"  # nothing of an address is shown: there may be a password in it
    if not problem["loc"]:  # of settings that do not go together
        return f"{said[:1].upper()}{said[1:]}."
    if problem["type"] == "value_error" and any(k.startswith(f"{key}.") for k in _known_keys(model)):
        return f"`{key}`: {said}."  # the same of a group, whose settings would fill the screen
    allowed = re.sub(r"^(Input|Value) should be", "it must be", said)
    allowed = re.sub(r"^(Input|Value) should have", "it must have", allowed).replace(" after validation", "")
    shown = repr(problem["input"])
    allowed += _nearest_of(problem)
    end = "" if allowed.endswith("?") else "."
    return f"`{key}` can't be {shown if len(shown) <= 80 else shown[:77] + '...'}: {allowed}{end}"
