"""MLflow, for nodes: a nested run with live metrics."""

from __future__ import annotations

import math
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import mlflow

from beyond_sharpening import interruption


@contextmanager
def nested_run(name: str, parameters: Mapping[str, Any]) -> Iterator[Callable[[dict[str, float], int], None]]:
    """Open a run inside the pipeline's and yield ``track(metrics, step)``; an error marks it failed."""
    with mlflow.start_run(run_name=name, nested=True):
        mlflow.log_params(dict(parameters))
        yield _log


def _log(metrics: dict[str, float], step: int) -> None:
    interruption.check()
    mlflow.log_metrics({name: value for name, value in metrics.items() if math.isfinite(value)}, step=step)
