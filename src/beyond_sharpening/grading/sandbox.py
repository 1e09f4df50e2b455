"""Programs that a model wrote, run where they can do no harm."""

from __future__ import annotations

import json
import os
import secrets
import signal
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Literal

from beyond_sharpening.grading import confine

Ending = Literal["passed", "failed", "timeout"]

MEMORY = 1 << 30
_PATIENCE = 4  # seconds of the clock for one of computing: it may have to wait for a processor


def run_program(program: str, seconds: int = 5, memory: int = MEMORY) -> Ending:
    """Run a Python program in a process that has given up network, processes, and files but a folder of its own.

    Args:
        program: its text.
        seconds: of computing that it may take.
        memory: bytes that it may map.

    Returns:
        ``passed`` where it came to its end without an error; ``timeout`` where it had to be stopped. A program that
        ends itself (``os._exit(0)``) has not come to its end. One that sets out to forge its result from within the
        interpreter that runs it can; it can do nothing else.

    Raises:
        RuntimeError: if the platform does not confine it.
    """
    token = secrets.token_hex(16)
    asked = json.dumps({"program": program, "token": token, "seconds": seconds, "memory": memory})
    with tempfile.TemporaryDirectory() as scratch:
        reading, writing = os.pipe()
        process = subprocess.Popen(
            [sys.executable, "-I", str(Path(confine.__file__)), str(writing)],
            cwd=scratch,
            env={"OMP_NUM_THREADS": "1"},
            pass_fds=[writing],
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            start_new_session=True,
        )
        os.close(writing)
        stopped = False
        try:
            _, errors = process.communicate(asked.encode(), timeout=_PATIENCE * seconds)
        except subprocess.TimeoutExpired:
            process.kill()
            _, errors = process.communicate()
            stopped = True
        with os.fdopen(reading, "rb") as pipe:
            told = pipe.read(1 << 10).decode(errors="replace")
    if not told.startswith("confined ") and not stopped:
        reason = errors.decode(errors="replace")[-300:]
        raise RuntimeError(f"a program could not be confined, and was not run: {reason}")
    if stopped or process.returncode in (-signal.SIGXCPU, -signal.SIGKILL):
        return "timeout"
    return "passed" if told == f"confined {token}" and process.returncode == 0 else "failed"
