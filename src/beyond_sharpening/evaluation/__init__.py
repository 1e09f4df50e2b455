"""Policy × decoder × benchmark: the samples table, in parts, resumable.

exam      who is examined, and in what
parts     what an evaluation is made of, and where it is kept
examiner  makes a part
evaluate  makes those that are not there, in one process or several
scoring   samples that another system drew, scored under the models that drew them
retokenised  from the texts of such samples to tokens
"""

from beyond_sharpening.evaluation.evaluate import BASE_COMPLETION, evaluate, score_base
from beyond_sharpening.evaluation.exam import Arm, Exam

__all__ = ["BASE_COMPLETION", "Arm", "Exam", "evaluate", "score_base"]
