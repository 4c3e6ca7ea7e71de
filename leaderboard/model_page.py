"""The page Model: one submission: its card, how far it was verified, its scores, releases, calibration and speed."""

from __future__ import annotations

import common
import model_charts
import pandas as pd
import parts
import streamlit as st

from velm_bench.board.export.citing import submission_bibtex
from velm_bench.board.listings.listing import Listing
from velm_bench.board.pages.calibration import Reliability, reliability_of
from velm_bench.board.pages.cards import (
    SHORT,
    Fact,
    ModelCard,
    event_frame,
    find_submission,
    model_card,
    submissions_of,
)
from velm_bench.board.pages.model_frames import metrics_of, scores_of
from velm_bench.board.pages.releases import predecessor, release_frame, speed_frame, task_scores
from velm_bench.errors import VelmError
from velm_bench.inert import inert

SCORE = "%.4f"
AGGREGATE = "aggregate"


def show(listing: Listing) -> None:
    """Draw the page."""
    if listing.runs.empty:
        common.heading("Model")
        st.info("Nothing was submitted yet.")
        return
    submission = chosen(listing)
    if not submission:
        return
    held = parts.dossier(listing, submission)
    card = model_card(listing, submission, held.manifest)
    head(listing, card)
    scores(listing, submission)
    history(listing, submission)
    left, right = st.columns(2, gap="large")
    with left:
        calibration(listing, submission)
    with right:
        speed(listing, submission)
    record(listing, card, held)
    common.notes(held.notes)


def chosen(listing: Listing) -> str:
    """The submission that the address or the two boxes name; empty, and a sentence, where it names none."""
    asked, digits = st.query_params.get("name", ""), st.query_params.get("submission", "")
    names = list(dict.fromkeys(listing.runs["model"]))
    try:
        wanted = find_submission(listing, asked or names[0], digits)
    except VelmError as error:  # and nobody else's numbers below
        common.heading("Model")
        parts.remark("Not found.", inert(str(error), 400))
        _name_box(names, None)
        return ""
    owner = str(listing.runs.loc[listing.runs["submission"] == wanted, "model"].iloc[0])
    left, right = st.columns([2, 1])
    with left:
        _name_box(names, owner)
    options = submissions_of(listing, owner)
    if len(options) == 1:
        return options[0]
    with right:
        return _submission_box(listing, options, wanted)


def _name_box(names: list[str], owner: str | None) -> None:
    """The box of models; choosing one forgets the submission that the address named."""

    def renamed() -> None:
        st.query_params.pop("submission", None)
        st.query_params["name"] = st.session_state["name"]

    st.session_state["name"] = owner
    st.selectbox("Model", names, None, key="name", format_func=inert, on_change=renamed, placeholder="Choose a model")


def _submission_box(listing: Listing, options: list[str], wanted: str) -> str:
    """The box of a model's submissions; the address always names the one that was chosen."""
    about = listing.runs.drop_duplicates("submission").set_index("submission")
    short = {one[:SHORT]: one for one in options}

    def changed() -> None:
        st.query_params["submission"] = st.session_state["submission"]

    st.session_state["submission"] = wanted[:SHORT]
    told = {digits: inert(_told(about, one)) for digits, one in short.items()}
    return short[
        str(st.selectbox("Submission", list(short), key="submission", format_func=told.__getitem__, on_change=changed))
    ]


def _told(about: pd.DataFrame, submission: str) -> str:
    """A submission in the box: its revision, its date, what became of it, its digits."""
    row = about.loc[submission]
    status = "" if row["status"] == "listed" else row["status"]
    return " · ".join(filter(None, [row["revision"], row["submitted"], status, submission[:SHORT]]))


