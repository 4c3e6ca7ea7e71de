"""Whether a bundle is what it should be, as far as that can be said without the data of its tasks.

First its form: files, digests, names, and that each run was asked what the board asks. Then its contents: that the
digests in its answers are those of the board's samples. The two stand apart because whoever has the data can name the
sample that is at fault, which the digest of all samples cannot.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from velm_bench.board.bundles.answers import read_answers
from velm_bench.board.bundles.differences import Definitions, why_other_task
from velm_bench.board.bundles.packing import entry_of, run_files
from velm_bench.board.folder import MANIFEST, Bundle
from velm_bench.board.schema import AnswerLine, Manifest, PinnedTask, RunEntry
from velm_bench.digests import digest_bytes, digest_json
from velm_bench.engine.treating import find_treatment
from velm_bench.errors import UsageError
from velm_bench.registry import suggestion
from velm_bench.results.schema import SCHEMA_VERSION, Result, titled
from velm_bench.results.store import safe_name
from velm_bench.schema import parse
from velm_bench.strict_json import strict_object

LARGEST_CLAIMS = 16 * 2**20
"""Bytes of a result.json."""


def check_form(bundle: Bundle, tasks: Mapping[str, PinnedTask], definitions: Definitions | None = None) -> None:
    """That files and claims are those of runs of the board's tasks; UsageError in one sentence where they are not."""
    manifest = bundle.manifest
    _require_files(bundle)
    for entry in manifest.runs:
        pinned = tasks.get(entry.task)
        if pinned is None:
            raise UsageError(
                f"The run '{entry.name}' is of task '{entry.task:.80}', which the board does not ask: "
                f"{suggestion(entry.task, list(tasks))}"
            )
        result = claims(bundle, entry)
        _require_same(manifest, entry, result)
        _require_asked(entry, result, pinned, (definitions or {}).get(entry.task, {}))


def claims(bundle: Bundle, entry: RunEntry) -> Result:
    """What a run says of itself; UsageError where that is no result, or one of another version."""
    path, _ = run_files(entry.name)
    data = bundle.files[path]
    if len(data) > LARGEST_CLAIMS:
        raise UsageError(f"In {path}: it is larger than {LARGEST_CLAIMS} bytes, which no result is.")
    value = strict_object(data, path)
    if value.get("schema_version") != SCHEMA_VERSION:
        raise UsageError(
            f"In {path}: 'schema_version' is {value.get('schema_version')!a:.20} and this velm-bench reads "
            f"{SCHEMA_VERSION}: use the version that wrote it."
        )
    if b"\\ud" in data.lower():  # an escape of half a letter, or of two halves that are one
        _require_unicode(value, path)
    return parse(Result, value, path)


def _require_unicode(value: Mapping[str, Any], path: str) -> None:
    """UsageError naming the first text that UTF-8 cannot hold, and that could not be written again."""
    for place, text in _texts(value, ""):
        try:
            text.encode("utf-8")
        except UnicodeEncodeError as error:
            raise UsageError(f"In {path}: the text at {place.strip('.')!a:.80} is no valid Unicode text.") from error


def _texts(value: Any, place: str) -> Iterator[tuple[str, str]]:
    """Every text in a value of JSON, and every key, with where it stands."""
    if isinstance(value, str):
        yield place, value
    elif isinstance(value, dict):
        for key, item in value.items():
            yield place, key
            yield from _texts(item, f"{place}.{key}")
    elif isinstance(value, list):
        for item in value:
            yield from _texts(item, place)


def check_contents(bundle: Bundle, entry: RunEntry, pinned: PinnedTask) -> None:
    """That the answers of a run are about the board's samples, all of them and in their order; UsageError if not."""
    path = run_files(entry.name)[1]
    check_lines(entry, claims(bundle, entry), read_answers(bundle.files[path], path, pinned.samples), pinned)


def check_lines(entry: RunEntry, result: Result, lines: Sequence[AnswerLine], pinned: PinnedTask) -> None:
    """The same of what was read already: the claims of a run, and its answers."""
    claims_path, path = run_files(entry.name)
    if result.data.content != pinned.content:
        raise UsageError(
            f"In {claims_path}: 'data.content' is {result.data.content:.12} and the board's task '{pinned.name}' has "
            f"{pinned.content[:12]}: an id, a picture, a question or a reference of the samples asked differs."
        )
    if len(lines) != pinned.samples:
        raise UsageError(
            f"In {path}: there are {len(lines)} answers and the board asks {pinned.samples} samples of task "
            f"'{pinned.name}': samples are missing."
        )
    _require_content(path, lines, pinned)
    failed = sum(bool(line.error) for line in lines)
    if failed != result.n_errors:
        raise UsageError(
            f"In {path}: {failed} samples have an 'error' and {claims_path} claims 'n_errors' of {result.n_errors}."
        )


def _require_content(path: str, lines: Sequence[AnswerLine], pinned: PinnedTask) -> None:
    found = digest_json([line.content for line in lines])
    if found == pinned.content:
        return
    ordered = digest_json([line.content for line in sorted(lines, key=lambda line: line.id)])
    what = (
        "the lines are not in the order of the task's samples"
        if ordered == pinned.content
        else "an 'id' or 'content' was changed, or the lines are in another order"
    )
    raise UsageError(
        f"In {path}: the digests of its samples give {found[:12]} and those of the board's task '{pinned.name}' "
        f"{pinned.content[:12]}: {what}."
    )


