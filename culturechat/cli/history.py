"""The `history` command: what the history screen does, for pipes and scripts. Heavy imports come last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from culturechat.cli.flags import HELP, Chat, Json
from culturechat.errors import UsageError
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.history import Entry, History
    from culturechat.history.votes import Proportion, Tally

group = typer.Typer(rich_markup_mode=None, no_args_is_help=True, context_settings=HELP)

Most = Annotated[int, typer.Option(min=-1, help="No more than these; -1 lists all.")]


@group.callback()
def about() -> None:
    """List, search, show, export and manage the chats that were kept."""


@group.command("list")
def list_chats(
    most: Most = -1,
    trash: Annotated[bool, typer.Option("--trash", help="List what was deleted.")] = False,
    as_json: Json = False,
) -> None:
    """List the chats, those that changed last first."""
    _print(_history().entries(most, trash=trash), as_json)


@group.command()
def search(
    words: Annotated[list[str], typer.Argument(help="What has to occur; several words in quotation marks: '\"a b\"'.")],
    most: Most = -1,
    as_json: Json = False,
) -> None:
    """List the chats in which all words occur, in questions, answers or titles. Exit code 1 if there is none."""
    found = _history().search(" ".join(words), most)
    _print(found, as_json)
    raise typer.Exit(0 if found else 1)


@group.command()
def show(chat: Chat, as_json: Json = False) -> None:
    """Print a chat."""
    from culturechat import plain
    from culturechat.history import files

    plain.say(files.render([_history().load(chat)], "json" if as_json else "md"))


@group.command()
def rename(chat: Chat, title: Annotated[str, typer.Argument(help="The new title.")]) -> None:
    """Give a chat another title."""
    _history().rename(chat, title)


@group.command()
def duplicate(chat: Chat) -> None:
    """Copy a chat and print the copy's number."""
    typer.echo(_history().duplicate(chat))


@group.command()
def delete(chats: Annotated[list[int], typer.Argument(metavar="ID…", help="The chats' numbers.")]) -> None:
    """Put chats in the trash, from where `undo` and `restore` bring them back."""
    for chat in chats:
        _history().delete(chat)
        typer.echo(f"Chat {chat} is in the trash; culturechat history restore {chat} brings it back.")


@group.command()
def undo() -> None:
    """Bring back the chat that was deleted last."""
    typer.echo(f"Chat {_history().restore()} is back.")


@group.command()
def restore(chat: Chat) -> None:
    """Bring back a chat from the trash."""
    typer.echo(f"Chat {_history().restore(chat)} is back.")


@group.command("empty-trash")
def empty_trash(yes: Annotated[bool, typer.Option("--yes", "-y", help="Do not ask.")] = False) -> None:
    """Delete for good what is in the trash."""
    count = _history().count(trash=True)
    if count and not yes:
        typer.confirm(f"Delete {_chats(count)} for good?", abort=True)
    typer.echo(f"{_chats(_history().empty_trash())} deleted for good.")


@group.command()
def export(
    chats: Annotated[list[int] | None, typer.Argument(metavar="ID…", help="The chats' numbers.")] = None,
    everything: Annotated[bool, typer.Option("--all", help="Export all chats, oldest first.")] = False,
    form: Annotated[str, typer.Option("--format", metavar="md|html|json|csv", help="What to write.")] = "md",
    output: Annotated[Path | None, typer.Option(metavar="FILE", help="Where to; standard output by default.")] = None,
) -> None:
    """Write chats as Markdown, a web page, JSON that can be imported, or a table of the answers (CSV)."""
    from culturechat import plain
    from culturechat.history import files

    if bool(chats) == everything:
        raise UsageError("Name the chats to export by their numbers, or export --all.")
    kept = _history()
    numbers = chats or [entry.id for entry in reversed(kept.entries())]
    loaded = kept.load_all(numbers) if numbers else []
    if output is None:
        plain.say(files.render(loaded, form))
    else:
        files.write(output, loaded, form)
        typer.echo(one_line(f"{_chats(len(loaded))} written to {output}."), err=True)


@group.command("import")
def take_in(
    file: Annotated[Path, typer.Argument(help="What `export --format json` wrote, here or elsewhere.")],
) -> None:
    """Add the chats of an exported JSON file; those that are here already are left out."""
    from culturechat.history import files

    kept = _history()
    chats = files.read(file)
    missing = kept.missing(chats)
    numbers = kept.add(missing) if missing else []
    left = len(chats) - len(missing)
    known = f", {left} left out because {'it is' if left == 1 else 'they are'} here already" if left else ""
    typer.echo(f"{_chats(len(numbers))} imported{f' as {_range(numbers)}' if numbers else ''}{known}.")


@group.command()
def votes(as_json: Json = False) -> None:
    """Sum up blind mode by culture: how often voted best, how often recognised, with 95 % Wilson intervals.

    `chance` is what choosing at random among the columns would give.
    """
    from culturechat import plain

    tallies = _history().votes()
    if as_json:
        plain.print_json([_tally(tally) for tally in tallies])
        return
    rows = [(tally.culture, str(tally.rounds), *_shares(tally.best), *_shares(tally.recognised)) for tally in tallies]
    heads = ("culture", "rounds", "voted best", "95 %", "chance", "recognised", "95 %", "chance")
    plain.print_table(heads, rows)


def _history() -> History:
    from culturechat.history import History

    return History()


def _print(entries: list[Entry], as_json: bool) -> None:
    from culturechat import plain
    from culturechat.history.files import local_time

    if as_json:
        plain.print_json([_row(entry) for entry in entries])
        return
    rows = []
    for entry in entries:
        what = "".join(entry.found) if entry.found else entry.title
        note = f"{entry.unfinished} unfinished" if entry.unfinished else ""
        rows.append((str(entry.id), local_time(entry.changed), ",".join(entry.columns), str(entry.turns), what, note))
    plain.print_table(("id", "changed", "columns", "turns", "title", ""), rows)


def _row(entry: Entry) -> dict[str, object]:
    row: dict[str, object] = {
        "id": entry.id,
        "title": entry.title,
        "created": entry.created.isoformat(),
        "changed": entry.changed.isoformat(),
        "columns": list(entry.columns),
        "turns": entry.turns,
        "unfinished": entry.unfinished,
    }
    return row | ({"found": "".join(entry.found)} if entry.found else {})


def _shares(part: Proportion) -> tuple[str, str, str]:
    if not part.of:
        return "-", "", ""
    low, high = part.interval
    return f"{part.count} of {part.of} ({part.share:.0%})", f"{low:.0%}–{high:.0%}", f"{part.chance:.0%}"


def _tally(tally: Tally) -> dict[str, object]:
    return {
        "culture": tally.culture,
        "rounds": tally.rounds,
        "best": _proportion(tally.best),
        "recognised": _proportion(tally.recognised),
    }


def _proportion(part: Proportion) -> dict[str, object]:
    if not part.of:
        return {"count": 0, "of": 0, "share": None, "low": None, "high": None, "chance": None}
    low, high = part.interval
    numbers = {"share": part.share, "low": low, "high": high, "chance": part.chance}
    return {"count": part.count, "of": part.of} | {name: round(value, 4) for name, value in numbers.items()}


def _chats(count: int) -> str:
    return f"{count} chat{'s' if count != 1 else ''}"


def _range(numbers: list[int]) -> str:
    return str(numbers[0]) if len(numbers) == 1 else f"{numbers[0]}–{numbers[-1]}"
