"""The GitHub action and the GitLab job: their flags exist, no input becomes a command, and the exit code is kept."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest
import yaml

from tests.conftest import REPOSITORY
from tests.made_boards import command

ACTION = REPOSITORY / "action.yml"
JOB = REPOSITORY / "examples" / "gitlab-gate.yml"
EVIL = "a b; touch hacked $(touch hacked) `touch hacked` \" ' && touch hacked"


def action() -> dict[str, Any]:
    return dict(yaml.safe_load(ACTION.read_text("utf-8")))


def step(**wanted: str) -> dict[str, Any]:
    """The one step of the action with these keys."""
    (found,) = [
        one for one in action()["runs"]["steps"] if all(value in str(one.get(key)) for key, value in wanted.items())
    ]
    return dict(found)


def test_no_input_is_part_of_a_script() -> None:
    for one in action()["runs"]["steps"]:
        for text in (one.get("run", ""), one.get("with", {}).get("script", "")):
            assert "${{" not in text
        if "run" in one:
            assert one["shell"] == "bash"


def test_every_input_is_used_and_declared() -> None:
    declared = set(action()["inputs"])
    used = set(re.findall(r"inputs\.([a-z-]+)", ACTION.read_text("utf-8")))
    assert used == declared
    assert all(one["description"] for one in action()["inputs"].values())
    assert {name for name, one in action()["inputs"].items() if one.get("required")} == {"candidate", "baseline"}


@pytest.mark.parametrize("place", [ACTION, JOB, REPOSITORY / "docs" / "ci.md"], ids=["action", "job", "docs"])
def test_every_flag_exists(place: Path, tmp_path: Path) -> None:
    text = "\n".join(line.split("#")[0] for line in place.read_text("utf-8").splitlines() if "pip install" not in line)
    commands = "\n".join(line for line in text.splitlines() if "curl" not in line and "velm-bench run" not in line)
    flags = set(re.findall(r"(?<![\w-])--[a-z][a-z-]+", commands)) - {"--flag"}
    known = set(re.findall(r"--[a-z][a-z-]+", command("gate", "--help", folder=tmp_path).stdout))
    assert flags
    assert flags <= known


def run_gate(folder: Path, inputs: dict[str, str], code: int = 0) -> tuple[int, list[str], str]:
    """The action's gate step with a `velm-bench` that notes its arguments: exit code, arguments, outputs and lines."""
    stub = folder / "bin" / "velm-bench"
    stub.parent.mkdir()
    stub.write_text(f'#!/bin/bash\nprintf "%s\\0" "$@" > "{folder}/arguments"\nexit {code}\n')
    stub.chmod(0o755)
    found = step(id="gate")
    given = {name: str(one.get("default", "")) for name, one in action()["inputs"].items()} | inputs
    env = {
        key: re.sub(r"\$\{\{ inputs\.([a-z-]+) \}\}", lambda at: given[at[1]], value)
        for key, value in found["env"].items()
    }
    output = folder / "output"
    settings = {"PATH": f"{stub.parent}:{os.environ['PATH']}", "GITHUB_OUTPUT": str(output), **env}
    bash = shutil.which("bash")
    if bash is None:
        pytest.skip("no bash on this machine")
    words = [bash, "--noprofile", "--norc", "-eo", "pipefail", "-c", found["run"]]
    done = subprocess.run(words, cwd=folder, env=settings, capture_output=True, text=True, check=False)
    place = folder / "arguments"
    said = place.read_text().split("\0")[:-1] if place.exists() else []
    return done.returncode, said, output.read_text() + done.stdout


def test_the_action_gives_each_line_as_one_word(tmp_path: Path) -> None:
    inputs = {
        "candidate": "results/a\n  results/b c  \n\n",
        "baseline": "baseline.json",
        "data": "d1\nd2",
        "margin": "0.02",
    }
    code, words, _ = run_gate(tmp_path, inputs)
    assert code == 0
    assert words == [
        "gate", "--candidate=results/a", "--candidate=results/b c", "--baseline=baseline.json", "--margin=0.02",
        "--output=results", "--data=d1", "--data=d2", "--report=gate-report",
    ]  # fmt: skip


def test_no_input_becomes_a_command_or_a_flag(tmp_path: Path) -> None:
    names = ("candidate", "baseline", "anchor", "policy", "margin", "results", "data", "report")
    _, words, _ = run_gate(tmp_path, dict.fromkeys(names, f"{EVIL}\n--json\n-x"))
    assert not (tmp_path / "hacked").exists()
    assert f"--candidate={EVIL}" in words
    assert "--candidate=--json" in words
    assert all(word == "gate" or re.match(r"--[a-z]+=", word) for word in words)


@pytest.mark.parametrize(("code", "kept"), [(0, 0), (1, 1), (2, 2), (3, 0), (4, 4)])
def test_the_exit_code_is_kept_and_inconclusive_does_not_fail(tmp_path: Path, code: int, kept: int) -> None:
    found, _, said = run_gate(tmp_path, {"candidate": "a", "baseline": "b"}, code)
    assert found == kept
    assert f"exit-code={code}\n" in said
    assert said.startswith("outcome=invalid\n")  # what velm-bench writes later goes before it


def test_an_earlier_comment_is_not_posted_again(tmp_path: Path) -> None:
    (tmp_path / "gate-report").mkdir()
    (tmp_path / "gate-report" / "comment.md").write_text("It passes.")
    run_gate(tmp_path, {"candidate": "a", "baseline": "b"}, 137)
    assert not (tmp_path / "gate-report" / "comment.md").exists()


