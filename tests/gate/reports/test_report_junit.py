"""JUnit XML of verdicts: valid by a schema, whatever the names, and read back."""

from __future__ import annotations

from pathlib import Path
from xml.etree import ElementTree

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.gate.made_verdict import HOSTILE, hostile_verdict, large_verdict, made_row, made_verdict, mixed_verdict
from velm_bench.gate.reports.junit import junit
from velm_bench.gate.schema import Outcome, Tier, Verdict
from velm_bench.inert import inert

SCHEMA = Path(__file__).parent / "junit.xsd"


def require_valid(data: bytes) -> None:
    """The file by the schema, and its counts by its cases."""
    etree = pytest.importorskip("lxml.etree")
    schema = etree.XMLSchema(etree.parse(str(SCHEMA)))
    schema.assertValid(etree.fromstring(data))
    for suite in (root := ElementTree.fromstring(data)).iter("testsuite"):
        for counts in (suite.attrib, root.attrib):
            assert int(counts["tests"]) == len(suite.findall("testcase"))
            for plural, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
                assert int(counts[plural]) == len(suite.findall(f"testcase/{tag}"))


def states(verdict: Verdict) -> dict[str, str]:
    """By "classname name" what came of each case."""
    found = {}
    for case in ElementTree.fromstring(junit(verdict)).iter("testcase"):
        kinds = [child.tag for child in case if child.tag in ("failure", "error", "skipped")]
        found[f"{case.get('classname')} {case.get('name')}"] = kinds[0] if kinds else "passed"
    return found


def test_each_row_is_a_case_and_those_that_do_not_decide_never_fail() -> None:
    require_valid(junit(mixed_verdict()))
    assert states(mixed_verdict()) == {
        "velm_bench.gate.scenes_vqa vqa_accuracy": "passed",
        "velm_bench.gate.scenes_ner entity_f1": "failure",
        "velm_bench.gate.scenes_captioning cider": "skipped",
        "velm_bench.gate.scenes_classification accuracy": "error",
        "velm_bench.gate.scenes_vqa exact_match": "skipped",
        "velm_bench.gate.scenes_vqa vqa_accuracy (anchor)": "passed",
        "velm_bench.gate.scenes_vqa vqa_accuracy [question_type=yes/no]": "passed",
        "velm_bench.gate.scenes_vqa vqa_accuracy [question_type=count]": "skipped",
        "velm_bench.gate.scenes_vqa speed": "passed",
        "velm_bench.gate.scenes_vqa memory": "skipped",
    }


@pytest.mark.parametrize(("policy", "state"), [("pass", "passed"), ("warn", "skipped"), ("fail", "failure")])
def test_what_is_inconclusive_is_what_the_policy_says(policy: str, state: str) -> None:
    verdict = made_verdict(made_row(Outcome.INCONCLUSIVE), on_inconclusive=policy)
    require_valid(junit(verdict))
    assert list(states(verdict).values()) == [state]


def test_a_cost_that_decides_fails() -> None:
    cost = mixed_verdict().costs[1].model_copy(update={"tier": Tier.REQUIRED})
    assert states(made_verdict(made_row(), costs=[cost]))["velm_bench.gate.scenes_vqa memory"] == "failure"


def test_a_verdict_that_no_row_explains_is_a_case_of_its_own() -> None:
    nothing = made_verdict()
    require_valid(junit(nothing))
    assert states(nothing) == {"velm_bench.gate verdict": "error"}
    advisory = made_verdict(made_row(tier=Tier.ADVISORY), outcome=Outcome.REGRESSION)
    assert states(advisory)["velm_bench.gate verdict"] == "failure"


def test_the_numbers_and_the_reason_are_told() -> None:
    root = ElementTree.fromstring(junit(mixed_verdict()))
    case = next(one for one in root.iter("testcase") if one.get("name") == "entity_f1")
    told = {one.get("name"): one.get("value") for one in case.iter("property")}
    assert float(told["change"] or 0) == -0.041
    assert told["margin"] == "0.02"
    assert (told["wins"], told["losses"], told["tier"]) == ("30", "42", "required")
    failure = case.find("failure")
    assert failure is not None
    assert failure.get("message") == failure.text == "regression: The loss is shown: p = 0.00004."
    advisory = next(one for one in root.iter("testcase") if one.get("name") == "exact_match")
    assert (advisory.findtext("system-out") or "").startswith("advisory, regression: changed by -0.0410")


def test_hostile_names_are_read_back_as_they_are_shown() -> None:
    data = junit(hostile_verdict())
    require_valid(data)
    names = [one.get("name") for one in ElementTree.fromstring(data).iter("testcase")][: len(HOSTILE)]
    assert names == [inert(text, 120) for text in HOSTILE.values()]


@settings(max_examples=60)
@given(st.text(st.characters(codec=None), max_size=30))
def test_any_text_gives_valid_xml(text: str) -> None:
    ElementTree.fromstring(junit(made_verdict(made_row(Outcome.REGRESSION, task=text, why=text), summary=text)))


def test_hundreds_of_rows_are_valid() -> None:
    require_valid(junit(large_verdict(300)))
