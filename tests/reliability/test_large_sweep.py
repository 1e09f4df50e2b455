"""A sweep of three hundred cells, some of which fail, die or hang, that is interrupted, resumed and mended.

Jobs, their processes and the MLflow run are real; what a job runs is a stand-in for ``kedro run``.
"""

import os
import random
import signal
from collections import Counter
from dataclasses import replace

import psutil
import pytest

from beyond_sharpening.interruption import InterruptedRun
from beyond_sharpening.sweep.launch import launch
from beyond_sharpening.sweep.plan import State
from sweep.test_sweep_launch import endings, parent, plan, task, tracking  # noqa: F401

SEED = int(os.environ.get("BEYOND_SHARPENING_FAULTS_SEED", "0"))
IS_LONG = int(os.environ.get("BEYOND_SHARPENING_FAULTS", "0")) >= 100

pytestmark = [pytest.mark.whole, pytest.mark.skipif(not IS_LONG, reason="300 cells are swept by `make reliability`")]

CELLS, INTERRUPTED_AFTER = 300, 60
SHARES = {"well": 88, "fail": 6, "die": 4, "deaf": 2}  # of a hundred cells


def test_three_hundred_cells_are_finished_whatever_becomes_of_some(tmp_path, monkeypatch):
    monkeypatch.setattr("beyond_sharpening.sweep.executors.PATIENCE", 5)
    does = random.Random(SEED).choices([*SHARES], [*SHARES.values()], k=CELLS)
    tasks = [task(f"cell-{number}", does=each) for number, each in enumerate(does)]
    finished: set[str] = set()

    def sweep(tasks, interrupt: bool = False) -> Counter[str]:
        def say(line: str) -> None:
            ending, _, name = line.partition(" ")
            if ending == "finished":
                finished.add(name.strip())
            if interrupt and len(finished) == INTERRUPTED_AFTER:
                os.kill(os.getpid(), signal.SIGTERM)

        left = [replace(one, state=State.FINISHED if one.name in finished else State.TO_DO) for one in tasks]
        asked = plan(tmp_path, *left, at_once=4)
        asked = replace(asked, options=asked.options.model_copy(update={"minutes": 0.5}))
        ended = Counter(endings(launch(asked, say)).values())
        print(f"seed {SEED}, {dict(Counter(does))}: {dict(ended)}", flush=True)
        return ended

    with pytest.raises(InterruptedRun):
        sweep(tasks, interrupt=True)
    faulty = [one for one, each in zip(tasks, does, strict=True) if each != "well"]
    assert sweep(tasks)["failed"] == len(faulty)
    assert parent().data.metrics == {"tasks": CELLS, "finished": CELLS - len(faulty), "failed": len(faulty)}
    ended = sweep([replace(one, pipeline="well") for one in tasks])
    assert ended == {"skipped": CELLS - len(faulty), "finished": len(faulty)}
    assert parent().info.status == "FINISHED"
    assert not [process for process in psutil.Process().children(recursive=True) if "run" in process.cmdline()]
