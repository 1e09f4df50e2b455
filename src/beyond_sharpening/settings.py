"""Kedro project settings."""

import os
import sys
from pathlib import Path

from beyond_sharpening.wiring.again import Again
from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader
from beyond_sharpening.wiring.endings import Endings
from beyond_sharpening.wiring.hooks import Provenance, Tracking
from beyond_sharpening.wiring.preflight import Planning
from beyond_sharpening.wiring.quiet import quieten

quieten()
# `kedro mlflow ui` starts `mlflow`, which lies beside this Python: it is found without an activated environment too.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

HOOKS = (Planning(), Provenance(), Tracking(), Endings(), Again())  # the last one is called first
CONFIG_LOADER_CLASS = ExperimentConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},  # before kedro-mlflow adds it
    "merge_strategy": {"parameters": "soft", "mlflow": "soft"},
}
