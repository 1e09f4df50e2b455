"""Speed, side by side with peers: the same model, prompts and numbers of steps, in one run.

Repeats of ours and the peer's are interleaved, so that what else the machine does affects both; medians are compared.

contest    one piece of work done twice
decoding   power sampling, and rollouts
grading    verdicts, against math-verify with the settings of TRL's reward
growth     how the cost of an update grows
probe      tokens a second of a model here, for the plan of a run
statistics pass@k and maj@k of a million samples, against plain loops
training   a step of RLOO, part by part, against TRL's own trainer
"""

from beyond_sharpening.speed.contest import Measurement
from beyond_sharpening.speed.run import measure

__all__ = ["Measurement", "measure"]
