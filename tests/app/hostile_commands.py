"""Runs commands on hostile strings, to be run in a real terminal: `python -m tests.app.hostile_commands PART`.

The strings come in where they come in for a user: as arguments, from the engine, and in files of every kind that is
read. Exit code 0 if no command broke off with a traceback.
"""

from __future__ import annotations

import csv
import json
import os
import sys
import traceback
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import typer

from culturechat import cli, cultures, engines, paths
from culturechat.engines import Event, Failed, Finished, Request, Started, Token
from culturechat.engines.echo import Echo
from culturechat.history import History
from tests import hostile
from tests.tui.hostile_screens import APART, SAVED, SHORT, STRINGS, chat

ARGUMENTS = [
    text.replace("\0", "").encode("utf-8", "surrogatepass").decode("utf-8", "surrogateescape") for text in SHORT
]
"""As the operating system hands them over."""
LASTING = ("serve",)
"""Commands that go on until they are stopped."""


class Writer(Echo):
    """An engine whose answers are hostile strings, in pieces; the last column fails in hostile words."""

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        for place, request in enumerate(requests):
            yield Started(request.column, 10, 0, 0)
            for text in STRINGS[place :: len(requests)]:
                yield from (Token(request.column, piece) for piece in (text, APART))
            if place == len(requests) - 1:
                yield Failed(request.column, STRINGS[place])
            else:
                yield Finished(request.column, "stop", 9, 0.1, 40.0)


def parameters(command: Any, path: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], Any]]:
    """Yield every parameter of every command, with the way to the command."""
    for parameter in command.params:
        if not getattr(parameter, "is_flag", False):
            yield path, parameter
    for name, inner in getattr(command, "commands", {}).items():
        if name not in LASTING:
            yield from parameters(inner, (*path, name))


def as_arguments() -> Iterator[list[str]]:
    """Yield every parameter of every command with hostile values, and commands that are no commands."""
    places = list(parameters(typer.main.get_command(cli.app)))
    for text in ARGUMENTS[20:280]:
        path, parameter = places.pop(0)
        places.append((path, parameter))
        before = [parameter.opts[-1]] if parameter.param_type_name == "option" else []
        # without a command the screen opens, unless nobody is asked
        yield [*path, *before, text, *([] if path else ["--cultures", "nobody"])]
    for text in ARGUMENTS[:10]:
        yield [text]
        yield ["models", text]
        yield ["ask", "Why?", "--cultures", "chinese", "--adapter", f"chinese={text}.gguf"]
        yield ["probe", "--cultures", "chinese", "--question", text, "--options", f"{text}|{text[::-1]}"]
        yield ["history", "export", "--all", "--output", f"/nowhere/{text}"]


def of_the_engine() -> Iterator[list[str]]:
    """Yield what prints answers; the question comes back too."""
    names = ",".join(cultures.names())
    for more in ([], ["--json"]):
        yield ["ask", " ".join(ARGUMENTS[:50]), "--cultures", names, *more]
    yield ["ask", "Why?", "--cultures", "chinese,base", "--history"]


def of_a_survey() -> Iterator[list[str]]:
    """Yield what asks and compares a survey of the user's own, right and wrong."""
    folder = Path(os.environ["CULTURECHAT_HOME"])
    items, shares = _survey(folder)
    files = ["--items", str(items), "--shares", str(shares)]
    yield ["probe", "--cultures", "chinese,base", *files, "--json", str(folder / "run.json")]
    yield ["probe", "--cultures", "base", *files, "--json", "-"]
    yield ["compare", str(folder / "run.json"), str(folder / "run.json")]
    yield ["compare", str(folder / "run.json"), str(folder / "run.json"), "--json"]
    # halves of characters are no UTF-8, but JSON can hold them
    half = json.dumps({"a": "\ud83d", "b": "\udcff"})
    _csv(folder / "half.csv", [["item", "theme", "question", "options_json"], ["T1", "x", "Why?", half]])
    yield ["probe", "--cultures", "chinese", "--items", str(folder / "half.csv")]
    for line in ("CHN,T0,\v,0.5", "\v,T0,a,0.5", "CHN,\v,a,0.5", "CHN,T0,a,\v"):
        for text in SHORT[:10]:
            _csv(folder / "bad.csv", [["country", "item", "option", "share"], line.split(",")], text)
            yield ["probe", "--cultures", "chinese", "--items", str(items), "--shares", str(folder / "bad.csv")]


