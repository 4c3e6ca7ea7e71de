"""Which files of a data set's repository hold a split: by its card, or by the names that the hub gives them."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from fnmatch import fnmatchcase
from functools import cached_property
from typing import Any

from velm_bench.errors import UsageError
from velm_bench.sources.hub.settings import Part

CARD = "README.md"
SHARD = re.compile(r"-(\d{5})-of-(\d{5})")


@dataclass(frozen=True)
class Card:
    """A data set's README.md, whose first lines may say which files are what."""

    text: str = ""

    @cached_property
    def facts(self) -> Mapping[str, Any]:
        """The YAML at its beginning; empty where there is none, or one that cannot be read."""
        import yaml

        match = re.match(r"\ufeff?---\s*\n(.*?)\n---\s*(?:\n|$)", self.text, re.DOTALL)
        try:
            found = yaml.safe_load(match[1]) if match else None
        except (yaml.YAMLError, ValueError, RecursionError):  # ValueError for a date that is none
            return {}
        return found if isinstance(found, Mapping) else {}

    @cached_property
    def configs(self) -> Mapping[str, Mapping[str, list[str]]]:
        """Configurations, their splits, and patterns of the files of each; the default one is called "" as well."""
        stated = self.facts.get("configs")
        entries = [entry for entry in stated if isinstance(entry, Mapping)] if isinstance(stated, list) else []
        found = {str(entry.get("config_name", "default")): _patterns(entry) for entry in entries}
        chosen = [str(entry.get("config_name", "default")) for entry in entries if entry.get("default")]
        default = [*chosen, "default", *found] if chosen or "default" in found or len(found) == 1 else []
        first = next((name for name in default if name in found), None)
        return {**found, **({"": found[first]} if first is not None else {})}

    def features(self, config: str) -> dict[str, Any]:
        """The classes of the columns that have some, as the features of `datasets` say them in JSON."""
        stated = self.facts.get("dataset_info")
        infos = [info for info in (stated if isinstance(stated, list) else [stated]) if isinstance(info, Mapping)]
        info = next((one for one in infos if str(one.get("config_name", "default")) == (config or "default")), None)
        info = infos[0] if info is None and len(infos) == 1 else info
        columns = info.get("features") if info else None
        listed = [one for one in columns if isinstance(one, Mapping)] if isinstance(columns, list) else []
        return {
            str(one.get("name")): {"_type": "ClassLabel", "names": names} for one in listed if (names := _classes(one))
        }


def _patterns(entry: Mapping[str, Any]) -> dict[str, list[str]]:
    """Splits and patterns of one configuration's `data_files`."""
    stated = entry.get("data_files")
    folder = f"{entry['data_dir']}/" if entry.get("data_dir") else ""
    if isinstance(stated, list) and all(isinstance(one, Mapping) for one in stated):
        splits = {str(one.get("split", "train")): one.get("path") for one in stated}
    else:
        splits = dict(stated) if isinstance(stated, Mapping) else {"train": stated}
    listed = {split: paths if isinstance(paths, list) else [paths] for split, paths in splits.items()}
    return {split: [f"{folder}{path}" for path in paths if path] for split, paths in listed.items() if any(paths)}


def _classes(column: Mapping[str, Any]) -> list[str]:
    """The classes of a column of `dataset_info`, of each entry where it is a list; empty where it has none."""
    feature: Any = column
    for _ in range(4):
        if not isinstance(feature, Mapping):
            return []
        if isinstance(feature.get("class_label"), Mapping):
            return _in_order(feature["class_label"].get("names"))
        feature = next(
            (feature[key] for key in ("dtype", "sequence", "list") if isinstance(feature.get(key), Mapping)), None
        )
    return []


def _in_order(names: Any) -> list[str]:
    """The names of classes, listed or by number; empty for anything else, and where a number is missing."""
    if isinstance(names, list):
        return list(map(str, names))
    known = {str(number): str(name) for number, name in names.items()} if isinstance(names, Mapping) else {}
    numbers = list(map(str, range(len(known))))
    return [known[number] for number in numbers] if set(numbers) == set(known) else []


def choose(names: Collection[str], part: Part, card: Card) -> list[str]:
    """The Parquet files of a part among a repository's files, in order; empty where there are none.

    UsageError where several configurations would do, or some files of a series are missing.
    """
    tables = sorted(name for name in names if name.endswith(".parquet") and is_inside(name))
    found = _by_pattern(tables, part.files) if part.files else _by_card(tables, part, card) or _by_name(tables, part)
    _require_whole(found, part)
    return found


def is_inside(name: str) -> bool:
    """Whether a file's name stays in its repository's folder."""
    parts = name.replace("\\", "/").split("/")
    return ".." not in parts and parts[0] != "" and ":" not in parts[0]


def _by_pattern(tables: Collection[str], patterns: Collection[str]) -> list[str]:
    plain = [pattern.removeprefix("./").split("/") for pattern in patterns]
    return [name for name in tables if any(_fits(name.split("/"), pattern) for pattern in plain)]


def _fits(path: Sequence[str], pattern: Sequence[str]) -> bool:
    """Whether a path matches folder by folder, as on the hub: "*" stays within one, "**" stands for any number."""
    if not path or not pattern:
        return not path and not pattern
    first, rest = pattern[0], pattern[1:]
    if first == "**":
        return not rest or any(_fits(path[skipped:], rest) for skipped in range(len(path)))
    if "**" in first:
        return fnmatchcase("/".join(path), "/".join(pattern))
    return fnmatchcase(path[0], first) and _fits(path[1:], rest)


def _by_card(tables: Collection[str], part: Part, card: Card) -> list[str]:
    splits = card.configs.get(part.config, {})
    return _by_pattern(tables, splits.get(part.split, ()))


def _by_name(tables: Collection[str], part: Part) -> list[str]:
    """By the names that the hub's own tools give: data/test-00000-of-00001.parquet, config/test/0000.parquet, ..."""
    places = [f"{part.config}/", f"data/{part.config}/"] if part.config else ["data/", "", "default/"]
    places += ["data/", ""] if part.config == "default" else []
    split = re.escape(part.split)
    for place in map(re.escape, places):
        for form in (
            rf"{split}{SHARD.pattern}[^/]*",
            rf"{split}/[^/]*",
            split,
            rf"{split}-\d+[^/]*",
            rf"[^/]*-{split}",
        ):
            found = [name for name in tables if re.fullmatch(rf"{place}{form}\.parquet", name)]
            if found:
                return found
    return [] if part.config else _in_only_config(tables, part)


def _in_only_config(tables: Collection[str], part: Part) -> list[str]:
    """The files of the one configuration that has the split; UsageError if there are several."""
    folders = sorted({name.split("/")[0] for name in tables if "/" in name} - {"data", "default"})
    having = {folder: found for folder in folders if (found := _by_name(tables, Part(part.id, folder, part.split)))}
    if len(having) > 1:
        raise UsageError(
            f"The data set {part} has the configurations {', '.join(having)}: name one under 'source.config'."
        )
    return next(iter(having.values()), [])


def _require_whole(found: Collection[str], part: Part) -> None:
    """UsageError for a series of files of which some are missing."""
    stems = {name: match for name in found if (match := SHARD.search(name))}
    for name, match in stems.items():
        series = [other for other, its in stems.items() if other[: its.start()] == name[: match.start()]]
        if len(series) != int(match[2]):
            raise UsageError(
                f"The data set {part} has {len(series)} of the {int(match[2])} files like '{name}': "
                "fetch the missing ones, or remove the older of two versions."
            )
