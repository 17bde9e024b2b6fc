"""The `settings` command: what holds and why, and changes to the settings file. Heavy imports come last."""

from __future__ import annotations

from typing import Annotated, Any

import typer

from culturechat.cli.flags import HELP, Json
from culturechat.terminal import one_line

group = typer.Typer(rich_markup_mode=None, context_settings=HELP)

Key = Annotated[str, typer.Argument(metavar="KEY", help="Such as seed, prompts.chinese or keys.chat.survey.")]


@group.callback(invoke_without_command=True)
def list_settings(context: typer.Context, as_json: Json = False) -> None:
    """List every setting, its value, and where the value comes from; with a command, change the settings file."""
    if context.invoked_subcommand is not None:
        return
    from culturechat import plain
    from culturechat.settings import resolve
    from culturechat.tui import options

    resolved = resolve({})
    options.check_all(resolved)
    rows = []
    for option in options.all_options():
        origin = resolved.origin(option.key)
        rows.append(
            {
                "key": option.key,
                "value": option.value(resolved.settings),
                "from": origin.kind,
                "place": origin.place or None,
                "default": option.default,
                "about": option.about,
            }
        )
    if as_json:
        plain.print_json(rows)
    else:
        cells = [(str(row["key"]), shown(row["value"]), str(row["place"] or row["from"])) for row in rows]
        plain.print_table(("setting", "value", "from"), cells)


@group.command("set")
def change(key: Key, value: Annotated[str, typer.Argument(metavar="VALUE", help="The new value.")]) -> None:
    """Write a value into the settings file; the rest of the file stays as it is."""
    from culturechat.settings import changed, file, resolve
    from culturechat.tui import options

    option = options.find(key)
    parsed = option.parsed(value)
    before = resolve({}).settings
    options.check(changed(before, {key: parsed}))
    path = file.put({key: parsed})
    typer.echo(one_line(f"{key} = {shown(parsed)}, in {path}"))
    _say_what_beats_it(key)


@group.command()
def unset(key: Key) -> None:
    """Take a value out of the settings file, so that the default holds again."""
    from culturechat.settings import file, resolve
    from culturechat.tui import options

    file.remove(key)
    known = {option.key: option for option in options.all_options()}
    if key in known:
        typer.echo(one_line(f"{key} is {shown(known[key].value(resolve({}).settings))} now"))
        _say_what_beats_it(key)
    else:
        typer.echo(one_line(f"{key} is gone; there is no such setting."))


def shown(value: Any) -> str:
    """Return a value for one cell of a table."""
    text = one_line("true" if value is True else "false" if value is False else str(value))
    return text if len(text) <= 60 else f"{text[:59]}…"


def _say_what_beats_it(key: str) -> None:
    from culturechat.settings import resolve

    origin = resolve({}).origin(key)
    if origin.kind == "environment":
        typer.echo(one_line(f"As long as {origin.place} is set, that holds instead."), err=True)
