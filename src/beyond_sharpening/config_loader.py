"""Configuration as Kedro loads it, composed and validated: a run that loads its parameters has good ones."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from beyond_sharpening.errors import BadInput


class ExperimentConfigLoader(OmegaConfigLoader):
    """``OmegaConfigLoader`` whose parameters are the composed, validated set of ``beyond_sharpening.parameters``.

    Catalog entries reach them through two resolvers: ``${parameter:data}`` and ``${cell:tilted}``, the
    place of a trained policy among others (``tilted/alpha2-beta100/seed-0``).
    """

    def __init__(self, conf_source: str | Path, env: str | None = None, *args: Any, **kwargs: Any) -> None:
        _check_environment(Path(conf_source), env)
        self._validated: dict[str, Any] | None = None
        super().__init__(conf_source, env, *args, **kwargs)

    def __getitem__(self, key: str) -> dict[str, Any]:
        if key == "catalog":
            # Resolvers are the process's, parameters this loader's: another loader may have registered its own since.
            OmegaConf.register_new_resolver("parameter", lambda name: self["parameters"][name], replace=True)
            OmegaConf.register_new_resolver("cell", self._cell, replace=True)
        if key != "parameters":
            return super().__getitem__(key)
        if self._validated is None:
            self._validated = self._load_parameters()
        return self._validated

    def _load_parameters(self) -> dict[str, Any]:
        from pydantic import ValidationError

        from beyond_sharpening.parameters import Parameters, compose

        asked = OmegaConf.to_container(OmegaConf.create(self.runtime_params or {}))
        composed = compose(super().__getitem__("parameters"), asked)  # type: ignore[arg-type]
        project = Path(self.conf_source).resolve().parent
        models = project / str(composed["data"]) / "06_models" / str(composed["model"])
        places = {"project": str(project), "workspace": str(models / "workspace")}
        try:
            return Parameters.model_validate({**composed, **places}).model_dump(mode="json")
        except ValidationError as error:
            faults = [self._describe(fault, composed["model"]) for fault in error.errors()]
            raise BadInput("invalid parameters, nothing was run:\n" + "\n".join(faults)) from None

    def _describe(self, fault: Mapping[str, Any], model: str) -> str:
        path = [str(part) for part in fault["loc"]]
        value = "" if isinstance(fault["input"], Mapping) else f" = {fault['input']!r}"
        return f"  {self._origin(path, model)}: {'.'.join(path)}{value}: {fault['msg']}"

    def _origin(self, path: list[str], model: str) -> str:
        """Where a parameter was set: the command line, or the file of the innermost layer that names it."""
        inside = path[2:] if path[:1] == ["train"] else path
        candidates = [path, ["models", model, *path], ["models", model, "training", *inside], ["training", *inside]]
        for candidate in candidates:
            for where, tree in self._trees():
                if _holds(tree, candidate):
                    return where
        return str(Path(self.conf_source) / self.base_env)

    def _trees(self) -> Iterator[tuple[str, Any]]:
        yield "--params", OmegaConf.to_container(OmegaConf.create(self.runtime_params or {}))
        for environment in (self.env or self.default_run_env, self.base_env):
            for file in sorted(Path(self.conf_source, environment).glob("parameters*.yml")):
                yield f"{Path(self.conf_source).name}/{environment}/{file.name}", yaml.safe_load(file.read_text())

    def _cell(self, policy: str) -> str:
        from beyond_sharpening.parameters import Training

        parameters = self["parameters"]
        variant = Training.model_validate(parameters["train"][policy]).variant()
        return f"{policy}/{variant}/seed-{parameters['train_seed']}"


def _check_environment(conf_source: Path, env: str | None) -> None:
    if env is not None and conf_source.is_dir() and not (conf_source / env).is_dir():
        known = sorted(folder.name for folder in conf_source.iterdir() if folder.is_dir())
        raise BadInput(f"--env={env}: there is no folder {conf_source.name}/{env}; known: {', '.join(known)}")


def _holds(tree: Any, path: list[str]) -> bool:
    """True if the tree has the path; what lies inside a list counts as held."""
    for part in path:
        if isinstance(tree, list):
            return True
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True
