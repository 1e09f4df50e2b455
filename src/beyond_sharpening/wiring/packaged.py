"""Outside a checkout: the package brings its configuration, and the folder one stands in is the project."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path

from kedro.utils import find_kedro_project

from beyond_sharpening.errors import BadInput

CONF = Path(__file__).parents[1] / "conf"
"""The configuration that lies in the package; in a checkout it is the same as ``conf`` there."""

NEEDED = {"kedro_datasets": "analysis", "kedro_mlflow": "analysis"}
"""What a run needs beyond the core, and the extra that installs it."""

FOR_MODELS = {"torch": "experiment", "transformers": "experiment", "trl": "experiment"}
"""What is needed by runs that make or ask models."""

WITHOUT_MODELS = {"compare", "report"}
"""Pipelines that read what others have made."""


def in_checkout() -> bool:
    """True where Kedro finds a project of its own."""
    return find_kedro_project(Path.cwd()) is not None


def conf_source() -> str | None:
    """The configuration to run with: None is Kedro's choice, the folder ``conf`` of the project."""
    return None if in_checkout() or Path("conf").is_dir() else str(CONF)


def project_of(conf_source: str | Path) -> Path:
    """The project that a configuration belongs to: the folder it lies in, or where one stands."""
    conf = Path(conf_source)
    return conf.resolve().parent if conf.is_dir() and conf != CONF else Path.cwd()


def check_installed(pipelines: list[str]) -> None:
    """Refuse a run whose packages were not installed.

    Raises:
        BadInput: with the extra that installs them.
    """
    needed = NEEDED | ({} if pipelines and WITHOUT_MODELS.issuperset(pipelines) else FOR_MODELS)
    missing = {extra: package for package, extra in needed.items() if find_spec(package) is None}
    if missing:
        extra = max(missing)  # experiment holds analysis
        raise BadInput(f"{missing[extra]} is not installed: pip install 'beyond-sharpening[{extra}]'")
