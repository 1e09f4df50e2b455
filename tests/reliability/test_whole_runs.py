"""Whole runs, killed at random moments in ways that happen: the same commands end in what they would have ended in.

Preparation, pretraining, training, evaluation and the report, each a process as a user starts it. `make reliability`
tries it, for some half an hour; the moments and ways are drawn by a seed that is printed.
"""

import os
import random
import re
import signal
import subprocess
import sys
import time
from pathlib import Path

import pandas as pd
import psutil
import pytest
from mlflow.tracking import MlflowClient

ROOT = Path(__file__).resolve().parents[2]
SEED = int(os.environ.get("BEYOND_SHARPENING_FAULTS_SEED", "0"))
KILLS = int(os.environ.get("BEYOND_SHARPENING_FAULTS", "0")) // 25

pytestmark = [pytest.mark.whole, pytest.mark.skipif(not KILLS, reason="whole runs are killed by `make reliability`")]

COMMANDS = ["evaluate_tilted", "report"]
CHANGED = "train.tilted.steps=6,train.tilted.checkpoint_every=1"
CLOCK = ["step_time", "tokens_per_second", "hours"]
WAYS = {
    "killed": [signal.SIGKILL],
    "terminated": [signal.SIGTERM],
    "interrupted": [signal.SIGINT],
    "terminated twice": [signal.SIGTERM] * 2,
    "interrupted twice": [signal.SIGINT] * 2,
}
MOST = 3
"""Kills of one command in a chain: what is killed sooner than it can begin never ends."""

READINGS = re.compile(
    r"\d{4}-\d\d-\d\d[T ]\d\d:\d\d(:\d\d[+]00:00)?|/runs/\w{32}|[\d.]+ (s|min|h)\b|at [\d. ]+( \w+)?\s+tokens an hour"
)
"""Times, MLflow's names of runs, how long trainings took and answers would take, and the rate behind it."""

PATIENCE = 60  # seconds in which a run that was told to stop ends


def start(data: Path, pipeline: str) -> subprocess.Popen[bytes]:
    """A run in a group of its own, with everything that it starts."""
    command = [sys.executable, "-m", "beyond_sharpening", "run", "--env=test", f"--pipeline={pipeline}"]
    with (data / "log.txt").open("ab") as log:
        return subprocess.Popen(
            [*command, f"--params=data={data},{CHANGED}"],
            cwd=ROOT,
            stdout=log,
            stderr=subprocess.STDOUT,
            start_new_session=True,
        )


def end(process: subprocess.Popen[bytes], way: str) -> None:
    """End a run's group; the moment after, nothing of it runs."""
    for number in WAYS[way]:
        os.killpg(process.pid, number)
        time.sleep(0.05)
    process.wait(PATIENCE)
    until = time.monotonic() + PATIENCE
    while still := running(process.pid):
        assert time.monotonic() < until, f"{way}, and these still run: {still}"
        time.sleep(0.1)


def running(group: int) -> list[str]:
    found = []
    for process in psutil.process_iter(["status", "cmdline"]):
        try:
            if os.getpgid(process.pid) == group and process.info["status"] != psutil.STATUS_ZOMBIE:
                found.append(" ".join(process.info["cmdline"] or []))
        except ProcessLookupError:
            continue
    return found


def results(data: Path) -> dict[str, object]:
    """Every file of a run but the log and MLflow's, by its content without the clock's readings."""
    files = [file for file in data.rglob("*") if file.is_file() and not file.is_relative_to(data / "mlruns")]
    return {str(file.relative_to(data)): content(file) for file in files if file.parent != data}


def content(file: Path) -> object:
    if file.suffix == ".parquet":
        table = pd.read_parquet(file)
        return table.drop(columns=[column for column in CLOCK if column in table])
    if file.suffix in (".json", ".md", ".html"):
        return READINGS.sub("", file.read_text())
    return file.read_bytes()


def different(one: dict[str, object], other: dict[str, object]) -> list[str]:
    """The files that one has and the other has not, or not so."""
    return sorted(name for name in {*one, *other} if not same(one.get(name), other.get(name)))


def same(one: object, other: object) -> bool:
    if isinstance(one, pd.DataFrame) and isinstance(other, pd.DataFrame):
        return one.equals(other)
    return type(one) is type(other) and one == other


def tracked(data: Path) -> list[str]:
    """How the runs in MLflow ended."""
    client = MlflowClient(f"sqlite:///{data}/mlflow.db")
    experiments = [experiment.experiment_id for experiment in client.search_experiments()]
    return [run.info.status for run in client.search_runs(experiments, max_results=1000)]


def finish(data: Path, command: str, draw: random.Random, seconds: float, kills: int) -> list[str]:
    """Start a command until it ends by itself, and end it before that up to so many times; say when and how."""
    told = []
    while True:
        process = start(data, command)
        if len(told) < kills:
            after, way = draw.uniform(0.1, 0.9) * seconds, draw.choice([*WAYS])
            try:
                process.wait(after)
            except subprocess.TimeoutExpired:
                end(process, way)
                told.append(f"{command} {way} after {after:.1f} s")
                continue
        assert process.wait() == 0, (data / "log.txt").read_text()[-3000:]
        return told


def test_killed_again_and_again_they_end_as_if_nothing_had_been(tmp_path):
    (whole := tmp_path / "whole").mkdir()
    seconds = {}
    for command in COMMANDS:
        began = time.monotonic()
        finish(whole, command, random.Random(), 0, 0)
        seconds[command] = time.monotonic() - began
    expected, draw, kills, chain = results(whole), random.Random(SEED), 0, 0
    while kills < KILLS:
        chain += 1
        (data := tmp_path / str(chain)).mkdir()
        told = [line for command in COMMANDS for line in finish(data, command, draw, seconds[command], MOST)]
        print(f"seed {SEED}, chain {chain}: {'; '.join(told)}", flush=True)
        assert different(expected, results(data)) == []
        assert "RUNNING" not in tracked(data)
        kills += len(told)
    print(f"{kills} kills in {chain} chains")
