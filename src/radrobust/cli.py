"""The command line: one command a stage, and the everyday ones. No logic lives here."""

from __future__ import annotations

import sys
from itertools import chain
from pathlib import Path
from typing import Annotated

import typer

from radrobust.core.cost import measured
from radrobust.core.errors import InputError
from radrobust.core.params import load_params
from radrobust.core.paths import cache_folder

app = typer.Typer(
    help="Can this radiograph classifier be trusted?",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

SystemKey = Annotated[str, typer.Argument(help="A system's key, as in params.yaml.")]


@app.command()
def program() -> None:
    """Note which sources each stage runs."""
    from radrobust.stages.program import program

    program(load_params())


@app.command()
def check() -> None:
    """See that nothing stands in the way of the study in params.yaml."""
    from radrobust.stages.check import check

    check(load_params())


@app.command()
def read() -> None:
    """Read every film of the dataset, once."""
    from radrobust.stages.read import read

    params = load_params()
    with measured("read", params):
        read(params)


@app.command()
def audit() -> None:
    """Look for what could spoil the study: broken files, copies, and ways to guess the label."""
    from radrobust.stages.audit import audit

    params = load_params()
    with measured("audit", params):
        audit(params)


@app.command()
def prepare() -> None:
    """Split the films into those that train, validate and test."""
    from radrobust.stages.prepare import prepare

    params = load_params()
    with measured("prepare", params):
        prepare(params)


@app.command()
def finetune(system: SystemKey) -> None:
    """Train one system on the training split."""
    from radrobust.stages.finetune import finetune

    params = load_params()
    with measured("finetune", params, system):
        finetune(system, params)


@app.command()
def attack(system: SystemKey) -> None:
    """Attack one system on the test split."""
    from radrobust.stages.attack import attack

    params = load_params()
    with measured("attack", params, system):
        attack(system, params)


@app.command()
def explain(system: SystemKey) -> None:
    """Explain one system's answers and hold the maps against the finding."""
    from radrobust.stages.explain import explain

    params = load_params()
    with measured("explain", params, system):
        explain(system, params)


@app.command()
def summarise() -> None:
    """Compute every figure that is shown, with its interval."""
    from radrobust.stages.summarise import summarise

    params = load_params()
    with measured("summarise", params):
        summarise(params)


@app.command()
def cases() -> None:
    """Draw every test film and map for the case browser."""
    from radrobust.stages.cases import cases

    cases(load_params())


@app.command()
def tables() -> None:
    """Write every table as CSV and Parquet, for download."""
    from radrobust.stages.tables import tables

    tables(load_params())


@app.command()
def page(name: Annotated[str, typer.Argument(help="A page in reports/, without .py.")]) -> None:
    """Execute one page of the report."""
    from radrobust.stages.page import page

    page(name, load_params())


@app.command()
def renderer() -> None:
    """Note what renders the site here: Quarto, or else smalldocs."""
    from radrobust.stages.site import renderer

    renderer()


@app.command()
def site() -> None:
    """Render the executed pages into the website."""
    from radrobust.stages.site import site

    site()


@app.command()
def compare(
    revisions: Annotated[
        list[str],
        typer.Argument(metavar="REV…", help="Git revisions or experiments; held to the first."),
    ],
) -> None:
    """Lay experiments beside each other, and beside what lies here."""
    from radrobust.stages.compare import compare

    typer.echo(compare(revisions, load_params()))


@app.command()
def data(
    name: Annotated[str, typer.Argument(help="The dataset, such as fracatlas.")],
    source: Annotated[
        Path | None,
        typer.Option("--from", help="Its folder or zip archive; else it is fetched."),
    ] = None,
) -> None:
    """Bring a real dataset into data/."""
    from radrobust.data.importing import import_dataset

    typer.echo(import_dataset(name, source, cache_folder(load_params().cache)))


systems = typer.Typer(help="The systems of the catalogue.", invoke_without_command=True)
app.add_typer(systems, name="systems")


@systems.callback()
def list_systems(context: typer.Context) -> None:
    """List the systems of the catalogue."""
    from radrobust.systems.listing import listing

    if context.invoked_subcommand is None:
        typer.echo(listing())


@systems.command()
def show(system: SystemKey) -> None:
    """Tell all that the catalogue knows of one system."""
    from radrobust.systems.listing import description

    typer.echo(description(system))


@app.command()
def doctor() -> None:
    """Tell what this machine can run; exit code 1 if not the study in params.yaml."""
    from radrobust.stages.doctor import catalogue, examine

    params, obstacles = load_params(), 0
    for finding in chain(examine(params), catalogue(params)):
        typer.echo(finding)
        obstacles += finding.obstacle
    sys.exit(1 if obstacles else 0)


def main() -> None:
    """Run the command line; unusable input ends in one line and exit code 2."""
    try:
        app()
    except InputError as error:
        typer.echo(f"radrobust: {error}", err=True)
        sys.exit(2)
