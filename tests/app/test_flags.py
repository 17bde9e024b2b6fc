"""Flags in groups: what a command takes as one parameter is several flags on the command line."""

from __future__ import annotations

from typing import Annotated

import typer
from typer.testing import CliRunner

from culturechat.cli.flags import Drawing, Json, grouped

app = typer.Typer()


@app.command()
@grouped
def draw(*, text: Annotated[str, typer.Argument()], drawing: Drawing, as_json: Json = False) -> None:
    typer.echo(f"{text} {drawing.seed} {drawing.top_p} {drawing.deterministic} {as_json}")


def test_each_flag_of_a_group_comes_where_its_command_reads_it() -> None:
    done = CliRunner().invoke(app, ["x", "--seed", "3", "--deterministic", "--json"])
    assert done.output == "x 3 None True True\n"


def test_the_flags_of_a_group_stand_in_the_help_where_the_command_has_the_group() -> None:
    shown = CliRunner().invoke(app, ["--help"]).output
    places = [shown.index(flag) for flag in ("--seed", "--context", "--min-p", "--json")]
    assert places == sorted(places)