def of_damaged_files() -> Iterator[list[str]]:
    """Yield what meets files that are nothing of the kind, and settings that are wrong."""
    damaged, settings = paths.data_dir() / "damaged.json", paths.config_dir() / "config.toml"
    for path in (damaged, settings):
        path.parent.mkdir(parents=True, exist_ok=True)
    for text in SAVED[1:40:2]:
        damaged.write_text(text, "utf-8")
        yield ["history", "import", str(damaged)]
        yield ["compare", str(damaged), str(damaged)]
        for content in (f"{json.dumps(text)} = 1\n", f"base = {json.dumps(text)}\n", text):
            settings.write_text(content, "utf-8")
            yield ["ask", "Why?", "--cultures", "base"]
            yield ["settings"]
        settings.unlink()
        os.environ["CULTURECHAT_SEED"] = text.replace("\0", "")
        yield ["ask", "Why?", "--cultures", "base"]
        del os.environ["CULTURECHAT_SEED"]


def _survey(folder: Path) -> tuple[Path, Path]:
    rows = [["item", "theme", "question", "options_json"]]
    shares = [["country", "item", "option", "share"]]
    for place in range(0, 1000, 4):
        theme, question, first, second = STRINGS[place : place + 4]
        labels = json.dumps({"a": hostile.encodable(f"a {first}"), "b": hostile.encodable(f"b {second}")})
        rows.append([f"T{place}", hostile.encodable(theme), hostile.encodable(question), labels])
        shares += [["CHN", f"T{place}", code, "0.5"] for code in "ab"]
    _csv(folder / "items.csv", rows)
    _csv(folder / "shares.csv", shares)
    return folder / "items.csv", folder / "shares.csv"


def _csv(path: Path, rows: Sequence[Sequence[str]], text: str = "") -> None:
    with path.open("w", encoding="utf-8", newline="", errors="replace") as file:
        csv.writer(file).writerows([cell.replace("\v", text) for cell in row] for row in rows)


def of_the_history() -> Iterator[list[str]]:
    """Yield what lists, finds, shows, exports and changes chats."""
    folder = Path(os.environ["CULTURECHAT_HOME"])
    kept = History()
    kept.add([chat(number, SAVED[number * 83 : number * 83 + 83]) for number in range(12)])
    first = kept.entries()[-1].id
    for more in ([], ["--json"], ["--trash"]):
        yield ["history", "list", *more]
    yield ["history", "search", "evil"]
    yield ["history", "search", "evil", "--json"]
    for number in range(first, first + 12):
        yield ["history", "show", str(number)]
        yield ["history", "show", str(number), "--json"]
    for form in ("md", "html", "json", "csv"):
        yield ["history", "export", "--all", "--format", form]
    yield ["history", "export", "--all", "--format", "json", "--output", str(folder / "chats.json")]
    yield ["history", "import", str(folder / "chats.json")]
    for text in ARGUMENTS[:10]:
        yield ["history", "rename", str(first), text]
    yield ["replay", str(first)]
    yield ["replay", str(first), "--json"]


def of_cards() -> Iterator[list[str]]:
    """Yield what lists models and cultures."""
    cards = paths.user_models() / "cards"
    cards.mkdir(parents=True, exist_ok=True)
    for place in range(0, 120, 6):
        name, licence, file, install, recipe, source = SAVED[place : place + 6]
        lines = {"form": "adapter", "name": name, "licence": licence, "file": file, "bytes": 1, "sha256": "0"}
        more = {"install": install, "recipe": recipe, "culture": "chinese", "base": name, "base_sha256": "0"}
        text = "".join(f"{key} = {_toml(value)}\n" for key, value in (lines | more).items())
        survey = f"[survey]\nsource = {_toml(source)}\ncountries = [{_toml(name)}]\n"
        stem = "".join(character for character in SHORT[place] if character not in "/\0")[:60]
        (cards / f"{stem.encode('utf-8', 'surrogatepass').decode('utf-8', 'replace')}.toml").write_text(text + survey)
        yield ["models", "info", stem]
    yield from (["models"], ["models", "--json"], ["models", "verify"], ["doctor"], ["doctor", "--json"])
    yield ["cultures"]
    yield ["cultures", "--json"]


def _toml(value: object) -> str:
    return json.dumps(value, ensure_ascii=False).replace("\x7f", "\\u007f")


PARTS: Mapping[str, Callable[[], Iterator[list[str]]]] = {
    "arguments": as_arguments, "engine": of_the_engine, "survey": of_a_survey, "chats": of_the_history,
    "cards": of_cards, "damage": of_damaged_files,
}  # fmt: skip


def main(part: str) -> int:
    """Run them all; the exit code is 0 if none broke off."""
    engines.load = lambda name="llama_cpp": Writer()
    broken = [arguments for arguments in PARTS[part]() if not _runs(arguments)]
    return 1 if broken else 0


def _runs(arguments: Sequence[str]) -> bool:
    sys.argv = ["culturechat", *arguments]
    try:
        cli.main()
    except SystemExit:
        return True
    except BaseException:
        print(f"BROKEN by {ascii(list(arguments))[:300]}\n{traceback.format_exc()!a}")  # noqa: T201
        return False


if __name__ == "__main__":
    sys.exit(main(sys.argv[1]))
