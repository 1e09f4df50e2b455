"""Training: the trainer of every objective, and its runs."""

from beyond_sharpening.training.arguments import ESTIMATOR
from beyond_sharpening.training.job import Job, Trained, TrainingTask
from beyond_sharpening.training.run import train
from beyond_sharpening.training.trainer import ObjectiveTrainer

__all__ = ["ESTIMATOR", "Job", "ObjectiveTrainer", "Trained", "TrainingTask", "train"]