# ---------------------------------------------------------------- files


def _require_files(bundle: Bundle) -> None:
    """UsageError unless the bundle holds exactly the files of its runs, with the digests that its manifest says."""
    manifest = bundle.manifest
    _require_names(manifest)
    listed = [entry.path for entry in manifest.files]
    expected = {path for entry in manifest.runs for path in run_files(entry.name)}
    strange = sorted({*listed} - expected)
    if strange:
        raise UsageError(f"In {MANIFEST}: 'files' names '{strange[0]}', which belongs to no run.")
    if listed != sorted(listed):
        raise UsageError(f"In {MANIFEST}: 'files' is not sorted by path.")
    for where, absent in ((MANIFEST, expected - {*listed}), ("the bundle", expected - bundle.files.keys())):
        if absent:
            raise UsageError(f"In {where}: the file '{min(absent)}' is missing.")
    beside = sorted(bundle.files.keys() - expected)
    if beside:
        raise UsageError(f"The bundle holds the file '{beside[0]:.160}', which belongs to no run: leave it out.")
    for entry in manifest.files:
        data = bundle.files[entry.path]
        if len(data) != entry.size or digest_bytes(data) != entry.sha256:
            raise UsageError(f"The file '{entry.path}' is not the one that {MANIFEST} describes: its digest differs.")


def _require_names(manifest: Manifest) -> None:
    """UsageError unless the runs are sorted, and named after what they are of."""
    for entry in manifest.runs:
        if entry.control:
            _require_control(entry)
        expected = safe_name(titled(entry.task, entry.control, entry.shots))
        if entry.name != expected:
            raise UsageError(
                f"In {MANIFEST}: the run '{entry.name}' of task '{entry.task:.80}' must be called '{expected}'."
            )
    names = [entry.name for entry in manifest.runs]
    if names != sorted(names):
        raise UsageError(f"In {MANIFEST}: 'runs' is not sorted by name.")


def _require_control(entry: RunEntry) -> None:
    try:
        full = find_treatment(entry.control).name
    except UsageError as error:
        raise UsageError(f"In {MANIFEST}: the run '{entry.name}': {error}") from error
    if full != entry.control:
        raise UsageError(f"In {MANIFEST}: 'control' of the run '{entry.name}' must be '{full}'.")


# ---------------------------------------------------------------- claims


def _require_same(manifest: Manifest, entry: RunEntry, result: Result) -> None:
    """UsageError unless a run's claims are of the task, control and model that the manifest says."""
    claimed = entry_of(result)
    pairs: list[tuple[str, object, object]] = [
        ("task.name", claimed.task, entry.task),
        ("control", claimed.control, entry.control),
        ("shots.count", claimed.shots, entry.shots),
        ("model.name", result.model.name, manifest.model),
        ("model.digest", result.model.digest, manifest.model_digest),
    ]
    for field, mine, theirs in pairs:
        if mine != theirs:
            raise UsageError(
                f"In {run_files(entry.name)[0]}: '{field}' is {mine!a:.80} and {MANIFEST} says {theirs!a:.80}."
            )


def _require_asked(entry: RunEntry, result: Result, pinned: PinnedTask, definition: Mapping[str, Any]) -> None:
    """UsageError, with the first thing that differs, unless the run was asked what the board asks."""
    path = run_files(entry.name)[0]
    if result.task.kind != pinned.kind or result.task.digest != pinned.digest:
        raise UsageError(f"In {path}: {why_other_task(result, pinned, definition)}")
    if result.imported:
        raise UsageError(
            f"In {path}: 'imported' is {result.imported!a:.80}: a board takes no run of another harness, since its "
            "answers cannot be scored anew."
        )
    if result.primary != pinned.primary:
        raise UsageError(
            f"In {path}: 'primary' is {result.primary!a:.80} and the board ranks by '{pinned.primary}': run the "
            "board's task."
        )
    for field, mine, theirs in _data(result, pinned):
        if mine != theirs:
            raise UsageError(
                f"In {path}: '{field}' is {_short(mine)} and the board's task '{pinned.name}' has {_short(theirs)}: "
                f"{_REMEDY[field]}"
            )
    if result.n != pinned.samples:
        raise UsageError(
            f"In {path}: 'n' is {result.n} and the board asks {pinned.samples} samples of task '{pinned.name}': run "
            f"it {_flags(pinned)}."
        )


def _data(result: Result, pinned: PinnedTask) -> Iterator[tuple[str, object, object]]:
    """Fields of what was asked, as claimed and as pinned; a limit that leaves nothing out is none."""
    data = result.data
    yield "data.fingerprint", data.fingerprint, pinned.fingerprint
    mine, theirs = (limit if limit and limit < data.samples else None for limit in (data.limit, pinned.limit))
    yield "data.limit", mine, theirs
    if theirs is not None or result.control or result.shots:
        yield "data.seed", data.seed, pinned.seed


_REMEDY = {
    "data.fingerprint": "it was run on other data, or another version of it.",
    "data.limit": "run it with the board's --limit.",
    "data.seed": "run it with the board's --seed.",
}


def _flags(pinned: PinnedTask) -> str:
    return f"with --limit {pinned.limit} --seed {pinned.seed}" if pinned.limit else "without --limit"


def _short(value: object) -> str:
    return "all" if value is None else str(value)[:16]
