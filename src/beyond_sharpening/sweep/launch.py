"""Tasks to jobs: a bounded number at once, each when what it needs is there; a failure stops nothing else."""

from __future__ import annotations

import re
import signal
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path

import submitit

from beyond_sharpening import interruption
from beyond_sharpening.sweep.executors import cancel, submit
from beyond_sharpening.sweep.job import KedroRun
from beyond_sharpening.sweep.parent_run import ParentRun, parent_run
from beyond_sharpening.sweep.plan import Plan, State, Task, dotlist
from beyond_sharpening.wiring.preflight import refuse

POLL = 0.5  # seconds
_ERROR = re.compile(r"[\w.]*(?:Error|Exception): ")  # of the command line, or the last line of a traceback


@dataclass(frozen=True)
class Outcome:
    """How a task ended: ``finished``, ``skipped`` (it was finished before), ``failed`` or ``not run``, and its log."""

    ending: str
    log: Path | None = None

    def cause(self) -> str:
        """What the run said last, before submitit reports that its job has failed; nothing without a log."""
        if self.log is None or not self.log.is_file():
            return ""
        said, _, _ = self.log.read_text(errors="replace").partition("\nsubmitit ERROR")
        lines = ["", *(line.strip() for line in said.splitlines() if line.strip())]
        errors = [number for number, line in enumerate(lines) if _ERROR.match(line)]
        return " ".join(lines[errors[-1] if errors else -1 :])


def launch(plan: Plan, say: Callable[[str], None]) -> dict[str, Outcome]:
    """Run what is not finished, and return how each task ended.

    Args:
        plan: what to run; all of it is one MLflow run with the tasks' runs nested.
        say: is told in a line what starts and ends.

    Raises:
        BadInput: if a task would not fit into its GPUs; nothing is run.
        InterruptedRun: on SIGINT, SIGTERM or SIGHUP, once the jobs have been cancelled.
    """
    refuse(plan.shortages())
    with parent_run(plan) as parent:
        launcher = Launcher(plan, parent, say)
        with interruption.handled(_signals()):
            try:
                launcher.run()
            finally:
                launcher.cancel()
        whole = all(outcome.ending in ("finished", "skipped") for outcome in launcher.outcomes.values())
        parent.close("FINISHED" if whole else "FAILED")
    return {task.name: launcher.outcomes[task.name] for task in plan.tasks}


def _signals() -> tuple[signal.Signals, ...]:
    """What ends a launch; under ``nohup``, a terminal that closes does not."""
    hangup = () if signal.getsignal(signal.SIGHUP) == signal.SIG_IGN else (signal.SIGHUP,)
    return (*interruption.SIGNALS, *hangup)


class Launcher:
    """The state of a launch: what waits, what runs at which place, and how the rest ended."""

    def __init__(self, plan: Plan, parent: ParentRun, say: Callable[[str], None]) -> None:
        self._plan, self._places, self._parent, self._say = plan, plan.places, parent, say
        self._logs = plan.data / "08_reporting" / "jobs" / datetime.now().strftime("%Y-%m-%dT%H-%M-%S")
        self._waiting = [task for task in plan.tasks if task.state != State.FINISHED]
        self._running: dict[int, tuple[Task, submitit.Job[None]]] = {}
        self._began: dict[int, float] = {}
        self.outcomes = {task.name: Outcome("skipped") for task in plan.tasks if task.state == State.FINISHED}

    def run(self) -> None:
        """Until nothing waits or runs."""
        self._count()
        while self._waiting or self._running:
            self._collect()
            self._give_up()
            self._start()
            time.sleep(POLL)

    def cancel(self) -> None:
        """Cancel what runs."""
        if self._running:
            self._say(f"cancelling {len(self._running)} jobs")
        cancel([job for _, job in self._running.values()])

    def _collect(self) -> None:
        for place, (task, job) in list(self._running.items()):
            if job.done():
                del self._running[place]
                self._end(task, "finished" if job.exception() is None else "failed", job.paths.stdout)
            elif self._hangs(place):
                self._say(f"stopping  {task.name}: it takes more than sweep.minutes = {self._plan.options.minutes:g}")
                cancel([job])

    def _hangs(self, place: int) -> bool:
        most, is_local = self._plan.options.minutes, self._plan.options.executor == "local"
        return is_local and most is not None and time.monotonic() - self._began[place] > 60 * most

    def _give_up(self) -> None:
        """Tasks whose model could not be prepared."""
        for task in list(self._waiting):
            needed = self.outcomes.get(task.after or "")
            if needed is not None and needed.ending == "failed":
                self._waiting.remove(task)
                self._end(task, "not run", needed.log)

    def _start(self) -> None:
        ready = [task for task in self._waiting if task.after is None or task.after in self.outcomes]
        free = [place for place in range(len(self._places)) if place not in self._running]
        for place, task in zip(free, ready, strict=False):
            env = [] if self._plan.env is None else [f"--env={self._plan.env}"]
            arguments = [f"--pipeline={task.pipeline}", *env, f"--params={','.join(dotlist(task.parameters))}"]
            run = KedroRun(arguments, self._plan.project, self._parent.environment(task.name))
            folder = self._logs / task.name
            job = submit(run, task.name, folder, self._plan.options, task.gpus, self._places[place])
            self._waiting.remove(task)
            self._running[place], self._began[place] = (task, job), time.monotonic()
            self._say(f"started   {task.name}: {job.paths.stdout}")

    def _end(self, task: Task, ending: str, log: Path | None) -> None:
        self.outcomes[task.name] = Outcome(ending, log)
        self._say(f"{ending:9} {task.name}")
        self._count()

    def _count(self) -> None:
        counts = Counter(outcome.ending for outcome in self.outcomes.values())
        done, failed = counts["finished"] + counts["skipped"], counts["failed"] + counts["not run"]
        self._parent.count({"tasks": len(self._plan.tasks), "finished": done, "failed": failed})
