"""Samples that other systems drew: files of many formats in, the samples table out.

No model is needed. A format is a module of this room that says how its files are known and what their rows mean;
``registry`` lists them.
"""

from beyond_sharpening.readers.base_scores import read_base_scores, under_names
from beyond_sharpening.readers.contract import absent, as_samples, one_policy_a_variant
from beyond_sharpening.readers.formats import Wishes
from beyond_sharpening.readers.read import Samples, read_samples
from beyond_sharpening.readers.roles import Roles, roles, same_problems, start_of

__all__ = [
    "Roles",
    "Samples",
    "Wishes",
    "absent",
    "as_samples",
    "one_policy_a_variant",
    "read_base_scores",
    "read_samples",
    "roles",
    "same_problems",
    "start_of",
    "under_names",
]
