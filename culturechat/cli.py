"""The command line: flags to settings, then the screen, one answer, a probe or a list. Heavy imports come last."""

from __future__ import annotations

import shutil
import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn, cast

import typer

from culturechat import __version__
from culturechat.errors import CulturechatError, UsageError

if TYPE_CHECKING:
    from culturechat.catalogue import Column
    from culturechat.engines import Engine
    from culturechat.settings import Settings
    from culturechat.survey import Bank

NARROWEST = 40
INTERRUPTED = 130

app = typer.Typer(
    add_completion=True,
    rich_markup_mode=None,
    pretty_exceptions_enable=False,
    no_args_is_help=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

Cultures = Annotated[
    str | None,
    typer.Option("--cultures", "-c", metavar="A,B,…", help="Columns: cultures, and `base` for the untouched model."),
]
Base = Annotated[
    str | None, typer.Option(metavar="ID|FILE.gguf", help="Base model: a card's id or any GGUF chat model.")
]
Adapter = Annotated[
    list[str] | None, typer.Option(metavar="CULTURE=FILE.gguf", help="A LoRA adapter of your own; may be repeated.")
]
FormOption = Annotated[
    str | None, typer.Option("--form", metavar="adapter|prompt", help="How a culture comes: by adapter or prompt only.")
]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same answer.")]
Temperature = Annotated[float | None, typer.Option(help="0 always takes the likeliest token.")]
MaxTokens = Annotated[int | None, typer.Option(help="Most tokens of one answer.")]
ContextTokens = Annotated[int | None, typer.Option("--context", help="Tokens that one column remembers.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> NoReturn:
    """Run the command line; a user's mistake is one line and exit code 2."""
    try:
        app()
    except CulturechatError as error:
        from culturechat.terminal import one_line

        typer.echo(f"culturechat: {one_line(str(error))}", err=True)
        sys.exit(error.exit_code)
    sys.exit(0)


@app.callback(invoke_without_command=True)
def compare(
    context: typer.Context,
    cultures: Cultures = None,
    base: Base = None,
    adapter: Adapter = None,
    form: FormOption = None,
    seed: Seed = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    context_tokens: ContextTokens = None,
    version: Annotated[bool, typer.Option("--version", help="Print the version.")] = False,
) -> None:
    """Ask local models of several cultures the same question, side by side, next to what people there said.

    Without a command: opens the screen, for example with `culturechat --cultures chinese,arabic`.
    """
    if version:
        typer.echo(f"culturechat {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is not None:
        if cultures is not None:
            raise UsageError(f"Put --cultures after the command: culturechat {context.invoked_subcommand} --cultures …")
        return
    settings = _settings(base, seed, temperature, max_tokens, context_tokens)
    names = _names(cultures) if cultures is not None else None
    columns = _columns(names, settings, adapter, form) if names else []
    _require_terminal()
    from culturechat import tui

    if not columns:
        columns = _columns(tui.pick() or (), settings, adapter, form)
    if columns:
        with _engine() as engine:
            raise typer.Exit(tui.run(engine, columns, settings))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What to ask; `-` or nothing reads standard input.")] = "-",
    cultures: Cultures = None,
    base: Base = None,
    adapter: Adapter = None,
    form: FormOption = None,
    seed: Seed = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    context_tokens: ContextTokens = None,
    as_json: Json = False,
) -> None:
    """Ask once and print every culture's answer. Exit code: 0 all answered, 1 some failed, 2 bad usage."""
    from culturechat.plain import Answers, print_json
    from culturechat.session import Session

    settings = _settings(base, seed, temperature, max_tokens, context_tokens)
    names = _names(cultures)
    text = _question(question)
    columns = _columns(names, settings, adapter, form)
    with _engine() as engine:
        session = Session(engine, columns, settings)
        session.open()
        answers = Answers(columns, settings.seed, silent=as_json)
        for event in session.send(text):
            answers.take(event)
    if as_json:
        print_json({"question": text, "answers": answers.as_json()})
    raise typer.Exit(0 if answers.complete else 1)


@app.command()
def probe(
    cultures: Cultures = None,
    items: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Questions of your own.")] = None,
    shares: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="How people answered them.")] = None,
    item: Annotated[str | None, typer.Option(metavar="Q33,Q36,…", help="Only these questions.")] = None,
    theme: Annotated[str | None, typer.Option(help="Only questions of this theme.")] = None,
    orders: Annotated[str, typer.Option(metavar="N|all", help="Orders of the options to average.")] = "2",
    base: Base = None,
    adapter: Adapter = None,
    form: FormOption = None,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; `-` prints it.")] = None,
) -> None:
    """Read the models' opinions on survey questions from their option probabilities, next to people's answers."""
    from culturechat import plain, probing
    from culturechat.probing.report import as_json
    from culturechat.probing.summary import summarise

    settings = _settings(base)
    names = _names(cultures)
    bank = _bank(items, shares)
    wanted = _items(bank, item, theme)
    count = _orders(orders)
    columns = _columns(names, settings, adapter, form)
    with _engine() as engine:
        engine.open(columns, settings.context)
        results = plain.with_progress(probing.probe(engine, columns, bank, wanted, count), len(columns) * len(wanted))
    summaries = summarise(results, bank)
    report = as_json(results, summaries)
    if json_path is not None and str(json_path) != "-":
        plain.write_json(json_path, report)
    if str(json_path) == "-":
        plain.print_json(report)
    else:
        plain.print_probe(results, summaries, bank)


@app.command("cultures")
def list_cultures(as_json: Json = False) -> None:
    """List the cultures that can be asked."""
    from culturechat import catalogue, cultures, plain, survey

    adapters = {card.culture for card in catalogue.cards().values() if card.form == "adapter" and card.path}
    loaded = [cultures.load(name) for name in cultures.names()]
    rows = [
        {
            "culture": culture.id,
            "name": culture.name,
            "own_name": culture.own_name,
            "language": culture.language,
            "countries": [survey.countries()[code].name for code in culture.countries],
            "form": "adapter" if culture.id in adapters else "prompt",
        }
        for culture in loaded
    ]
    if as_json:
        plain.print_json(rows)
    else:
        plain.print_table(
            ("culture", "own name", "asked in", "form"),
            [
                (str(row["culture"]), str(row["own_name"]), ", ".join(row["countries"]), str(row["form"]))
                for row in rows
            ],
        )


@app.command("models")
def list_models(as_json: Json = False) -> None:
    """List the models that have a card, and whether their weights are installed and whole."""
    from culturechat import catalogue, plain

    cards = sorted(catalogue.cards().values(), key=lambda card: (card.form != "base", card.id))
    rows = [
        {
            "model": card.id,
            "form": card.form,
            "culture": card.culture or None,
            "base": card.base or None,
            "bytes": card.bytes,
            "licence": card.licence,
            "state": catalogue.verify(card),
            "path": str(card.path) if card.path else None,
        }
        for card in cards
    ]
    if as_json:
        plain.print_json(rows)
    else:
        plain.print_table(
            ("model", "form", "size", "licence", "state"),
            [
                (
                    str(row["model"]),
                    str(row["form"]),
                    plain.megabytes(int(row["bytes"] or 0)),
                    str(row["licence"]),
                    str(row["state"]),
                )
                for row in rows
            ],
        )


@app.command()
def doctor(as_json: Json = False) -> None:
    """Say what this machine has and whether everything is in place. Exit code 1 if something is not."""
    from culturechat import health, plain

    checks = health.checks()
    if as_json:
        plain.print_json([vars(check) for check in checks])
    else:
        plain.print_table(
            ("", "what", "finding"), [("ok" if check.ok else "!!", check.what, check.finding) for check in checks]
        )
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


@contextmanager
def _engine() -> Iterator[Engine]:
    """Give the engine and end its process in every case, Ctrl-C included."""
    from culturechat import engines

    engine = engines.load()
    try:
        yield engine
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        engine.close()


def _settings(
    base: str | None,
    seed: int | None = None,
    temperature: float | None = None,
    max_tokens: int | None = None,
    context: int | None = None,
) -> Settings:
    from culturechat import settings

    flags = {"base": base, "seed": seed, "temperature": temperature, "max_tokens": max_tokens, "context": context}
    return settings.load(flags)


def _names(cultures: str | None) -> list[str]:
    names = [name.strip().lower() for name in (cultures or "").split(",") if name.strip()]
    if not names:
        raise UsageError("Name the cultures to ask: --cultures chinese,arabic (see `culturechat cultures`).")
    return names


def _columns(
    names: Sequence[str], settings: Settings, adapters: Sequence[str] | None, form: str | None
) -> list[Column]:
    from culturechat import catalogue

    if form not in (None, "adapter", "prompt"):
        raise UsageError(f"--form {form} is unknown; it is adapter or prompt.")
    files = dict(_adapter(text) for text in adapters or ())
    return catalogue.columns(names, settings.base, files, cast("catalogue.Form | None", form)) if names else []


def _adapter(text: str) -> tuple[str, Path]:
    culture, separator, path = text.partition("=")
    if not separator or not path:
        raise UsageError(f"--adapter {text}: write it as CULTURE=FILE.gguf.")
    return culture.strip().lower(), Path(path).expanduser()


def _question(argument: str) -> str:
    text = argument
    if argument == "-":
        if sys.stdin.isatty():
            raise UsageError('Ask something: culturechat ask "…" --cultures chinese,arabic, or pipe the question in.')
        text = sys.stdin.read()
    if not text.strip():
        raise UsageError("The question is empty; type one, or pipe it in.")
    return text.strip()


def _bank(items: Path | None, shares: Path | None) -> Bank:
    from culturechat import survey

    if items is None and shares is not None:
        raise UsageError("--shares needs --items: figures of people belong to a list of questions.")
    return survey.load() if items is None else survey.from_csv(items, shares)


def _items(bank: Bank, item: str | None, theme: str | None) -> list[str]:
    from culturechat.errors import unknown

    themes = {question.theme for question in bank.questions.values()}
    if theme is not None and theme not in themes:
        raise unknown("theme", theme, themes)
    named = [bank.question(code.strip()).item for code in item.split(",")] if item else list(bank.questions)
    wanted = [code for code in named if theme is None or bank.questions[code].theme == theme]
    if not wanted:
        raise UsageError(f"None of {item} belongs to theme {theme!r}.")
    return wanted


def _orders(text: str) -> int | Literal["all"]:
    if text == "all":
        return "all"
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"--orders {text}: expected a whole number from 1 on, or all.")
    return int(text)


def _require_terminal() -> None:
    if not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The screen needs a terminal; use `culturechat ask` in pipes and scripts.")
    width = shutil.get_terminal_size().columns
    if width < NARROWEST:
        raise UsageError(f"The terminal is {width} columns wide; the screen needs {NARROWEST}. Widen it or use `ask`.")
