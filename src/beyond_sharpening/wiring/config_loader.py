"""Configuration as Kedro loads it, composed and validated: a run that loads its parameters has good ones."""

from __future__ import annotations

import itertools
import sys
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

import yaml
from kedro.config import OmegaConfigLoader
from omegaconf import OmegaConf

from beyond_sharpening.errors import BadInput
from beyond_sharpening.wiring.packaged import project_of

if TYPE_CHECKING:
    from beyond_sharpening.parameters import Parameters, Training


class ExperimentConfigLoader(OmegaConfigLoader):
    """``OmegaConfigLoader`` whose parameters are the composed, validated set of ``beyond_sharpening.parameters``.

    Catalog entries reach them through a resolver, ``${parameter:data}``. An entry with ``{objective}`` in its name is
    one for each objective, with ``{objective}`` and ``{cell}``, the place of its trained cell
    (``tilted/alpha2-beta100/seed-0``), filled in: Kedro's own factories know nothing of parameters.
    """

    def __init__(self, conf_source: str | Path, env: str | None = None, *args: Any, **kwargs: Any) -> None:
        _check_environment(Path(conf_source), env)
        self._project = project_of(conf_source)
        if str(self._project) not in sys.path:  # graders and judges may be files of the project
            sys.path.append(str(self._project))
        # MLflow reads a relative sqlite address from the working directory: a notebook would make its own.
        resolvers = {"project": self._below_the_project, **kwargs.pop("custom_resolvers", {})}
        self._layers: dict[str, Any] | None = None
        self._in_files: dict[str, Any] | None = None
        self._varied: dict[str, Any] = {}
        self._validated: dict[str, Any] | None = None
        super().__init__(conf_source, env, *args, custom_resolvers=resolvers, **kwargs)

    def _below_the_project(self, path: str) -> str:
        return (self._project / Path(path).expanduser()).as_posix()

    def __getitem__(self, key: str) -> dict[str, Any]:
        if key == "catalog":
            # Resolvers are the process's, parameters this loader's: another loader may have registered its own since.
            OmegaConf.register_new_resolver("parameter", lambda name: self["parameters"][name], replace=True)
            return dict(self._filled_in(self._read(key)))
        if key != "parameters":
            return self._read(key)
        if self._validated is None:
            self._validated = self._load_parameters()
        return self._validated

    def _read(self, key: str) -> dict[str, Any]:
        try:
            return super().__getitem__(key)
        except yaml.YAMLError as error:
            if faults := list(self._broken()):
                raise BadInput("invalid configuration, nothing was run:\n" + "\n".join(faults)) from error
            raise
        except UnicodeDecodeError as error:
            told = f"{self._no_text()} is no text in UTF-8: save it as such"
            raise BadInput(f"invalid configuration, nothing was run:\n  {told}") from error
        except ValueError as error:
            if str(error).startswith("Duplicate keys"):
                told = f"{error}: a key may stand in only one file of a folder; remove one of the two"
                raise BadInput(f"invalid configuration, nothing was run:\n  {told}") from error
            raise

    def _no_text(self) -> str:
        """The first file that is not UTF-8, by its name."""
        for environment in self._environments():
            for file in sorted(Path(self.conf_source, environment).rglob("*.yml")):
                try:
                    file.read_text(encoding="utf-8")
                except UnicodeDecodeError:
                    return str(file.relative_to(Path(self.conf_source).parent))
        return str(self.conf_source)

    def _broken(self) -> Iterator[str]:
        """The files that are not YAML, with the line where each breaks off."""
        for environment in self._environments():
            for file in sorted(Path(self.conf_source, environment).rglob("*.yml")):
                try:
                    OmegaConf.load(file)
                except yaml.MarkedYAMLError as error:
                    line = f", line {error.problem_mark.line + 1}" if error.problem_mark else ""
                    yield f"  {file.relative_to(Path(self.conf_source).parent)}{line}: not YAML: {error.problem}"

    def vary(self, varied: Mapping[str, Any]) -> None:
        """Lay these parameters over those of the command line, in place of the last ones; no file is read again."""
        self._varied, self._validated = dict(varied), None

    def _load_parameters(self) -> dict[str, Any]:
        from pydantic import ValidationError

        from beyond_sharpening.cells.place import run_folder
        from beyond_sharpening.parameters import Parameters
        from beyond_sharpening.parameters.block import at_home
        from beyond_sharpening.parameters.layers import UnknownName, check_start, compose, default_domain, merge

        if self._layers is None:
            self._layers = self._read("parameters")
        layers = merge(self._layers, self._varied)
        try:
            composed = compose(layers, self._asked())
            check_start(composed)
        except UnknownName as error:
            where, key = self._origin(error.path, layers)
            raise BadInput(f"invalid parameters, nothing was run:\n  {where}: {key} = {error}") from None
        project = self._project
        folder = run_folder(str(composed["model"]), composed["domain"], default_domain(layers))
        data = project / at_home(str(composed["data"]))
        shared = _block_type(composed.get("base")) == "hub"  # weights of the hub are the same for every domain
        places = {
            "project": str(project),
            "place": folder,
            "start_place": str(composed["model"]) if shared else folder,
            "workspace": str(data / "06_models" / folder / "workspace"),
            "parts": str(data / "07_model_output" / folder / "parts"),
        }
        try:
            parameters = Parameters.model_validate({**composed, **places})
        except ValidationError as error:
            faults = dict.fromkeys(self._describe(fault, layers) for fault in error.errors())
            raise BadInput("invalid parameters, nothing was run:\n" + "\n".join(faults)) from None
        self._check_trl(parameters, layers)
        own = self._named_by_what_differs(parameters, layers)
        return parameters.model_copy(update={"train": own}).model_dump(mode="json")

    def _without_what_is_asked(self) -> dict[str, Any]:
        """What the files say: read again where the command line says something too."""
        if self._in_files is None:
            asked, self.runtime_params = self.runtime_params, {}
            try:
                self._in_files = self._read("parameters") if asked or self._layers is None else self._layers
            finally:
                self.runtime_params = asked
        return self._in_files

    @staticmethod
    def _soft_merge(config: dict[str, Any], env_config: dict[str, Any], env_path: str | None = None) -> dict[str, Any]:
        """One environment over the other; both are plain by now, and OmegaConf would wrap each value once more."""
        from beyond_sharpening.parameters.layers import merge

        return merge(config, env_config)

    def _named_by_what_differs(self, parameters: Parameters, layers: Mapping[str, Any]) -> dict[str, Training]:
        """The trainings, told what of them differs from the model's default: what the files say, without ``--params``.

        A model that the command line alone knows is its own default.
        """
        from beyond_sharpening.parameters import Training
        from beyond_sharpening.parameters.layers import compose

        chosen = {key: layers[key] for key in ("model", "domain") if key in layers}  # which blocks are meant
        files = {**self._without_what_is_asked(), **chosen}
        files |= {
            layer: {**layers[layer], **files.get(layer, {})} for layer in ("models", "domains") if layer in layers
        }
        default = compose(files, {})["train"]
        return {
            name: options.unlike(Training.model_validate(default[name])) for name, options in parameters.train.items()
        }

    def _check_trl(self, parameters: Parameters, layers: Mapping[str, Any]) -> None:
        """Only TRL knows its arguments, and it takes seconds to ask: only when there are some."""
        for name, options in parameters.train.items():
            if options.trl:
                from beyond_sharpening.training.arguments import unknown_trl_arguments

                for argument in unknown_trl_arguments(options):
                    where, key = self._origin(["train", name, "trl", argument], layers)
                    raise BadInput(
                        f"invalid parameters, nothing was run:\n  {where}: {key} = {options.trl[argument]!r}: "
                        "no argument of TRL's RLOOConfig"
                    )

    def _asked(self) -> dict[str, Any]:
        from beyond_sharpening.parameters.layers import merge

        asked: Any = OmegaConf.to_container(OmegaConf.create(self.runtime_params or {}))
        return merge(asked, self._varied)

    def _describe(self, fault: Mapping[str, Any], layers: Mapping[str, Any]) -> str:
        from beyond_sharpening.parameters import block_types, locate

        keys, block = locate(fault["loc"])
        given = fault["input"]
        message = fault["msg"].removeprefix("Value error, ")
        if fault["type"] == "extra_forbidden":
            _, parent = locate(fault["loc"][:-1])
            message = f"unknown key; known: {', '.join(sorted(parent.model_fields))}"
        elif fault["type"] in ("union_tag_invalid", "union_tag_not_found"):
            keys, given = [*keys, "type"], given.get("type", {})
            wrong = "missing" if fault["type"] == "union_tag_not_found" else "unknown"
            message = f"{wrong}; known: {', '.join(block_types(block))}"
        where, key = self._origin(keys, layers)
        value = "" if isinstance(given, Mapping) else f" = {given!r}"
        return f"  {where}: {key}{value}: {message}"

    def _origin(self, path: list[str], layers: Mapping[str, Any]) -> tuple[str, str]:
        """Where a parameter was set, and its key there: the command line, or the innermost layer that names it."""
        asked, files = ("--params", self._asked()), list(self._files())
        for depth in range(len(path), 0, -1):
            candidates = list(_candidates(path[:depth], layers))
            for trees in ([asked], files):
                for candidate, (where, tree) in itertools.product(candidates, trees):
                    if _holds(tree, candidate):
                        return where, ".".join([*candidate, *path[depth:]])
        return f"{Path(self.conf_source).name}/{self.base_env}", ".".join(path)

    def _files(self) -> Iterator[tuple[str, Any]]:
        for environment in self._environments():
            for file in sorted(Path(self.conf_source, environment).glob("parameters*.yml")):
                where = f"{Path(self.conf_source).name}/{environment}/{file.name}"
                yield where, yaml.load(file.read_text(), yaml.CSafeLoader)

    def _environments(self) -> tuple[str, str]:
        """Innermost first."""
        return self.env or self.default_run_env, self.base_env

    def _filled_in(self, catalog: Mapping[str, Any]) -> Iterator[tuple[str, Any]]:
        """The entries of a catalog, those with ``{objective}`` in their name once for each objective."""
        from beyond_sharpening.cells.place import place_of

        parameters = self["parameters"]
        for name, entry in catalog.items():
            if "{objective}" not in name:
                yield name, entry
                continue
            for objective, options in parameters["train"].items():
                cell = place_of(options, parameters["train_seed"])
                yield name.replace("{objective}", objective), _fill(entry, {"{objective}": objective, "{cell}": cell})


