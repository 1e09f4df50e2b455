"""Imported once by the process that workers are forked from: whichever takes the place of a stopped one is ready."""

from beyond_sharpening.grading.judge import warm_up

warm_up()
