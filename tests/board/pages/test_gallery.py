"""Samples and their filters against slow definitions over the files themselves; pictures against the source's own."""

from __future__ import annotations

import io
import json
import shutil
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from PIL import Image

from tests.made_runs import made_board
from velm_bench.board.listings.listing import Listing
from velm_bench.board.listings.results_listing import list_results
from velm_bench.board.pages.details import sample_detail
from velm_bench.board.pages.entrants import entrants, folder_of
from velm_bench.board.pages.gallery import filtered, filters_of, sample_rows, slice_values
from velm_bench.board.pages.pictures import encode_png, enlarged, questions, thumbnail
from velm_bench.engine.opening import open_task
from velm_bench.engine.settings import RunSettings
from velm_bench.errors import UsageError
from velm_bench.results.store import read_result, read_samples, write_run
from velm_bench.samples import ArrayPicture
from velm_bench.tasks.registry import resolve

VQA, NER, CAPTIONS, CLASSES = (f"scenes_{kind}:lite" for kind in ("vqa", "ner", "captioning", "classification"))
TWO = ("ref:concat", "ref:prefix")


@pytest.fixture(scope="module")
def listing(real_results: Path) -> Listing:
    return list_results(real_results)


def keys(listing: Listing, *labels: str) -> list[str]:
    known = {one.label: one.key for one in entrants(listing).values()}
    return [known[label] for label in labels or TWO]


def table(listing: Listing, label: str, task: str) -> pd.DataFrame:
    (run,) = next(one for one in entrants(listing).values() if one.label == label).runs[task]
    return pq.read_table(folder_of(listing, run) / "samples.parquet").to_pandas()


def changed(listing: Listing, place: Path, label: str, task: str, **columns: Any) -> Listing:
    """A copy of the results in which a run's columns hold other texts."""
    shutil.copytree(listing.root, place)
    copy = list_results(place)
    (run,) = next(one for one in entrants(copy).values() if one.label == label).runs[task]
    held = pq.read_table(folder_of(copy, run) / "samples.parquet")
    for name, values in columns.items():
        held = held.set_column(held.column_names.index(name), name, pa.array(values, pa.string()))
    write_run(folder_of(copy, run), read_result(folder_of(copy, run)), held)
    return list_results(place)


def test_a_row_says_what_the_files_say(listing: Listing) -> None:
    rows = sample_rows(listing, VQA, keys(listing))
    assert rows.notes == ()
    assert (rows.letters, rows.metric) == ("AB", "vqa_accuracy")
    for letter, label in zip("AB", TWO, strict=True):
        own = table(listing, label, VQA)
        assert list(rows.frame["id"]) == list(own["id"])
        assert list(rows.frame[f"answer_{letter}"]) == [json.loads(text) for text in own["prediction"]]
        assert list(rows.frame[f"score_{letter}"]) == [row[0] for row in own["stat.vqa_accuracy"]]
        assert list(rows.frame["slice.question_type"]) == list(own["slice.question_type"])


def test_each_filter_leaves_what_its_name_says(listing: Listing) -> None:
    rows = sample_rows(listing, VQA, keys(listing))
    a, b = ([row[0] >= 0.5 for row in table(listing, label, VQA)["stat.vqa_accuracy"]] for label in TWO)
    ids = list(rows.frame["id"])
    wanted = {
        "all": [True] * len(ids),
        "A right, B wrong": [x and not y for x, y in zip(a, b, strict=True)],
        "B right, A wrong": [y and not x for x, y in zip(a, b, strict=True)],
        "both right": [x and y for x, y in zip(a, b, strict=True)],
        "both wrong": [not x and not y for x, y in zip(a, b, strict=True)],
        "error": [False] * len(ids),
    }
    assert filters_of(rows) == list(wanted)
    for name, keep in wanted.items():
        assert list(filtered(rows, name)["id"]) == [one for one, kept in zip(ids, keep, strict=True) if kept]
    assert len(filtered(rows, "A right, B wrong")) > 0
    assert len(filtered(rows, "no such filter")) == len(ids)


def test_captions_are_neither_right_nor_wrong(listing: Listing) -> None:
    rows = sample_rows(listing, CAPTIONS, keys(listing))
    assert filters_of(rows) == ["all", "A better", "B better", "equally good", "error"]
    a, b = (np.asarray([row[0] for row in table(listing, label, CAPTIONS)["stat.cider"]]) for label in TWO)
    assert list(filtered(rows, "A better")["id"]) == list(rows.frame["id"][a > b])
    assert list(filtered(rows, "B better")["id"]) == list(rows.frame["id"][b > a])


