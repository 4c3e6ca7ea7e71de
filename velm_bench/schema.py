"""Strict reading of YAML and JSON into pydantic models, every complaint one sentence."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Annotated, Any, TypeVar, Union, get_args, get_origin

from pydantic import BaseModel, ValidationError

from velm_bench.errors import UsageError
from velm_bench.registry import suggestion

M = TypeVar("M", bound=BaseModel)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """A YAML file that holds one mapping; UsageError naming file and line where it does not."""
    import yaml

    try:
        require_regular(path)
        text = path.read_text(encoding="utf-8")
        _require_shallow(text, path)
        data = yaml.load(text, Loader=_strict_loader())
    except UnicodeDecodeError as error:
        raise UsageError(f"The file {path} is not UTF-8 text: save it as UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise UsageError(f"The file {path}{line} is not valid YAML: {getattr(error, 'problem', error)}.") from error
    except (OSError, ValueError) as error:
        if isinstance(error, OSError) or "\0" in str(path):
            why = getattr(error, "strerror", None) or error
            raise UsageError(f"The file {path} cannot be read: {why}.") from error
        # a date or a number that there is not
        raise UsageError(f"The file {path} is not valid YAML: {error}.") from error
    if data is None:
        raise UsageError(f"The file {path} is empty: it must hold keys and values.")
    if not isinstance(data, dict):
        raise UsageError(f"The file {path} must hold keys and values, not {type(data).__name__}.")
    return data


def require_regular(path: Path) -> None:
    """OSError for what is there and is neither a file nor a folder: who reads a pipe may wait for ever."""
    if path.exists() and not (path.is_file() or path.is_dir()):
        raise OSError("it is no regular file (a pipe or a device): write it into one")


DEEPEST = 100
"""How many mappings and lists of a YAML file may lie in each other: its fast reader ends the process at some 10,000."""


def _require_shallow(text: str, path: Path) -> None:
    """UsageError for what is nested too deeply; only a file that might be is read for it."""
    import yaml

    if text.count("[") + text.count("{") < DEEPEST and not re.search(rf"(?m)^[ \-?:]{{{DEEPEST}}}", text):
        return
    depth = 0
    for event in yaml.parse(text, Loader=_strict_loader()):
        depth += isinstance(event, yaml.CollectionStartEvent) - isinstance(event, yaml.CollectionEndEvent)
        if depth > DEEPEST:
            line = f" line {event.start_mark.line + 1}" if event.start_mark else ""
            raise UsageError(f"The file {path}{line} is nested too deeply: more than {DEEPEST} levels.")


@cache
def _strict_loader() -> Any:
    """YAML's safe loader (the fast one where it is built), to which a key given twice is an error."""
    import yaml

    class Loader(getattr(yaml, "CSafeLoader", yaml.SafeLoader)):  # type: ignore[misc]
        def construct_mapping(self, node: Any, deep: bool = False) -> Any:
            seen: set[str] = set()
            for key, _ in node.value:
                if not isinstance(key, yaml.ScalarNode):
                    raise yaml.constructor.ConstructorError(
                        None, None, "a key is a list or a mapping, and keys are texts", key.start_mark
                    )
                if key.value in seen:
                    raise yaml.constructor.ConstructorError(
                        None, None, f"the key '{key.value}' stands there twice", key.start_mark
                    )
                seen.add(str(key.value))
            return super().construct_mapping(node, deep)

        def construct_yaml_timestamp(self, node: Any) -> Any:
            try:
                return super().construct_yaml_timestamp(node)
            except ValueError as error:
                problem = f"'{node.value}' is no date ({error})"
                raise yaml.constructor.ConstructorError(None, None, problem, node.start_mark) from error

    Loader.add_constructor("tag:yaml.org,2002:timestamp", Loader.construct_yaml_timestamp)
    return Loader


def parse(model: type[M], data: Mapping[str, Any], where: str) -> M:
    """`data` as a `model`; UsageError with the first complaint, its field, and the nearest known key for an unknown."""
    try:
        return model.model_validate(data)
    except ValidationError as error:
        raise UsageError(f"In {where}: {_complaint(model, error)}") from error


def _complaint(model: type[BaseModel], error: ValidationError) -> str:
    found = error.errors(include_url=False)
    # a misspelt key is also a missing one: the misspelling is the thing to say
    first = next((one for one in found if one["type"] == "extra_forbidden"), found[0])
    place = [str(part) for part in first["loc"]]
    field = ".".join(place) or "the whole"
    if first["type"] == "extra_forbidden":
        known = _fields_at(model, first["loc"][:-1])
        return f"unknown key '{field}': {suggestion(place[-1], known) if known else 'leave it out.'}"
    if first["type"] == "missing":
        return f"the key '{field}' is missing: add it."
    if place[-1:] == ["[key]"] or first["type"] == "invalid_key":
        holder = ".".join(place[:-2] if place[-1] == "[key]" else place[:-1])
        named = f"'{holder}'" if holder else "it"
        return f"{named} has the key {first['input']!r:.80}, which is no text: put it in quotes."
    if first["type"] in ("model_type", "model_attributes_type", "dict_type"):
        known = _fields_at(model, first["loc"])
        such = f" ({', '.join(known)})" if known else ""
        return f"'{field}' is not valid: it must hold keys and values{such}, given was {first['input']!r:.80}."
    message = first["msg"].removeprefix("Value error, ")
    return f"'{field}' is not valid: {message[:1].lower()}{message[1:]}, given was {first['input']!r:.80}."


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The known keys of the (possibly nested) model that an error location points into; none where it is no model."""
    current: list[Any] = [model]
    for part in location:
        # a part that leads nowhere is pydantic's own, such as the name of one of several forms
        current = [inner for one in current for inner in _inside(one, str(part))] or current
    return list(dict.fromkeys(name for one in current for name in getattr(one, "model_fields", {})))


def _inside(annotation: Any, part: str) -> Iterator[Any]:
    """What may stand at a key, or a place, of what is annotated so: of models, mappings and lists."""
    if hasattr(annotation, "model_fields"):
        field = annotation.model_fields.get(part)
        yield from _options(field.annotation) if field else ()
    else:
        yield from (inner for one in get_args(annotation)[-1:] for inner in _options(one))


def _options(annotation: Any) -> Iterator[Any]:
    """The forms that an annotation allows."""
    origin = get_origin(annotation)
    if origin is Annotated:
        yield from _options(get_args(annotation)[0])
    elif origin in (Union, UnionType):
        for one in get_args(annotation):
            yield from _options(one)
    else:
        yield annotation
