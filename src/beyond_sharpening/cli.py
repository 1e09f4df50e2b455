"""The project's command line: Kedro's own ``run``, which skips what is there, ``sweep``, which runs a grid of it, and
``compare``, which judges samples that somebody else drew.

All speak plainly of bad input.
"""

from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

import click
from kedro.framework.cli.project import PARAMS_ARG_HELP
from kedro.framework.cli.project import run as kedro_run
from kedro.framework.cli.utils import _split_params
from kedro.framework.project import pipelines

from beyond_sharpening import interruption
from beyond_sharpening.errors import BadInput, DryRun, ToldError
from beyond_sharpening.wiring import packaged
from beyond_sharpening.wiring.again import EVERYTHING


@click.group(name="beyond_sharpening")
def cli() -> None:
    """The commands of this project."""


@cli.command(help="Run a pipeline; what it has already made is skipped unless --again is given.")
@click.option(
    "--again",
    metavar="[STAGE+...]",
    is_flag=False,
    flag_value=EVERYTHING,
    help="Make stages anew, over what is there: prepare, train (or train_tilted), evaluate, compare, report, ...; "
    "without a stage, everything.",
)
def run(again: str | None, **options: Any) -> Any:
    options["only_missing_outputs"] = True
    if again is not None:
        options["params"] = {**options["params"], "again": again}
    if options["pipeline"] and not options["pipelines"]:  # Kedro warns of the one it will drop
        options |= {"pipelines": [options["pipeline"]], "pipeline": None}
    options["conf_source"] = options["conf_source"] or packaged.conf_source()
    with suppress(DryRun), _plain_errors():  # the plan has been printed
        named = [*filter(None, [options["pipeline"]]), *options["pipelines"]]
        packaged.check_installed(named)
        _check_pipelines(named)
        _check_runner(options["runner"])
        return kedro_run.callback(**options)  # type: ignore[misc]


def _joined(context: click.Context, option: click.Parameter, values: Any) -> Any:
    """All that ``--params`` was given, as one: click would keep the last and drop the others."""
    return _split_params(context, option, ",".join(values) if isinstance(values, tuple) else values)


PARAMS = click.Option(
    ["--params"], multiple=True, type=click.UNPROCESSED, help=PARAMS_ARG_HELP, callback=_joined, metavar="KEY=VALUE,..."
)
_OWN = ("only_missing_outputs", "params")
run.params += [option for option in kedro_run.params if option.name not in _OWN] + [PARAMS]


@cli.command()
@click.option("--list", "only_list", is_flag=True, help="Print the cells and how far each is, and launch nothing.")
def sweep(only_list: bool, env: str | None, params: dict[str, Any]) -> None:
    """Train and evaluate a grid of cells, each a `kedro run` in a job of its own.

    The grid is the block `sweep` of conf/base/parameters_sweep.yml: models, seeds, and for each objective the values
    of its coefficients. What all cells of a model share is made first. The jobs run on this machine
    (sweep.executor=local) or on a SLURM cluster (slurm), sweep.at_once of them at a time, with hardware.processes
    GPUs each: one with --env=gpu, four with --env=multi_gpu, and none without --env, on the processor. dry_run=true is
    --list. Several values are written 0+1.

    \b
    kedro sweep --list
    kedro sweep --params=sweep.models=tiny,sweep.seeds=0+1,sweep.at_once=2
    kedro sweep --env=gpu --params=sweep.models=qwen25_3b,sweep.at_once=8
    kedro sweep --env=gpu --params=sweep.executor=slurm,sweep.at_once=40,sweep.slurm.partition=gpu

    What --params says of anything but the sweep holds for every cell. A cell that fails stops no other; the last
    table says why and names its log. Ctrl-C, or SIGTERM, cancels the jobs. The same command again skips what is
    finished and goes on with what is half-trained. In MLflow the sweep is one run, with those of its cells nested.
    """
    with _plain_errors():
        from beyond_sharpening.sweep.launch import launch
        from beyond_sharpening.sweep.plan import make_plan
        from beyond_sharpening.wiring.preflight import refuse

        plan = make_plan(env, params, lambda line: click.echo(line, err=True), only_look=only_list)
        if not plan.places:
            click.echo("\n".join(f"{task.state:23} {task.name}" for task in plan.tasks))
            refuse(plan.shortages())
            return
        outcomes = launch(plan, click.echo)
    click.echo("")
    for name, outcome in outcomes.items():
        click.echo(f"{outcome.ending:9} {name}" + (f"  {outcome.log}" if outcome.log else ""))
        if outcome.ending == "failed" and (cause := outcome.cause()):
            click.echo(f"          {cause}")
    counts = Counter(outcome.ending for outcome in outcomes.values())
    if missing := counts["failed"] + counts["not run"]:
        raise click.ClickException(
            f"{missing} of {len(outcomes)} did not finish: read their logs; the same command tries them again"
        )


