"""The project's command line: Kedro's own ``run``, which skips what is there and speaks plainly of bad input."""

from typing import Any

import click
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.project import pipelines

from beyond_sharpening import interruption
from beyond_sharpening.errors import BadInput, DryRun, WorkerFailed


@click.group(name="beyond_sharpening")
def cli() -> None:
    """The commands of this project."""


@cli.command(help="Run a pipeline; what it has already made is skipped unless --again is given.")
@click.option("--again", is_flag=True, help="Make everything anew, over what is there.")
def run(again: bool, **options: Any) -> Any:
    options["only_missing_outputs"] = not again
    try:
        _check_pipelines([options["pipeline"] or "__default__", *options["pipelines"]])
        return kedro_run.callback(**options)  # type: ignore[misc]
    except DryRun:
        return None  # the plan has been printed
    except Exception as error:
        # A library may have wrapped what the signal raised: whatever ended a run that was told to stop, that is why.
        told = interruption.reason() or (str(error) if isinstance(error, BadInput | WorkerFailed) else None)
        if told is None:
            raise
        raise click.ClickException(told) from error


run.params += [option for option in kedro_run.params if option.name != "only_missing_outputs"]


def _check_pipelines(names: list[str]) -> None:
    for name in names:
        if name not in pipelines:
            raise BadInput(f"--pipeline={name}: unknown; known: {', '.join(sorted(pipelines))}")
