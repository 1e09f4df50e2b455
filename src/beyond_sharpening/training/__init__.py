"""Training: the trainer of every objective, its runs, and the small start model."""

from beyond_sharpening.training.reward import task_reward
from beyond_sharpening.training.run import Trained, TrainingTask, train
from beyond_sharpening.training.trainer import ESTIMATOR, ObjectiveTrainer

__all__ = ["ESTIMATOR", "ObjectiveTrainer", "Trained", "TrainingTask", "task_reward", "train"]
