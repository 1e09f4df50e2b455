"""Imported once by the process that workers are forked from: one that takes the place of a stopped one is ready at once."""

from beyond_sharpening.grading.judge import warm_up

warm_up()
