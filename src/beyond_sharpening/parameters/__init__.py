"""Typed, validated parameters: what may be asked for, checked before anything expensive runs.

``layers`` composes the one set of parameters that the pipelines read out of the YAML files; ``Parameters`` says
what each of them may be.
"""

from beyond_sharpening.parameters.block import leaves
from beyond_sharpening.parameters.checks import Benchmark, Theory, Validation
from beyond_sharpening.parameters.evaluation import Comparison, Evaluation
from beyond_sharpening.parameters.experiment import Parameters, block_types, locate
from beyond_sharpening.parameters.foreign import ForeignPolicy
from beyond_sharpening.parameters.hardware import EngineName, Hardware
from beyond_sharpening.parameters.own import OWN, ObjectiveName
from beyond_sharpening.parameters.report import Rates, Reporting
from beyond_sharpening.parameters.scoring import Scoring
from beyond_sharpening.parameters.start_model import Architecture, HubBase, TinyBase
from beyond_sharpening.parameters.task import Problems, Task
from beyond_sharpening.parameters.training import POLICIES, Lora, Training

__all__ = [
    "OWN",
    "POLICIES",
    "Architecture",
    "Benchmark",
    "Comparison",
    "EngineName",
    "Evaluation",
    "ForeignPolicy",
    "Hardware",
    "HubBase",
    "Lora",
    "ObjectiveName",
    "Parameters",
    "Problems",
    "Rates",
    "Reporting",
    "Scoring",
    "Task",
    "Theory",
    "TinyBase",
    "Training",
    "Validation",
    "block_types",
    "leaves",
    "locate",
]
