"""Programs that a model wrote are run, and can do no harm: the attacks on the sandbox, each of which fails."""

import json
import socket
import threading
from pathlib import Path

import pytest

from beyond_sharpening.grading import confine

if reason := confine.missing():
    pytest.skip(reason, allow_module_level=True)

from beyond_sharpening.grading import code
from beyond_sharpening.grading.sandbox import run_program
from beyond_sharpening.parameters.sources import LocalSource
from beyond_sharpening.problems import load_problems

pytestmark = pytest.mark.whole

HUMANEVAL = {
    "task_id": "HumanEval/x",
    "prompt": 'from typing import List\n\n\ndef total(xs: List[int]) -> int:\n    """Sum."""\n',
    "entry_point": "total",
    "test": "def check(f):\n    assert f([1, 2]) == 3\n    assert f([]) == 0\n",
}
MBPP = {"text": "Double it.", "test_list": ["assert twice(2) == four"], "test_setup_code": "four = 4"}


@pytest.mark.parametrize(
    ("columns", "completion", "outcome"),
    [
        (HUMANEVAL, "    return sum(xs)\n", "correct"),
        (HUMANEVAL, "Here:\n```python\ndef total(xs: List[int]):\n    return sum(xs)\n```", "correct"),
        (HUMANEVAL, "    return 3\n", "wrong"),
        (HUMANEVAL, "   return sum(xs\n", "wrong"),
        (HUMANEVAL, "```python\n```", "unparsable"),
        (MBPP, "def twice(x): return 2 * x", "correct"),
        (MBPP, "def twice(x): return x", "wrong"),
        (MBPP, "import collections, math, re, itertools, heapq, numpy\ndef twice(x): return 2 * x", "correct"),
    ],
)
def test_a_completion_is_right_if_its_tests_pass(columns, completion, outcome):
    (verdict,) = code.grade([completion], [json.dumps(columns)], workers=1)
    assert (verdict.outcome, verdict.answer) == (outcome, None)


@pytest.mark.parametrize("columns", [HUMANEVAL, MBPP])
def test_a_file_with_these_columns_is_a_benchmark(tmp_path, columns):
    file = tmp_path / "code.jsonl"
    file.write_text(json.dumps(columns))
    mapping = {"question": "prompt" if "prompt" in columns else "text", "gold_reader": "tests"}
    mapping["gold"] = "test" if "test" in columns else "test_list"
    source = LocalSource.model_validate({"type": "local", "path": str(file), "columns": mapping})
    ((problem,), _) = load_problems("code", source, seed=0, split="benchmark", has_answer=code.states_an_answer)
    assert set(json.loads(problem.gold)) == set(columns) - {"task_id", "text"}


def test_golds_without_tests_are_refused():
    with pytest.raises(ValueError, match=r"'\[1\]' has no tests: gold_reader: tests reads the columns of HumanEval"):
        code.states_an_answer("[1]")
    assert not code.states_an_answer(json.dumps({**HUMANEVAL, "test": " "}))


class TestAttacks:
    """Each program does something that it must not, and says by its end whether it could."""

    @pytest.mark.parametrize(
        "attack",
        [
            "import socket; socket.socket()",
            "import urllib.request; urllib.request.urlopen('http://127.0.0.1:1')",
            "import os; os.fork()",
            "import subprocess; subprocess.run(['true'])",
            "import os; os.execv('/bin/true', ['true'])",
            "import os, signal; os.kill(os.getppid(), signal.SIGTERM)",
            "open('/etc/passwd').read()",
            "open('/proc/self/environ').read()",
            "import os; os.listdir('/')",
            "open('/tmp/left_behind', 'w')",
            "import os; os.symlink('/etc/passwd', 'link'); open('link').read()",
            "import resource; resource.setrlimit(resource.RLIMIT_CPU, (9999, 9999))",
            "import ctypes; assert ctypes.CDLL(None).unshare(0x10000000) == 0",
            "x = bytearray(2 << 30)",
            "open('big', 'wb').write(b'0' * (20 << 20))",
            "files = [open(str(n), 'w') for n in range(99)]",
            "import os; os._exit(0)",
            "raise SystemExit(0)",
            "import sys; sys.stdout.write('passed'); raise KeyboardInterrupt",
            "import os\nfor n in range(3, 20):\n    try: os.write(n, b'passed')\n    except OSError: pass\nos._exit(0)",
        ],
    )
    def test_it_fails(self, attack):
        assert run_program(attack, seconds=5) == "failed"

    def test_what_the_attacks_import_can_be_imported(self):
        """So that it is the deed that fails."""
        assert run_program("import ctypes, os, resource, signal, socket, subprocess, urllib.request") == "passed"

    @pytest.mark.parametrize("attack", ["while True: pass", "import time; time.sleep(99)", "9**9**9"])
    def test_it_is_stopped(self, attack):
        assert run_program(attack, seconds=1) == "timeout"

    def test_what_it_writes_stays_in_its_folder_and_goes_with_it(self, tmp_path, monkeypatch):
        (tmp_path / "scratch").mkdir()
        monkeypatch.setenv("TMPDIR", str(tmp_path / "scratch"))
        monkeypatch.setattr("tempfile.tempdir", None)
        assert run_program("open('mine', 'w').write('x'); assert open('mine').read() == 'x'") == "passed"
        assert list((tmp_path / "scratch").iterdir()) == []

    def test_it_does_not_see_the_callers_environment(self, monkeypatch):
        monkeypatch.setenv("HF_TOKEN", "secret")
        assert run_program("import os; assert 'HF_TOKEN' not in os.environ") == "passed"

    def test_it_reaches_no_server_that_is_there(self):
        with socket.create_server(("127.0.0.1", 0)) as server:
            server.settimeout(0.1)
            port = server.getsockname()[1]
            assert run_program(f"import socket; socket.create_connection(('127.0.0.1', {port}))") == "failed"
            with pytest.raises(TimeoutError):
                server.accept()


def test_programs_run_beside_threads_and_leave_none(tmp_path):
    before = threading.active_count(), len([*Path("/proc/self/fd").iterdir()])
    golds = [json.dumps(MBPP)] * 4
    verdicts = code.grade(["def twice(x): return 2 * x"] * 4, golds, workers=2)
    assert [verdict.outcome for verdict in verdicts] == ["correct"] * 4
    assert (threading.active_count(), len([*Path("/proc/self/fd").iterdir()])) == before