def test_tags_are_right_where_all_of_them_are(listing: Listing) -> None:
    rows = sample_rows(listing, NER, keys(listing))
    own = table(listing, "ref:concat", NER)
    assert list(rows.frame["right_A"]) == [
        json.loads(said) == json.loads(gold) for said, gold in zip(own["prediction"], own["references"], strict=True)
    ]
    assert "no entity" in set(rows.frame["reference"])
    (one,) = rows.frame[rows.frame["reference"] != "no entity"].head(1).itertuples()
    assert one.reference.split()[0] in one.question.split()


def test_one_model_has_filters_of_its_own(listing: Listing) -> None:
    rows = sample_rows(listing, CLASSES, keys(listing, "ref:prefix"))
    assert filters_of(rows) == ["all", "right", "wrong", "error"]
    right = table(listing, "ref:prefix", CLASSES)["stat.accuracy"].map(lambda row: row[0] == 1.0)
    assert len(filtered(rows, "right")) == right.sum()
    assert len(filtered(rows, "wrong")) == (~right).sum()


def test_a_metric_of_the_whole_has_no_sample_scores(listing: Listing) -> None:
    rows = sample_rows(listing, CLASSES, keys(listing), "macro_f1")
    assert "macro_f1 is no score of a single sample" in rows.notes[0]
    assert rows.frame["score_A"].isna().all()
    assert filters_of(rows) == ["all", "error"]


def test_slices_and_words_narrow_down(listing: Listing) -> None:
    rows = sample_rows(listing, VQA, keys(listing))
    assert "question_type=count" in slice_values(rows)
    counted = filtered(rows, part="question_type=count")
    assert set(counted["slice.question_type"]) == {"count"}
    assert len(counted) == list(rows.frame["slice.question_type"]).count("count")
    found = filtered(rows, text="How MANY")
    assert len(found) > 0
    assert all("how many" in question.casefold() for question in found["question"])
    assert filtered(rows, text=rows.frame["id"].iloc[3])["id"].iloc[0] == rows.frame["id"].iloc[3]
    assert filtered(rows, text="[.*(").empty
    assert filtered(rows, part="weather=rain").empty


def test_failed_samples_are_found(listing: Listing, tmp_path: Path) -> None:
    own = table(listing, "ref:prefix", VQA)
    errors = ["it broke" if place < 3 else "" for place in range(len(own))]
    answers = [None if error else text for error, text in zip(errors, own["prediction"], strict=True)]
    copy = changed(listing, tmp_path / "r", "ref:prefix", VQA, error=errors, prediction=answers, answer=answers)
    rows = sample_rows(copy, VQA, keys(copy))
    assert list(filtered(rows, "error")["id"]) == list(own["id"][:3])
    assert list(rows.frame["answer_B"][:3]) == ["it broke"] * 3
    assert list(rows.frame["right_B"][:3]) == [False] * 3
    detail = sample_detail(copy, VQA, own["id"].iloc[0], keys(copy))
    assert [one.error for one in detail.answers] == ["", "it broke"]


def decoded(data: bytes) -> np.ndarray[Any, Any]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.format == "PNG"
        return np.asarray(image.convert("RGB"))


def test_the_picture_is_the_sources_own_enlarged_by_whole_pixels(listing: Listing) -> None:
    opened = open_task(resolve("vqa:lite")[0], RunSettings(Path()))
    for sample in opened.chosen[5:8]:
        detail = sample_detail(listing, VQA, sample.id, keys(listing))
        shown, own = decoded(detail.pictures[0]), sample.images[0].decode()
        factor = len(shown) // len(own)
        assert factor > 1
        assert np.array_equal(shown, np.kron(own, np.ones((factor, factor, 1), dtype=np.uint8)))
        assert detail.question == sample.inputs["question"]
        assert detail.question in detail.prompt
        assert detail.references[0].partition(" × ")[0] in sample.references
        assert [one.model for one in detail.answers] == list(TWO)


def test_kinds_show_what_is_theirs(listing: Listing) -> None:
    classes = sample_detail(listing, CLASSES, table(listing, "ref:prefix", CLASSES)["id"].iloc[0], keys(listing))
    for one in classes.answers:
        shares = [share for _, share in one.probabilities]
        assert sum(shares) == pytest.approx(1.0)
        assert shares == sorted(shares, reverse=True)
        assert one.text == one.probabilities[0][0]
        assert one.right == (one.text in classes.references)
    ner = sample_detail(listing, NER, table(listing, "ref:prefix", NER)["id"].iloc[0], keys(listing))
    assert len(ner.tokens) == len(ner.references) == len(ner.answers[0].tags)
    captions = sample_detail(listing, CAPTIONS, table(listing, "ref:prefix", CAPTIONS)["id"].iloc[0], keys(listing))
    assert len(captions.references) > 1
    assert [one.right for one in captions.answers] == [None, None]


