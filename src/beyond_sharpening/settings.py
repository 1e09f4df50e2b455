"""Kedro project settings."""

import os
import sys
import warnings
from pathlib import Path

from beyond_sharpening.wiring.config_loader import ExperimentConfigLoader
from beyond_sharpening.wiring.endings import Endings
from beyond_sharpening.wiring.hooks import Provenance, Tracking
from beyond_sharpening.wiring.preflight import Planning

PROJECT_PATH = Path(__file__).resolve().parents[2]

# Behind a closed network, telemetry costs seconds a command.
os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
# `kedro mlflow ui` starts `mlflow`, which lies beside this Python: it is found without an activated environment too.
os.environ["PATH"] = os.pathsep.join([str(Path(sys.executable).parent), os.environ.get("PATH", "")])

# What other packages say of their own insides, which nobody here can act on.
for message in ("register_new_resolver", "Add type hints to the `predict`", "Option '--pipeline' is deprecated"):
    warnings.filterwarnings("ignore", message=rf"(?s).*{message}")

HOOKS = (Planning(), Provenance(), Tracking(), Endings())
CONFIG_LOADER_CLASS = ExperimentConfigLoader
CONFIG_LOADER_ARGS = {
    "base_env": "base",
    "default_run_env": "local",
    "config_patterns": {"mlflow": ["mlflow*", "mlflow*/**", "**/mlflow*"]},  # before kedro-mlflow adds it
    "merge_strategy": {"parameters": "soft", "mlflow": "soft"},
    # MLflow reads a relative sqlite address from the working directory: a notebook would make its own.
    "custom_resolvers": {"project": lambda path: (PROJECT_PATH / path).as_posix()},
}
