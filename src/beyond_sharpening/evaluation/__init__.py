"""Policy × decoder × benchmark: the samples table, in parts, resumable.

exam      who is examined, and in what
parts     what an evaluation is made of, and where it is kept
examiner  makes a part
evaluate  makes those that are not there, in one process or several
gathered  the table they are together, of which one part at a time is in memory
scoring   samples that another system drew, scored under the models that drew them
retokenised  from the texts of such samples to tokens
"""

from beyond_sharpening.evaluation.evaluate import BASE_COMPLETION, cross_score, evaluate, examine, score_base
from beyond_sharpening.evaluation.exam import Arm, Exam
from beyond_sharpening.evaluation.gathered import Gathered, below

__all__ = ["BASE_COMPLETION", "Arm", "Exam", "Gathered", "below", "cross_score", "evaluate", "examine", "score_base"]