@pytest.mark.parametrize("name", ["a b", "a/b", "ref:prefix", "$(touch hacked)", "a\nb", "-->"])
def test_a_name_that_no_artifact_may_have_is_refused(tmp_path: Path, name: str) -> None:
    code, words, said = run_gate(tmp_path, {"candidate": "a", "baseline": "b", "name": name})
    assert (code, words) == (2, [])
    assert "::error title=Release gate::" in said
    assert "exit-code=2\n" in said


def test_several_gates_of_one_change_have_artifacts_of_their_own() -> None:
    assert "inputs.name" in step(uses="upload-artifact")["with"]["name"]
    assert all("inputs.report != ''" in step(uses=one)["if"] for one in ("upload-artifact", "github-script"))


def test_what_follows_the_gate_happens_whatever_its_outcome() -> None:
    upload, comment = step(uses="upload-artifact"), step(uses="github-script")
    assert all("!cancelled()" in one["if"] for one in (upload, comment))
    assert "inputs.comment == 'true'" in comment["if"]
    assert action()["inputs"]["comment"]["default"] == "false"


def test_the_comment_is_one_that_is_replaced(tmp_path: Path) -> None:
    """The script of the action with a GitHub of our own."""
    node = shutil.which("node")
    if node is None:
        pytest.skip("no node on this machine")
    (tmp_path / "comment.md").write_text("<!-- velm-bench gate -->\n## new\n")
    program = """
    const calls = [];
    const context = {payload: {pull_request: {number: 7}}, repo: {owner: 'o', repo: 'r'}};
    const core = {notice: (t) => calls.push(['notice', t]), warning: (t) => calls.push(['warning', t])};
    const issues = {
      listComments: 'list',
      updateComment: async (a) => {
        calls.push(['update', a.comment_id, a.body]);
        if (process.env.FAIL) throw new Error('no');
      },
      createComment: async (a) => calls.push(['create', a.issue_number, a.body]),
    };
    const github = {rest: {issues}, paginate: async () => JSON.parse(process.env.COMMENTS)};
    const script = async () => { SCRIPT };
    script().then(() => console.log(JSON.stringify(calls)));
    """.replace("SCRIPT", step(uses="github-script")["with"]["script"])

    def run(comments: str, **more: str) -> str:
        settings = {"PATH": os.environ["PATH"], "GATE_REPORT": str(tmp_path), "GATE_NAME": "", "GATE_CODE": "2"}
        settings |= {"COMMENTS": comments, **more}
        done = subprocess.run([node, "-e", program], env=settings, capture_output=True, text=True, check=True)
        return done.stdout

    ours = '{"id": 2, "body": "<!-- velm-bench gate -->\\nold", "user": {"type": "Bot"}}'
    person = '{"id": 1, "body": "<!-- velm-bench gate -->\\nmine", "user": {"type": "User"}}'
    other = '{"id": 3, "body": "hello", "user": {"type": "Bot"}}'
    assert '["update",2,"<!-- velm-bench gate -->\\n## new\\n"]' in run(f"[{person},{ours},{other}]")
    assert '["create",7,' in run(f"[{person},{other}]")
    assert '"warning"' in run(f"[{ours}]", FAIL="1")
    named = '{"id": 4, "body": "<!-- velm-bench gate a-1 -->\\nold", "user": {"type": "Bot"}}'
    both = f"[{ours},{named}]"
    assert '["update",4,"<!-- velm-bench gate a-1 -->\\n`a-1`\\n\\n## new\\n"]' in run(both, GATE_NAME="a-1")
    assert '["create",7,"<!-- velm-bench gate b -->' in run(both, GATE_NAME="b")
    (tmp_path / "comment.md").unlink()
    assert "Release gate: invalid\\n\\nNothing was compared (exit code 2)" in run(f"[{ours}]")


def test_the_job_of_gitlab_keeps_its_report_and_takes_inconclusive_for_a_warning() -> None:
    job = yaml.safe_load(JOB.read_text("utf-8"))["release-gate"]
    assert job["allow_failure"] == {"exit_codes": [3]}
    kept = job["artifacts"]
    assert kept["when"] == "always"
    assert kept["reports"]["junit"] == "gate-report/junit.xml"
    assert kept["expose_as"]
    assert not any("$" in path or "*" in path for path in kept["paths"])  # GitLab's own rule for expose_as
    assert "--report gate-report" in job["script"][-1]
    assert not re.search(r'(?<!")(?<!=)\$\w+(?!")', job["script"][-1].replace("=$", "="))


def test_the_job_runs_in_a_shell(tmp_path: Path) -> None:
    job = yaml.safe_load(JOB.read_text("utf-8"))["release-gate"]
    stub = tmp_path / "velm-bench"
    stub.write_text(f'#!/bin/sh\nprintf "%s\\n" "$@" > "{tmp_path}/arguments"\n')
    stub.chmod(0o755)
    settings = {**job["variables"], "PATH": f"{tmp_path}:{os.environ['PATH']}", "GATE_CANDIDATE": "a b; touch hacked"}
    subprocess.run(["sh", "-c", job["script"][-1]], cwd=tmp_path, env=settings, check=True)
    assert (tmp_path / "arguments").read_text().splitlines()[:2] == ["gate", "--candidate=a b; touch hacked"]
    assert not (tmp_path / "hacked").exists()
