"""Outside a checkout: the wheel brings its configuration, and its core works where torch is not installed."""

import os
import shutil
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest

from beyond_sharpening.errors import BadInput
from beyond_sharpening.wiring import packaged

ROOT = Path(__file__).resolve().parents[1]
NOT_OF_THE_CORE = ("torch", "transformers", "trl", "datasets", "mlflow", "kedro_mlflow", "kedro_datasets", "submitit")


@pytest.fixture(scope="module")
def unpacked(tmp_path_factory) -> Path:
    """What the wheel installs."""
    folder = tmp_path_factory.mktemp("wheel")
    for name in ("src", "conf"):
        shutil.copytree(ROOT / name, folder / name, symlinks=True, ignore=shutil.ignore_patterns("*.egg-info"))
    (folder / "conf/local/credentials.yml").write_text("hub: {token: secret}")
    for name in ("pyproject.toml", "README.md", "LICENSE"):
        shutil.copy(ROOT / name, folder)
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "--outdir", str(folder / "dist")]
    subprocess.run(build, cwd=folder, check=True, capture_output=True)
    (wheel,) = (folder / "dist").glob("*.whl")
    zipfile.ZipFile(wheel).extractall(folder / "installed")
    return folder / "installed"


@pytest.fixture
def elsewhere(tmp_path, monkeypatch) -> Path:
    """A folder that is no project."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


def outside(folder: Path, packages: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    """The command line of the unpacked wheel, where what is not of the core cannot be imported."""
    blocked = folder / "blocked"
    blocked.mkdir()
    for name in NOT_OF_THE_CORE:
        (blocked / f"{name}.py").write_text("raise ModuleNotFoundError(__name__)")
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(map(str, (blocked, packages)))}
    command = [sys.executable, "-m", "beyond_sharpening", *arguments]
    return subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True)


@pytest.mark.whole
def test_the_wheel_brings_the_configuration_but_nobodys_own(unpacked):
    def files(conf: Path) -> set[str]:
        return {path.relative_to(conf).as_posix() for path in conf.rglob("*.yml")}

    shipped = {name for name in files(ROOT / "conf") if not name.startswith("local/")}
    assert files(unpacked / "beyond_sharpening/conf") == shipped
    assert (unpacked / "beyond_sharpening/conf/local").is_dir(), "a run without --env reads this one"


@pytest.mark.whole
def test_its_core_judges_samples_without_torch_in_a_folder_that_is_no_project(unpacked, elsewhere):
    rows = [f"{policy},{n},{int(policy == 'grpo' or n % 2)}" for policy in ("base", "grpo") for n in range(20)]
    (elsewhere / "two.csv").write_text("\n".join(["policy,problem_id,correct", *rows]))
    ended = outside(elsewhere, unpacked, "compare", "two.csv", "--out=verdict")
    assert ended.returncode == 0, ended.stderr
    assert "+50.0 points" in ended.stdout
    assert ended.stderr == ""
    assert (elsewhere / "verdict/report.html").is_file()


def test_what_a_run_wants_and_is_not_installed_is_named_with_its_extra(monkeypatch):
    there = {"kedro_datasets", "kedro_mlflow"}
    monkeypatch.setattr(packaged, "find_spec", lambda name: object() if name in there else None)
    packaged.check_installed(["compare", "report"])
    with pytest.raises(BadInput, match=r"not installed: pip install 'beyond-sharpening\[experiment\]'"):
        packaged.check_installed([])  # the whole experiment
    there.clear()
    with pytest.raises(BadInput, match=r"not installed: pip install 'beyond-sharpening\[analysis\]'"):
        packaged.check_installed(["report"])


def test_the_folder_one_stands_in_is_the_project_unless_a_configuration_lies_in_another(elsewhere):
    assert packaged.conf_source() == str(packaged.CONF)
    assert packaged.project_of(packaged.CONF) == elsewhere
    assert packaged.project_of("conf-beyond_sharpening.tar.gz") == elsewhere
    assert packaged.project_of(ROOT / "conf") == ROOT
    (elsewhere / "conf").mkdir()
    assert packaged.conf_source() is None  # Kedro takes the one that is there


def test_the_configuration_in_the_package_is_that_of_the_checkout():
    assert packaged.CONF.resolve() == ROOT / "conf"


@pytest.mark.whole
def test_help_is_what_was_asked_for_and_nothing_else():
    """Kedro calls the entry point before it loads any plugin."""
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["entry-points"]["kedro.init"]
    (target,) = entry.values()
    module, _, function = target.partition(":")
    code = (
        "from kedro.framework.project import LOGGING\n"
        f"from {module} import {function}\n{function}()\n"
        "from kedro.framework.cli import main\nmain()"
    )
    asked = subprocess.run([sys.executable, "-c", code, "run", "--help"], cwd=ROOT, capture_output=True, text=True)
    assert asked.stdout.startswith("Usage: ")
    assert asked.stderr == ""
