"""Silence for what other packages say about their own insides, which nobody here can act on."""

import logging
import os


def quieten() -> None:
    """Leave Python's warnings to the log, whose configuration decides (``conf/logging.yml``); try no telemetry.

    Kedro calls it before it loads any plugin, whose imports warn (the entry point ``kedro.init``); the settings call
    it for sessions that no command line opened.
    """
    logging.captureWarnings(True)
    # Behind a closed network, telemetry costs seconds a command.
    os.environ.setdefault("KEDRO_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_DISABLE_TELEMETRY", "true")
    os.environ.setdefault("MLFLOW_LOGGING_LEVEL", "WARNING")
