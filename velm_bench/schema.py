"""Strict reading of YAML and JSON into pydantic models, every complaint one sentence."""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import cache
from pathlib import Path
from types import UnionType
from typing import Any, TypeVar, get_args

from pydantic import BaseModel, ValidationError

from velm_bench.errors import UsageError
from velm_bench.registry import suggestion

M = TypeVar("M", bound=BaseModel)


def read_yaml(path: Path) -> Mapping[str, Any]:
    """A YAML file that holds one mapping; UsageError naming file and line where it does not."""
    import yaml

    try:
        text = path.read_text(encoding="utf-8")
        _require_shallow(text, path)
        data = yaml.load(text, Loader=_strict_loader())
    except OSError as error:
        raise UsageError(f"The file {path} cannot be read: {error.strerror or error}.") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"The file {path} is not UTF-8 text: save it as UTF-8.") from error
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        line = f" line {mark.line + 1}" if mark else ""
        raise UsageError(f"The file {path}{line} is not valid YAML: {getattr(error, 'problem', error)}.") from error
    except ValueError as error:  # a date or a number that there is not
        raise UsageError(f"The file {path} is not valid YAML: {error}.") from error
    if not isinstance(data, dict):
        raise UsageError(f"The file {path} must hold keys and values, not {type(data).__name__}.")
    return data


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
        return f"unknown key '{field}': {suggestion(place[-1], list(_fields_at(model, first['loc'][:-1])))}"
    if first["type"] == "missing":
        return f"the key '{field}' is missing: add it."
    message = first["msg"].removeprefix("Value error, ")
    return f"'{field}' is not valid: {message[:1].lower()}{message[1:]}, given was {first['input']!r:.80}."


def _fields_at(model: type[BaseModel], location: tuple[int | str, ...]) -> list[str]:
    """The known keys of the (possibly nested) model that an error location points into."""
    current: Any = model
    for part in location:
        info = current.model_fields.get(str(part)) if hasattr(current, "model_fields") else None
        current = _model_in(info.annotation) if info else current
    return list(getattr(current, "model_fields", {}))


def _model_in(annotation: Any) -> Any:
    options = get_args(annotation) if isinstance(annotation, UnionType) or get_args(annotation) else (annotation,)
    return next((option for option in options if hasattr(option, "model_fields")), annotation)
