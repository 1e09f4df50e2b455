"""A grid of cells as jobs: each a ``kedro run`` of its own, on this machine or on a SLURM cluster."""

from beyond_sharpening.sweep.launch import Outcome, launch
from beyond_sharpening.sweep.plan import Plan, State, Task, make_plan

__all__ = ["Outcome", "Plan", "State", "Task", "launch", "make_plan"]
