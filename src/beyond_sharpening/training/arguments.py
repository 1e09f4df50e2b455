"""What every training tells TRL."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from trl import RLOOConfig

ESTIMATOR: dict[str, Any] = {
    "temperature": 1.0,
    "top_p": 1.0,
    "top_k": 0,
    "beta": 0.0,
    "normalize_advantages": False,
    "num_iterations": 1,
}
"""The arguments of ``RLOOConfig`` that make its gradient that of E[r]: pass them to every configuration."""


def on_one_gpu(args: RLOOConfig) -> RLOOConfig:
    """The arguments, for a process that uses one GPU however many it sees; TRL refuses to share a batch among them."""
    args._n_gpu = min(args.n_gpu, 1)
    return args