def head(listing: Listing, card: ModelCard) -> None:
    """Who it is, what is said about it, and whether it counts."""
    common.heading(card.name)
    if card.standing:
        parts.remark(f"{card.status.capitalize()}.", card.standing)
    attempts = "1, this one" if card.attempts == 1 else f"{card.attempts}, whatever became of them"
    own = [
        Fact("Verification", card.level),
        Fact("Submitted", card.submitted),
        Fact("Submissions of this name", attempts),
    ]
    said = [Fact("Notes", card.notes)] if card.notes else []
    parts.facts([*own, *card.facts, *said])
    common.plain(card.verified, quiet=True)
    with st.container(horizontal=True, gap="medium"):
        before = predecessor(listing, card.submission)
        if before:
            pair = [before[:SHORT], card.submission[:SHORT]]
            parts.link("compare", "Compare with the release before it", models=pair)
        else:
            parts.link("compare", "Compare with others", models=[card.submission[:SHORT]])
        parts.link("samples", "Look at its answers", models=[card.submission[:SHORT]])


def scores(listing: Listing, submission: str) -> None:
    """A row per run; what was claimed stands at the end, for the record."""
    common.heading("Scores", 2)
    frame = scores_of(listing, submission)
    known = frame[(frame["control"] == "") & frame["corrected"].notna()]
    if not known.empty:
        parts.sketch(model_charts.corrected(known), "Scores per task between floor and ceiling, with intervals")
    hidden = [name for name in ("control", "floor", "ceiling", "corrected", "unparsed") if _empty(frame[name])]
    if not listing.is_board:  # nobody claimed anything: the scores are the runs' own
        hidden.append("claimed")
    order = ("task", "control", "score", "low", "high", "metric", "n", "errors", "unparsed", "floor", "ceiling",
             "corrected", "claimed")  # fmt: skip
    common.table(
        frame,
        "Scores of this model",
        column_order=[name for name in order if name not in hidden],
        column_config=columns(),
        height="content",
    )
    if listing.is_board:
        common.plain(
            "Score and interval are the board's own. Claimed is what the submission said: it is kept for the record, "
            "and ranks nothing.",
            quiet=True,
        )
    with st.expander("All metrics, with their signatures"):
        common.table(metrics_of(listing, submission), "All metrics of this model", column_config=columns())


def _empty(column: pd.Series) -> bool:
    return bool((column.isna() | (column == "") | (column == 0)).all())


def history(listing: Listing, submission: str) -> None:
    """All releases of this name, what it was made from and what was made from it."""
    common.heading("Releases", 2)
    of_model = listing.runs[listing.runs["submission"] == submission]
    tasks = [name for name in listing.tasks if name in set(of_model["task"])]
    options = [AGGREGATE, *tasks] if listing.is_board else tasks
    first = release_frame(listing, submission, _standing(listing, options[0]))
    if len(first) == 1:
        common.plain("This is the only one here: nothing else has its name, or was made from it.", quiet=True)
        return
    what = common.choice("Score of", options, "history", names={AGGREGATE: "All tasks, corrected for chance"})
    frame = release_frame(listing, submission, _standing(listing, what))
    what_for = "all tasks, corrected" if what == AGGREGATE else inert(what, 40)
    if frame["score"].notna().any():
        parts.sketch(model_charts.releases(frame, what_for), "Score over the dates of release, with intervals")
    short = frame.assign(submission=frame["submission"].str[:SHORT])
    common.table(
        short,
        "Releases",
        column_order=("date", "model", "revision", "score", "low", "high", "status", "level", "relation", "submission"),
        column_config=columns(),
        height="content" if len(short) < 15 else 500,
    )


def _standing(listing: Listing, what: str) -> pd.DataFrame:
    """The scores of everybody: of a task, or over all of them."""
    if what != AGGREGATE:
        return task_scores(listing, what)
    ranks = common.ranks()
    return ranks[ranks["control"] == ""]


def calibration(listing: Listing, submission: str) -> None:
    """How far its probabilities can be believed, where it gave some."""
    common.heading("Calibration", 2)
    frame = scores_of(listing, submission)
    runs = {str(row.task): str(row.run) for row in frame[frame["control"] == ""].itertuples()}
    found = {task: one for task, run in runs.items() if (one := reliability(common.moment(), run)) is not None}
    if not found:
        common.plain("Its answers came without probabilities, or their file is not on this machine.", quiet=True)
        return
    task = common.choice("Task", list(found), "calibration") if len(found) > 1 else next(iter(found))
    diagram = found[task]
    common.plain(
        f"{task}: expected calibration error {diagram.error:.4f} over {diagram.n:,} samples. Below the line the model "
        "was surer than it was right.",
        quiet=True,
    )
    parts.sketch(model_charts.reliability(diagram.bins), "Reliability diagram: share of right answers over confidence")
    parts.sketch(model_charts.counts(diagram.bins), "Samples in each bin of confidence")
    with st.expander("The bins as numbers"):
        common.table(
            diagram.bins[diagram.bins["n"] > 0],
            "Bins of the reliability diagram",
            column_config=columns(),
            height="content",
        )


