"""What made a result: its identity, so that a cell found on disk is the cell that was asked for."""

from __future__ import annotations

import hashlib
import platform
import subprocess
from collections.abc import Mapping
from datetime import UTC, datetime
from importlib.metadata import version
from pathlib import Path
from typing import Any

from pydantic_core import to_jsonable_python

from beyond_sharpening.objectives import OBJECTIVES, Objective
from beyond_sharpening.parameters import OWN, Training
from beyond_sharpening.parameters.task import TYPESET
from beyond_sharpening.parameters.training import WITHOUT_EFFECT

ASSUMED = {"normaliser": TYPESET}
"""What is meant where an identity does not say."""

PACKAGES = ("torch", "transformers", "trl", "kedro", "mlflow", "math-verify")


def identity(parameters: Mapping[str, Any], stage: str) -> dict[str, Any]:
    """The parameters that determine what a stage makes; hardware and places do not.

    Args:
        parameters: the composed parameters of a run.
        stage: ``problems`` (what is trained on), ``benchmarks``, ``base``, ``theory``, an objective, or
            ``{policy}_samples``. What is tested on determines the benchmarks and the samples alone.
    """
    if stage == "theory":
        return _chosen(parameters, "theory")
    if stage in ("problems", "benchmarks"):
        left_out = "benchmarks" if stage == "problems" else "train"
        problems = {key: value for key, value in _problems(parameters).items() if key != left_out}
        digests = {
            name: value for name, value in _digests(parameters).items() if (name == "train") == ("train" in problems)
        }
        return {**_chosen(parameters, "data_seed"), "problems": problems, "files": digests}
    if stage == "base":
        # A small base is pretrained on none of the problems that its trainings are validated on.
        made_here = parameters["base"]["type"] == "tiny"
        seeds = {**_chosen(parameters, "base_seed"), **identity(parameters, "problems")} if made_here else {}
        return {**_chosen(parameters, "model", "base"), **seeds}
    asked = {"task": trained_task(parameters["task"])}
    if stage.endswith("_samples"):
        policy = identity(parameters, stage.removesuffix("_samples"))
        asked = {"task": {**asked["task"], **_set(parameters["task"], "evaluation_tokens")}}
        tested = {"problems": _problems(parameters), "files": _digests(parameters)}
        own = _chosen(parameters, "data_seed", "sample_seed", "evaluate")
        return {**policy, **tested, **asked, **own}
    start = {**identity(parameters, "base"), **identity(parameters, "problems"), **asked}
    block = training_identity(stage, parameters["train"][stage])
    anchored = block.get("normalisation", "sum") != "sum" and Objective.named(stage).policy > 0
    # Earlier cells of such a name were trained with all of log π_ref normalised: they are others.
    normalised = {"normalises": "what sharpens"} if anchored else {}
    return {**start, **_chosen(parameters, "train_seed"), **normalised, "train": {stage: block}}


def _problems(parameters: Mapping[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in parameters["problems"].items() if value != ASSUMED.get(key)}


def training_identity(objective: str, block: Mapping[str, Any]) -> dict[str, Any]:
    """What of a training's parameters determines what it makes.

    The block may be an older manifest's. What its objective never took is left out, and a key that it lacks has the
    default of its field: a field that is added later defaults to what was done before there was a choice.
    """
    others = {*WITHOUT_EFFECT, *OWN} - {*OBJECTIVES[objective].takes}
    optional = {
        name: field
        for name, field in Training.model_fields.items()
        if not field.is_required() and field.exclude_if is None  # which says itself when it is left out
    }
    later = {name: field.get_default(call_default_factory=True) for name, field in optional.items()}
    found = to_jsonable_python(later) | {**block}
    return {key: value for key, value in found.items() if key not in others}


def trained_task(task: Mapping[str, Any]) -> dict[str, Any]:
    """What a training is asked: all of ``task`` except the lengths of evaluation, and newer keys that are not set."""
    newer = ("system_prompt", "evaluation_tokens", "context")
    old = {key: value for key, value in task.items() if key not in newer}
    return {**old, **_set(task, "system_prompt", "context")}


def manifest(parameters: Mapping[str, Any], stage: str, project: Path) -> dict[str, Any]:
    """What is written beside a result: its identity, and what else one may want to know about its making."""
    return {
        "identity": identity(parameters, stage),
        "hardware": parameters["hardware"],
        "commit": commit(project),
        "versions": {"python": platform.python_version(), **{name: version(name) for name in PACKAGES}},
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
    }


def differing(found: Mapping[str, Any], asked: Mapping[str, Any]) -> list[str]:
    """What differs between the identity in a manifest and the one asked for, one line a key."""
    trained = {
        objective: training_identity(objective, block)
        for objective, block in found.get("train", {}).items()
        if objective in OBJECTIVES
    }
    return differences(_without_benchmarks({**found, "train": trained} if trained else found, asked), asked)


def _without_benchmarks(found: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What an earlier manifest says of benchmarks is left out where what is asked for does not depend on them."""
    if "benchmarks" in asked.get("problems", {}):
        return dict(found)
    blocks = {key: dict(found[key]) for key in ("problems", "files") if key in found}
    blocks.get("problems", {}).pop("benchmarks", None)
    if "files" in blocks:
        blocks["files"] = {name: value for name, value in blocks["files"].items() if name == "train"}
    return {**found, **blocks}


def is_growth(line: str) -> bool:
    """Whether a line of ``differing`` tells of what is tested: other benchmarks, decoders, samples or checkpoints."""
    return line.startswith(("problems.benchmarks.", "evaluate.", "files.")) and not line.startswith("files.train:")


def differences(found: Mapping[str, Any], asked: Mapping[str, Any], path: str = "") -> list[str]:
    """What differs between two identities, one line a key: ``key: found there, asked here``."""
    lines = []
    for key in sorted({*found, *asked}):
        there, here = found.get(key, "absent"), asked.get(key, "absent")
        if isinstance(there, Mapping) and isinstance(here, Mapping):
            lines += differences(there, here, f"{path}{key}.")
        elif there != here:
            lines.append(f"{path}{key}: {there!r} there, {here!r} asked")
    return lines


def commit(project: Path) -> str:
    """The checked-out commit, marked where files differ from it; ``unknown`` outside a git checkout."""
    try:
        return subprocess.run(
            ["git", "describe", "--always", "--dirty", "--abbrev=40"],
            cwd=project,
            capture_output=True,
            text=True,
            check=True,
        ).stdout.strip()
    except (OSError, subprocess.CalledProcessError):
        return "unknown"


def _digests(parameters: Mapping[str, Any]) -> dict[str, str]:
    """A hash of what each local source's files hold: their names stay the same when they are edited."""
    problems, project = parameters["problems"], Path(parameters["project"])
    digests = {}
    for name, source in {"train": problems["train"], **problems["benchmarks"]}.items():
        if source["type"] == "reasoning_gym":
            digests[name] = version("reasoning-gym")
        if source["type"] == "local":
            paths = source["path"] if isinstance(source["path"], list) else [source["path"]]
            files = [project / path for path in paths]
            content = b"".join(file.read_bytes() if file.is_file() else b"missing" for file in files)
            digests[name] = hashlib.sha256(content).hexdigest()
    return digests


def _set(block: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    """Those of the keys that are set: what is on disk may be from before they were there."""
    return {key: block[key] for key in keys if block.get(key) is not None}


def _chosen(parameters: Mapping[str, Any], *keys: str) -> dict[str, Any]:
    return {key: parameters[key] for key in keys}
