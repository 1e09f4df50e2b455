"""The layers of the configuration, laid over one another into one set of parameters.

The YAML files hold what every model shares, a block per model (``models``), a block per domain (``domains``: what is
asked, and how it is graded), a block per objective (``train``), what all objectives share (``training``), and where
problems come from (``sources``).
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

from beyond_sharpening.errors import BadInput
from beyond_sharpening.objectives import OBJECTIVES
from beyond_sharpening.parameters.block import listed
from beyond_sharpening.parameters.own import OWN

LAYERS = ("models", "domains", "sources", "training", "train")
DOMAIN = ("task", "problems", "training", "evaluate")
"""The blocks that a domain may hold."""


class UnknownName(BadInput):
    """A parameter that names, or should be, a block of the configuration, and does not; ``path`` is its key."""

    def __init__(self, path: Sequence[str], message: str) -> None:
        super().__init__(message)
        self.path = list(path)


def compose(layers: Mapping[str, Any], asked: Mapping[str, Any]) -> dict[str, Any]:
    """Lay the layers over one another: shared < domain < model < objective < what was asked on the command line.

    What a model says of ``task`` and ``problems`` is about its own domain: another one is taken as it is.

    Args:
        layers: the merged YAML files, command line included.
        asked: the command line's own overrides, nested.

    Raises:
        UnknownName: for a model (to run, or of the grid), domain or objective that has no block, a training set or
            benchmark that has no source, or a layer that is not a block of keys.
    """
    rest = dict(layers)
    models, domains, sources, shared, train = (_block(rest.pop(name, {}), name) for name in LAYERS)
    model = str(rest.get("model"))
    _check_known(model, models, "model")
    block = dict(_block(models[model], "models", model))
    own_domain, name = block.pop("domain", None), chosen_domain(layers)
    domain = dict(_domain(name, domains, *(("domain",) if rest.get("domain") else ("models", model, "domain"))))
    if name != own_domain:
        block = {key: value for key, value in block.items() if key not in ("task", "problems")}
    own_training = merge(
        _block(domain.pop("training", {}), "domains", str(name), "training"),
        _block(block.pop("training", {}), "models", model, "training"),
    )
    asked_itself = {key: value for key, value in asked.items() if key not in LAYERS}
    trained = _trainings(train, shared, own_training, asked)
    composed = merge(rest, domain, block, asked_itself, {"domain": name, "train": trained})
    _check_asked(composed, model, domains)
    for swept in _swept(composed):
        _check_known(swept, models, "sweep", "models")
    return {**composed, "problems": _with_sources(_block(composed.get("problems"), "problems"), sources)}


def check_start(composed: Mapping[str, Any]) -> None:
    """Raise an UnknownName if nothing says where the model comes from."""
    if composed.get("base") is None:
        told = "None: missing; where the model comes from: {type: hub, path: FOLDER_OR_HUB_ID}, for one"
        raise UnknownName(("models", str(composed["model"]), "base"), told)


def _check_asked(composed: Mapping[str, Any], model: str, domains: Mapping[str, Any]) -> None:
    if composed.get("domain") is None and composed.get("problems") is None:
        told = f"None: missing; name one ({', '.join(sorted(domains))}), or give task and problems in its place"
        raise UnknownName(("models", model, "domain"), told)


def _trainings(
    train: Mapping[str, Any], shared: Mapping[str, Any], of_model: Mapping[str, Any], asked: Mapping[str, Any]
) -> dict[str, dict[str, Any]]:
    """The block of each objective of the table; what all share reaches those that take it."""
    asked_of_all, asked_of = _block(asked.get("training", {}), "training"), _block(asked.get("train", {}), "train")
    for name in train:
        _check_known(name, OBJECTIVES, "train", name)
    trained = {}
    for name, row in OBJECTIVES.items():
        own, asked_itself = (
            {} if layer.get(name) is None else _block(layer[name], "train", name) for layer in (train, asked_of)
        )
        others = {*OWN, "signal"} - {*row.takes, *(["signal"] if row.is_told else [])}
        layers = (_without(layer, others) for layer in (shared, of_model))
        asked_of_it = _without(asked_of_all, others)
        trained[name] = merge({"objective": name}, *layers, own, asked_of_it, asked_itself)
        if trained[name]["objective"] != name:
            raise UnknownName(("train", name, "objective"), f"{trained[name]['objective']!r}: must be {name}")
        if "differs" in trained[name]:
            raise UnknownName(("train", name, "differs"), "is found out, not told: leave it out")
    return trained


def _without(block: Mapping[str, Any], keys: Collection[str]) -> dict[str, Any]:
    return {key: value for key, value in block.items() if key not in keys}


def default_domain(layers: Mapping[str, Any]) -> str | None:
    """The domain that the model names; none where it says itself what is asked of it."""
    block = _block(layers["models"], "models").get(str(layers.get("model")), {})
    return block.get("domain") if isinstance(block, Mapping) else None


def chosen_domain(layers: Mapping[str, Any]) -> str | None:
    """The domain that is asked for, or the model's own."""
    return layers.get("domain") or default_domain(layers)


def _domain(name: str | None, domains: Mapping[str, Any], *path: str) -> Mapping[str, Any]:
    if name is None:
        return {}
    _check_known(name, domains, *path)
    domain = _block(domains[name], "domains", name)
    for key in domain:
        if key not in DOMAIN:
            raise UnknownName(("domains", name, key), f"{domain[key]!r}: unknown key; known: {', '.join(DOMAIN)}")
    return domain


def merge(*layers: Mapping[str, Any]) -> dict[str, Any]:
    """Deep merge of mappings; later layers win."""
    result: dict[str, Any] = {}
    for layer in layers:
        for key, value in layer.items():
            if isinstance(value, Mapping) and isinstance(result.get(key), Mapping):
                result[key] = merge(result[key], value)
            else:
                result[key] = value
    return result


def _swept(composed: Mapping[str, Any]) -> Sequence[Any]:
    """The models of the grid: a list, or one."""
    return listed(_block(composed.get("sweep", {}), "sweep").get("models", []))


def _with_sources(problems: Mapping[str, Any], sources: Mapping[str, Any]) -> dict[str, Any]:
    """The problems with the block of each source they name in place of its name."""
    given = problems.get("benchmarks")
    if not isinstance(given, str | list):
        raise UnknownName(("problems", "benchmarks"), f"{given!r}: must be a list of names of blocks under sources")
    names = listed(given)
    _check_known(problems.get("train"), sources, "problems", "train")
    for name in names:
        _check_known(name, sources, "problems", "benchmarks")
    return {**problems, "train": sources[problems["train"]], "benchmarks": {name: sources[name] for name in names}}


def _check_known(name: Any, known: Collection[str], *path: str) -> None:
    if not isinstance(name, str) or name not in known:
        raise UnknownName(path, f"{name!r}: unknown; known: {', '.join(sorted(known))}")


def _block(value: Any, *path: str) -> Mapping[str, Any]:
    if not isinstance(value, Mapping):
        raise UnknownName(path, f"{value!r}: must be a block of keys")
    return value
