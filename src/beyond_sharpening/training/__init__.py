"""Training: the trainer of every objective, its runs, and the small start model."""

from beyond_sharpening.training.arguments import ESTIMATOR
from beyond_sharpening.training.reward import TaskReward
from beyond_sharpening.training.run import Job, Trained, TrainingTask, train
from beyond_sharpening.training.trainer import ObjectiveTrainer

__all__ = ["ESTIMATOR", "Job", "ObjectiveTrainer", "TaskReward", "Trained", "TrainingTask", "train"]
