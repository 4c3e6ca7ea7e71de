"""The files of `--report DIR`: the verdict for programs, for people, and for the pages of a CI system."""

from __future__ import annotations

import json
from pathlib import Path

from velm_bench.errors import UsageError
from velm_bench.gate.pictures import Pictures
from velm_bench.gate.reports.junit import junit
from velm_bench.gate.reports.markdown import comment, job_summary
from velm_bench.gate.reports.page import page
from velm_bench.gate.schema import Verdict
from velm_bench.results.atomic import require_writable, write_bytes

NAMES = ("verdict.json", "summary.md", "comment.md", "junit.xml", "report.html")
"""The files of a report."""


def remove_reports(folder: Path) -> None:
    """Remove an earlier report, and make sure that another can be written; UsageError where it cannot."""
    require_writable(folder, "--report")
    for name in NAMES:
        try:
            (folder / name).unlink(missing_ok=True)
        except OSError as error:
            raise UsageError(
                f"The earlier report {folder / name} cannot be removed ({error.strerror or error}): remove it, or give "
                "another folder with --report."
            ) from error


def write_reports(folder: Path, verdict: Verdict, pictures: Pictures | None = None) -> list[Path]:
    """Write verdict.json, summary.md, comment.md, junit.xml and report.html, each atomically; their paths.

    Flips without a question get that of the pictures. UsageError where the folder cannot be written.
    """
    require_writable(folder, "--report")
    pictures = pictures or Pictures()
    verdict = verdict.model_copy(update={"flips": pictures.asked(verdict.flips)})
    contents = (
        verdict_json(verdict),
        job_summary(verdict).encode("utf-8"),
        comment(verdict).encode("utf-8"),
        junit(verdict),
        page(verdict, pictures).encode("utf-8"),
    )
    try:
        for name, data in zip(NAMES, contents, strict=True):
            write_bytes(folder / name, data)
    except OSError as error:
        raise UsageError(
            f"The report {folder / name} cannot be written ({error.strerror or error}): make room there, or give "
            "another folder with --report."
        ) from error
    return [folder / name for name in NAMES]


def verdict_json(verdict: Verdict) -> bytes:
    """The bytes of verdict.json."""
    return (json.dumps(verdict.model_dump(mode="json"), indent=2, allow_nan=False) + "\n").encode("ascii")
