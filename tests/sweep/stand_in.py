"""A stand-in for ``kedro run``, which keeps jobs to a second."""

import time
from pathlib import Path

STAND_IN = """
import os, pathlib, signal, sys, time
def stop(number, frame):
    time.sleep(2)  # longer than the second that submitit leaves
    pathlib.Path("ended_in_order").touch()
    sys.exit(1)
signal.signal(signal.SIGTERM, stop)
starts = pathlib.Path("starts")
starts.write_text(starts.read_text() + "+" if starts.exists() else "+")
with open("models", "a") as models:
    models.write(next((a.partition("model=")[2] for a in sys.argv if "model=" in a), "none") + " ")
print(sys.argv[1:], os.environ.get("TOLD"), os.environ.get("CUDA_VISIBLE_DEVICES"), flush=True)
if "--pipeline=wait" in sys.argv and starts.read_text() == "+":
    time.sleep(60)
if "--pipeline=deaf" in sys.argv:
    signal.signal(signal.SIGTERM, signal.SIG_IGN)
    time.sleep(600)
if "--pipeline=die" in sys.argv:
    os.kill(os.getpid(), signal.SIGKILL)
if "--pipeline=fail" in sys.argv:
    print("Error: this step cannot be done:\\n  neither there nor here", flush=True)
    sys.exit(1)
"""


def stand_in(folder: Path) -> None:
    """``python -m beyond_sharpening`` in this folder finds the stand-in first."""
    (folder / "beyond_sharpening.py").write_text(STAND_IN)


def wait_until_started(folder: Path) -> None:
    until = time.monotonic() + 60
    while not (folder / "starts").exists():
        assert time.monotonic() < until, "the job does not start"
        time.sleep(0.05)