def test_without_the_data_all_but_the_picture_is_shown(listing: Listing) -> None:
    away = replace(listing, identity="away", tasks={VQA: replace(listing.tasks[VQA], file=None)})
    detail = sample_detail(away, VQA, table(listing, "ref:prefix", VQA)["id"].iloc[0], keys(listing))
    assert detail.pictures == ()
    assert "not on this machine" in detail.note
    assert detail.answers[0].text
    assert detail.references
    assert "not on this machine" in sample_rows(away, VQA, keys(listing)).notes[0]


def test_data_that_cannot_be_read_is_a_sentence(listing: Listing, tmp_path: Path) -> None:
    broken = tmp_path / "broken.yaml"
    broken.write_text("name: [", encoding="utf-8")
    away = replace(listing, identity="broken", tasks={VQA: replace(listing.tasks[VQA], file=broken)})
    assert "cannot be read" in questions(away.tasks[VQA]).note
    assert "cannot be read" in sample_rows(away, VQA, keys(listing)).notes[0]


def test_another_picture_than_the_one_asked_is_not_shown(listing: Listing, tmp_path: Path) -> None:
    own = table(listing, "ref:concat", VQA)
    copy = changed(listing, tmp_path / "r", "ref:concat", VQA, pictures=['["' + "0" * 64 + '"]'] * len(own))
    detail = sample_detail(copy, VQA, own["id"].iloc[0], keys(copy))
    assert detail.pictures == ()
    assert "not the one that was asked" in detail.note


def test_answers_of_strangers_are_harmless_text(listing: Listing, tmp_path: Path) -> None:
    own = table(listing, "ref:prefix", VQA)
    hostile = "<script>x</script> \u202eevil\u0000 " + "long" * 5000
    said = [json.dumps(hostile)] * len(own)
    copy = changed(listing, tmp_path / "r", "ref:prefix", VQA, prediction=said, answer=said)
    rows = sample_rows(copy, VQA, keys(copy))
    assert not any("\u202e" in text or "\0" in text or len(text) > 80 for text in rows.frame["answer_B"])
    (_, answer) = sample_detail(copy, VQA, own["id"].iloc[0], keys(copy)).answers
    assert "\u202e" not in answer.text
    assert len(answer.text) <= 4000


def test_an_unknown_sample_and_missing_runs_are_sentences(listing: Listing, tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="no sample 'nope'"):
        sample_detail(listing, VQA, "nope", keys(listing))
    rows = sample_rows(listing, NER, keys(listing, "ref:prefix (blank)"))
    assert rows.models == ()
    assert rows.frame.empty
    assert "has no run of" in rows.notes[0]
    assert filters_of(rows) == ["all"]
    both = sample_rows(listing, VQA, keys(listing, "ref:prefix", "ref:prefix (blank)"))
    assert [one.label for one in both.models] == ["ref:prefix", "ref:prefix (blank)"]


def test_a_task_is_opened_once_for_a_snapshot(listing: Listing, monkeypatch: pytest.MonkeyPatch) -> None:
    from velm_bench.board.pages import pictures

    opened: list[str] = []

    def counting(definition: Any, settings: Any) -> Any:
        opened.append(definition.task.name)
        return open_task(definition, settings)

    monkeypatch.setattr(pictures, "open_task", counting)
    for snapshot in ("one", "one", "two", "one"):
        assert questions(listing.tasks[NER], (), snapshot).samples
    assert opened == [NER, NER]


def test_pictures_of_any_size_become_bearable() -> None:
    small, wide = np.zeros((5, 3, 3), np.uint8), np.zeros((900, 4000, 3), np.uint8)
    assert enlarged(small, 448).shape == (450, 270, 3)
    assert enlarged(wide, 448).shape == wide.shape
    assert max(decoded(encode_png(wide)).shape) == 1280
    assert decoded(thumbnail(ArrayPicture(wide))).shape == (22, 96, 3)


def test_samples_that_lack_a_column_are_named_and_not_shown(tmp_path: Path) -> None:
    listing = list_results(made_board(tmp_path / "results"))
    key = next(one.key for one in entrants(listing).values() if one.label == "ref:prefix")
    for folder in (tmp_path / "results").glob("ref=prefix/scenes_vqa/*"):
        write_run(folder, read_result(folder), read_samples(folder).drop_columns(["group"]))
    rows = sample_rows(listing, "scenes_vqa", [key])
    assert not rows.models
    assert any("have no column 'group'" in note for note in rows.notes)