@st.cache_resource(max_entries=256, show_spinner="Looking at its probabilities …")
def reliability(moment: str, run: str) -> Reliability | None:
    """The diagram of a run, kept by the moment's key and the run; None where there is none to draw."""
    folder = common.listing_at(moment).root / run
    try:
        return reliability_of(folder)
    except VelmError:
        return None


def speed(listing: Listing, submission: str) -> None:
    """How fast and how good it is, among the others."""
    common.heading("Speed against quality", 2)
    frame = scores_of(listing, submission)
    tasks = list(dict.fromkeys(frame.loc[frame["control"] == "", "task"]))
    if not tasks:
        return
    task = common.choice("Task of the speeds", tasks, "speed", label_visibility="collapsed")
    among = speed_frame(listing, task, submission)
    if among.empty:
        common.plain("Nobody reported a speed on this task.", quiet=True)
        return
    devices = ", ".join(dict.fromkeys(device or "unknown" for device in among["device"]))
    common.plain(f"{task}, {listing.tasks[task].primary}. Speeds are as reported, on: {devices}.", quiet=True)
    parts.sketch(model_charts.speed(among, listing.tasks[task].primary), "Score over samples per second")


def record(listing: Listing, card: ModelCard, held: parts.Dossier) -> None:
    """Everything that was said of it, how to cite it, and where it is found again."""
    if held.events:
        common.heading("Events", 2)
        common.plain("Everything that was said of this submission, in order. Nothing is ever taken away.", quiet=True)
        common.table(event_frame(held.events), "Events", column_config=columns(), height="content")
    common.heading("Cite", 2)
    st.code(submission_bibtex(listing, card), language=None, wrap_lines=True)
    parts.permalink(f"/model?submission={card.submission[:SHORT]}")


def columns() -> dict[str, object]:
    """How the columns of these tables look."""
    column = st.column_config
    share = {"format": SCORE, "width": 80}
    return {
        "task": column.TextColumn("Task", width=180, pinned=True),
        "control": column.TextColumn("Control", width=86),
        "metric": column.TextColumn("Metric", width=130),
        "score": column.NumberColumn("Score", **share),
        "low": column.NumberColumn("95 % from", **share),
        "high": column.NumberColumn("95 % to", **share),
        "floor": column.NumberColumn("Floor", help="What can be had without looking", **share),
        "ceiling": column.NumberColumn("Ceiling", **share),
        "corrected": column.NumberColumn("Corrected", help="0 is the floor, 1 the ceiling", **share),
        "claimed": column.NumberColumn("Claimed", help="What the submission said; for the record", **share),
        "n": column.NumberColumn("Samples", format="localized", width=80),
        "errors": column.NumberColumn("Errors", format="localized", width=70),
        "unparsed": column.NumberColumn("Unparsed", format="localized", width=86),
        "signature": column.TextColumn("Signature", width=340),
        "from": column.NumberColumn("From", format="%.3f", width=70),
        "to": column.NumberColumn("To", format="%.3f", width=70),
        "confidence": column.NumberColumn("Confidence", **share),
        "accuracy": column.NumberColumn("Right", **share),
        "date": column.TextColumn("Date", width=96),
        "model": column.TextColumn("Model", width=170),
        "revision": column.TextColumn("Revision", width=90),
        "status": column.TextColumn("Status", width=92),
        "level": column.TextColumn("Verified", width=100),
        "relation": column.TextColumn("Is", width=150),
        "submission": column.TextColumn("Submission", width=120),
        "at": column.TextColumn("When (UTC)", width=150),
        "event": column.TextColumn("Event", width=96),
        "details": column.TextColumn("Details", width="large"),
        "by": column.TextColumn("By", width=110),
        "software": column.TextColumn("velm-bench", width=96),
    }
