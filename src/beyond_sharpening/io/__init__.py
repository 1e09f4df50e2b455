"""Kedro datasets of our own: a policy folder, and partitions that may be none."""

from beyond_sharpening.io.partitions import OptionalPartitions
from beyond_sharpening.io.policy_dataset import PolicyDataset

__all__ = ["OptionalPartitions", "PolicyDataset"]
