"""The registry: lazy, helpful, closed to collisions."""

from __future__ import annotations

import sys
from importlib.metadata import EntryPoint, EntryPoints
from typing import Any

import pytest

from velm_bench import registry as room
from velm_bench.errors import UsageError
from velm_bench.registry import Registry


def test_nothing_is_imported_before_it_is_asked_for() -> None:
    sys.modules.pop("colorsys", None)
    found: Registry[Any] = Registry("thing", "velm_bench.none", {"wheel": "colorsys:rgb_to_hls"})
    assert list(found) == ["wheel"]
    assert "wheel" in found
    assert "colorsys" not in sys.modules
    assert found.get("wheel")(0, 0, 0) == (0, 0, 0)


def test_an_unknown_name_names_the_nearest() -> None:
    found: Registry[Any] = Registry("metric", "velm_bench.none", {"cider": "a:b", "bleu": "a:b"})
    with pytest.raises(UsageError, match=r"Unknown metric 'cidr': did you mean 'cider'\?"):
        found.get("cidr")
    with pytest.raises(UsageError, match="known are: bleu, cider"):
        found.get("zzz")


def entries(monkeypatch: pytest.MonkeyPatch, *points: EntryPoint) -> None:
    monkeypatch.setattr(room, "entry_points", lambda group: EntryPoints(points).select(group=group))


def test_an_installed_package_adds_entries(monkeypatch: pytest.MonkeyPatch) -> None:
    entries(monkeypatch, EntryPoint("mine", "math:sqrt", "velm_bench.things"))
    found: Registry[Any] = Registry("thing", "velm_bench.things", {})
    assert found.get("mine")(9) == 3


def test_a_name_taken_twice_is_an_error(monkeypatch: pytest.MonkeyPatch) -> None:
    entries(monkeypatch, EntryPoint("mine", "math:sqrt", "velm_bench.things"))
    found: Registry[Any] = Registry("thing", "velm_bench.things", {"mine": "math:cos"})
    with pytest.raises(UsageError, match="registered twice"):
        found.get("mine")
