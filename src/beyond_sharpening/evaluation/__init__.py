"""Policy × decoder × benchmark: the samples table."""

from beyond_sharpening.evaluation.evaluate import evaluate
from beyond_sharpening.evaluation.exam import Arm, Exam

__all__ = ["Arm", "Exam", "evaluate"]
