"""Verdicts made up for the tests of reports: rows of all outcomes, hostile names, and more rows than fit."""

from __future__ import annotations

from typing import Any

from velm_bench.gate.schema import Against, Cost, Flip, Outcome, Party, Row, Tier, Verdict

HOSTILE = {
    "tag": '<img src=x onerror="document.title=1"></code><script>alert(1)</script>',
    "picture": "![x](http://127.0.0.1:9/x.png) [y](http://127.0.0.1:9)",
    "mention": "@octocat #123 GH-7 https://evil.example www.evil.example me@evil.example deadbeef1",
    "table": "a | b \\| c ||\n| d | e |\n|---|\n# heading",
    "ticks": "` `` ``` code `",
    "hiding": "safe\u202egnp.exe\u2066\u200b\x00\x1b[31m\ufffe\ud800",
    "command": "::error::gone\r\n::set-output name=x::y %0A,:",
    "close": "]]> --> </details> &amp; &#64;",
}
"""By what each tries."""


def made_row(outcome: Outcome = Outcome.PASS, **changes: Any) -> Row:
    """A row of an accuracy; the change follows from the outcome."""
    change = {Outcome.PASS: 0.002, Outcome.REGRESSION: -0.041, Outcome.INCONCLUSIVE: -0.012}.get(outcome)
    numbers: dict[str, Any] = {}
    if change is not None:
        numbers = {"candidate": 0.7 + change, "change": change, "low": change - 0.015, "high": change + 0.015}
        numbers |= {"bound": change - 0.012, "p_adjusted": 0.00004 if change < -0.03 else 0.2, "p": 0.1}
        numbers |= {"wins": 30, "losses": 42, "ties": 928}
    return Row(
        **{
            "task": "scenes_vqa",
            "metric": "vqa_accuracy",
            "outcome": outcome,
            "baseline": 0.7,
            "margin": 0.02,
            "n": 1000,
            "groups": 200,
            **numbers,
            **changes,
        }
    )


def made_flip(name: str = "s1", **changes: Any) -> Flip:
    """A right answer that became wrong."""
    given = {
        "task": "scenes_vqa",
        "metric": "vqa_accuracy",
        "id": name,
        "group": "g1",
        "change": -1.0,
        "question": "How many boxes are red?",
        "references": '["3", "3", "three"]',
        "baseline_answer": '"3"',
        "candidate_answer": '"4"',
    }
    return Flip(**{**given, **changes})


def made_verdict(*rows: Row, **changes: Any) -> Verdict:
    """A verdict of these rows; the worst required one decides."""
    required = {row.outcome for row in rows if row.tier is Tier.REQUIRED}
    order = (Outcome.INVALID, Outcome.REGRESSION, Outcome.INCONCLUSIVE, Outcome.PASS)
    outcome = next((one for one in order if one in required), Outcome.INVALID)
    given = {
        "outcome": outcome,
        "exit_code": {"pass": 0, "regression": 1, "inconclusive": 3, "invalid": 2}[outcome],
        "summary": f"Of {len(rows)} rows the worst is {outcome}.",
        "candidate": Party(models=["ref:prefix"], sources=["results/ref=prefix"]),
        "baseline": Party(models=["ref:prefix-1"], sources=["baseline.json"]),
        "alpha": 0.05,
        "replicates": 10_000,
        "seed": 0,
        "on_inconclusive": "warn",
        "policy_digest": "ab" * 32,
        "rows": list(rows),
    }
    return Verdict(**{**given, **changes})


def mixed_verdict(**changes: Any) -> Verdict:
    """Rows of every outcome and tier, an anchor, slices, costs, flips and notes."""
    rows = (
        made_row(),
        made_row(Outcome.REGRESSION, task="scenes_ner", metric="entity_f1", why="The loss is shown: p = 0.00004."),
        made_row(Outcome.INCONCLUSIVE, task="scenes_captioning", metric="cider", needed=4200, why="4,200 would do."),
        made_row(Outcome.INVALID, task="scenes_classification", metric="accuracy", why="The score is undefined."),
        made_row(Outcome.REGRESSION, metric="exact_match", tier=Tier.ADVISORY),
        made_row(Outcome.PASS, against=Against.ANCHOR, margin=0.03),
    )
    given = {
        "slices": [
            made_row(slice="question_type=yes/no", tier=Tier.ADVISORY),
            made_row(Outcome.REGRESSION, slice="question_type=count", tier=Tier.ADVISORY),
        ],
        "costs": [
            Cost(
                task="scenes_vqa", what="speed", outcome=Outcome.PASS, baseline=52.25, candidate=51.0, change=-0.024,
                margin=0.1,
            ),
            Cost(
                task="scenes_vqa", what="memory", outcome=Outcome.REGRESSION, baseline=2.0**30, candidate=1.5 * 2**30,
                change=-0.5, margin=0.1, why="The peak grew by half.",
            ),
        ],
        "flips": [
            made_flip(),
            made_flip("s2", baseline_answer=None, candidate_answer=None, candidate_error="no memory"),
        ],
        "flipped": {"scenes_vqa": 42},
        "anchor": Party(models=["ref:prefix-0"], sources=["anchor.json"]),
        "notes": ["3 slices of fewer than 50 samples are left out."],
    }  # fmt: skip
    return made_verdict(*rows, **{**given, **changes})


def hostile_verdict() -> Verdict:
    """Every text of others is hostile."""
    rows, slices, flips = [], [], []
    for text in HOSTILE.values():
        rows.append(made_row(Outcome.REGRESSION, task=text, metric=text, why=f"The task '{text}' became worse."))
        slices.append(made_row(Outcome.REGRESSION, task=text, slice=f"{text}={text}", tier=Tier.ADVISORY))
        flips.append(
            made_flip(
                text, task=text, group=text, question=text, references=text, baseline_answer=text, candidate_error=text
            )
        )
    cost = Cost(task=HOSTILE["tag"], what=HOSTILE["table"], outcome=Outcome.INVALID, why=HOSTILE["mention"])
    party = Party(models=list(HOSTILE.values()), sources=list(HOSTILE.values()))
    return made_verdict(
        *rows, slices=slices, flips=flips, costs=[cost], candidate=party, baseline=party, anchor=party,
        notes=list(HOSTILE.values()), summary=" ".join(HOSTILE.values()), flipped={HOSTILE["tag"]: 3},
    )  # fmt: skip


def large_verdict(count: int = 2000) -> Verdict:
    """So many rows, slices, flips and notes; the last row alone is a regression."""
    rows = [made_row(task=f"task-{place:05}") for place in range(count - 1)]
    rows.append(made_row(Outcome.REGRESSION, task="the-worst", why="It fell."))
    slices = [made_row(task=f"task-{place:05}", slice="a=ü", tier=Tier.ADVISORY) for place in range(count)]
    flips = [made_flip(f"s{place}", question="Wie viele? " + "é" * 300) for place in range(count)]
    return made_verdict(*rows, slices=slices, flips=flips, notes=[f"Note {place}." for place in range(count)])