def _fill(entry: Any, values: Mapping[str, str]) -> Any:
    """An entry with placeholders in its texts replaced."""
    if isinstance(entry, Mapping):
        return {key: _fill(value, values) for key, value in entry.items()}
    if isinstance(entry, list):
        return [_fill(value, values) for value in entry]
    if isinstance(entry, str):
        for placeholder, value in values.items():
            entry = entry.replace(placeholder, value)
    return entry


def _check_environment(conf_source: Path, env: str | None) -> None:
    if env is not None and conf_source.is_dir() and not (conf_source / env).is_dir():
        known = sorted(folder.name for folder in conf_source.iterdir() if folder.is_dir())
        raise BadInput(f"--env={env}: there is no folder {conf_source.name}/{env}; known: {', '.join(known)}")


def _candidates(path: list[str], layers: Mapping[str, Any]) -> Iterator[list[str]]:
    """The keys at which the layers may have set a parameter, innermost first."""
    from beyond_sharpening.parameters.layers import chosen_domain, merge

    blocks = [("models", str(layers.get("model"))), ("domains", str(chosen_domain(layers)))]
    yield path
    if path[0] == "train":
        yield from ([*block, "training", *path[2:]] for block in blocks)
        yield ["training", *path[2:]]
    elif path[0] == "problems" and len(path) > 2:
        named = merge(*(_at(layers, [*block, "problems"]) for block in reversed(blocks)), layers.get("problems", {}))
        yield ["sources", named.get("train", ""), *path[2:]] if path[1] == "train" else ["sources", *path[2:]]
    else:
        yield from ([*block, *path] for block in blocks)


def _at(tree: Any, path: list[str]) -> Mapping[str, Any]:
    """The block at a path; empty where there is none."""
    for part in path:
        tree = tree.get(part) if isinstance(tree, Mapping) else None
    return tree if isinstance(tree, Mapping) else {}


def _block_type(block: Any) -> Any:
    return block.get("type") if isinstance(block, Mapping) else None


def _holds(tree: Any, path: list[str]) -> bool:
    """True if the tree has the path."""
    for part in path:
        if not isinstance(tree, Mapping) or part not in tree:
            return False
        tree = tree[part]
    return True
