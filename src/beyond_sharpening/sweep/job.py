"""What a job does. It imports little: a job's process loads it before the run's own process starts."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path

from submitit.helpers import DelayedSubmission

from beyond_sharpening import interruption


class KedroRun:
    """One ``kedro run`` as the function of a job.

    Where SLURM's time is up, or it needs the node, submitit queues the job again: the run goes on from its last
    state, as it does whenever it is run again.

    Args:
        arguments: those of ``kedro run``.
        project: root of the Kedro project.
        environment: environment variables beside those of the job.
    """

    def __init__(self, arguments: Sequence[str], project: Path, environment: Mapping[str, str]) -> None:
        self.arguments, self.project, self.environment = list(arguments), project, dict(environment)
        self._process: subprocess.Popen[bytes] | None = None

    def __call__(self) -> None:
        """Run it.

        Raises:
            RuntimeError: if it fails; its output says why.
            InterruptedRun: if the job is cancelled.
        """
        if os.environ.get("SUBMITIT_EXECUTOR") == "local":
            signal.signal(signal.SIGTERM, interruption.interrupt)  # which submitit ignores
        print("kedro run " + " ".join(self.arguments), flush=True)
        command = [sys.executable, "-m", "beyond_sharpening", "run", *self.arguments]
        try:
            self._process = subprocess.Popen(command, cwd=self.project, env={**os.environ, **self.environment})
            code = self._process.wait()
        finally:
            self._stop()
        if code:
            raise RuntimeError(f"kedro run ended with exit code {code}; what it said of it stands above")

    def checkpoint(self) -> DelayedSubmission:
        """What submitit queues when the job is about to lose its place: the same again.

        It is called within a signal handler, which the end of the run cannot be waited for in; submitit then exits,
        and that stops the run.
        """
        return DelayedSubmission(KedroRun(self.arguments, self.project, self.environment))

    def _stop(self) -> None:
        if self._process is not None and self._process.poll() is None:
            signal.signal(signal.SIGTERM, signal.SIG_IGN)  # another one would leave the run behind
            self._process.terminate()
            self._process.wait()