sweep.params += [option for option in kedro_run.params if option.name == "env"] + [PARAMS]


@cli.command()
@click.argument("files", nargs=-1, required=True, metavar="[NAME=]FILE_OR_FOLDER...")
@click.option("--base", help="The policy that the others were trained from.  [default: guessed from the names]")
@click.option("--primary", metavar="A:B,...", help="The contrasts to decide on.  [default: all against the base]")
@click.option(
    "--columns", metavar="THEIRS=OURS,...", help="What the files call our columns, as answer=gold,ok=correct."
)
@click.option("--filter", metavar="NAME", help="Of lm-evaluation-harness's filters, the one to believe.")
@click.option("--grade", is_flag=True, help="Grade the completions anew, though the files say what is correct.")
@click.option("--out", default="data/08_reporting/compare", show_default=True, help="The folder to write to.")
def compare(
    files: tuple[str, ...], columns: str | None, filter: str | None, grade: bool, out: str, **asked: Any
) -> None:
    """Judge samples that somebody else drew: no model is needed, and nothing of the project is run.

    Reads CSV, JSONL, JSON and parquet tables, logs of lm-evaluation-harness, lighteval and inspect_ai, dumps of verl
    and limit-of-RLVR, TRL's completions. Of a table a problem's id and `correct` are enough, or `completion` and
    `gold`, which are graded. A folder is searched for files; NAME= says which policy they are of, where they do not.

    \b
    kedro compare two_policies.csv
    kedro compare base=evals/Qwen2.5-7B grpo=evals/my_grpo --out=verdict
    kedro compare results.csv --columns=model=policy,qid=problem_id,is_right=correct --base=Qwen2.5-7B

    Says what it recognised and guessed, and writes report.html, report.md, summary.json and samples.parquet.
    """
    with _plain_errors():
        from beyond_sharpening.pipelines.compare.files import Question, compare_files
        from beyond_sharpening.readers import Wishes

        wishes = Wishes(_mapping(columns), filter)
        folder = Path(out).expanduser()
        lines = compare_files(files, Question(wishes=wishes, anew=grade, **asked), folder)
    click.echo("\n".join([*lines, f"The report: {folder / 'report.html'}"]))


def _mapping(columns: str | None) -> dict[str, str]:
    """``theirs=ours,…`` as ours -> theirs."""
    mapping: dict[str, str] = {}
    for text in columns.split(",") if columns else []:
        theirs, separator, ours = (part.strip() for part in text.rpartition("="))
        if not separator or not theirs or not ours:
            raise BadInput(f"--columns: {text!r} is not THEIRS=OURS, as is_right=correct")
        if ours in mapping:
            raise BadInput(f"--columns: both {mapping[ours]!r} and {theirs!r} are to be {ours!r}")
        mapping[ours] = theirs
    return mapping


@contextmanager
def _plain_errors() -> Iterator[None]:
    interruption.reset()  # what an earlier command of this process was told is not this one's
    try:
        yield
    except Exception as error:
        # A library may have wrapped what the signal raised: whatever ended a run that was told to stop, that is why.
        told = interruption.reason() or _told(error)
        if told is None:
            raise
        raise click.ClickException(told) from error


def _told(error: BaseException | None) -> str | None:
    """The words of a ``ToldError``, which Kedro's data sets wrap, or of Kedro about a node that is not there."""
    if isinstance(error, ValueError) and str(error).startswith("Pipeline does not contain"):
        return f"{error} `kedro registry describe PIPELINE` lists the nodes of a pipeline"
    while error is not None and not isinstance(error, ToldError):
        error = error.__cause__
    return None if error is None else str(error)


def _check_runner(name: str | None) -> None:
    if name is not None and name.rpartition(".")[2] == "ParallelRunner":
        raise BadInput(
            f"--runner={name}: MLflow's data sets cannot be shared between processes. Leave it out: hardware.processes "
            "is how many processes evaluate and train, and `kedro sweep` makes several cells at once"
        )


def _check_pipelines(names: list[str]) -> None:
    for name in names:
        if name not in pipelines:
            raise BadInput(f"--pipeline={name}: unknown; known: {', '.join(sorted(pipelines))}")
