"""The command line: flags to settings, then the screen, one answer, a probe or a list. Heavy imports come last."""

from __future__ import annotations

import os
import shutil
import sys
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, NoReturn

import typer

from culturechat import __version__, cli_completion
from culturechat.cli_history import history
from culturechat.cli_server import Remote, Server, ServerModel, remote
from culturechat.cli_settings import settings as settings_command
from culturechat.errors import CulturechatError, UsageError
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.catalogue import Card, Column, Form
    from culturechat.engines import Engine
    from culturechat.history import Chat, Recorder
    from culturechat.probing import Source
    from culturechat.settings import Resolved, Settings
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

models = typer.Typer(rich_markup_mode=None, context_settings={"help_option_names": ["-h", "--help"]})
app.add_typer(models, name="models")
app.add_typer(history, name="history")
app.add_typer(settings_command, name="settings")

Cultures = Annotated[
    str | None,
    typer.Option(
        "--cultures",
        "-c",
        metavar="A,B,…",
        help="Columns: cultures, and `base` for the untouched model.",
        autocompletion=cli_completion.columns,
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        metavar="ID|FILE.gguf",
        help="Base model: a card's id or any GGUF chat model.",
        autocompletion=cli_completion.bases,
    ),
]
Adapter = Annotated[
    list[str] | None, typer.Option(metavar="CULTURE=FILE.gguf", help="A LoRA adapter of your own; may be repeated.")
]
FormOption = Annotated[
    str | None,
    typer.Option(
        "--form",
        metavar="merged|adapter|one|prompt",
        help="How a culture comes; by default the fastest there is.",
        autocompletion=cli_completion.forms,
    ),
]
TopP = Annotated[float | None, typer.Option(help="Draw from the likeliest tokens with this share together.")]
MinP = Annotated[float | None, typer.Option(help="Leave out tokens below this share of the likeliest one's.")]
Seed = Annotated[int | None, typer.Option(help="The same seed gives the same answer.")]
Temperature = Annotated[float | None, typer.Option(help="0 always takes the likeliest token.")]
MaxTokens = Annotated[int | None, typer.Option(help="Most tokens of one answer.")]
ContextTokens = Annotated[int | None, typer.Option("--context", help="Tokens that one column remembers.")]
Deterministic = Annotated[
    bool | None, typer.Option("--deterministic", help="Let no column's text depend on the columns beside it.")
]
InterfaceLanguage = Annotated[
    str | None,
    typer.Option(
        metavar="auto|CODE", help="Language of the screen's words, such as de; auto: as the environment says."
    ),
]
Language = Annotated[
    str | None,
    typer.Option(metavar="english|own|both", help="Language in which a model is told its culture; both: two columns."),
]
Rtl = Annotated[
    str | None,
    typer.Option(
        metavar="auto|logical|visual", help="Who orders Arabic: the terminal (logical), we (visual), whoever can."
    ),
]
NumberFormat = Annotated[
    str,
    typer.Option(
        "--type",
        metavar="q4_0|q4_k_m|q8_0|f16|bf16",
        help="Number format of merged models.",
        autocompletion=cli_completion.number_formats,
    ),
]
Model = Annotated[str, typer.Argument(help="A model's id.", autocompletion=cli_completion.models)]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


def main() -> NoReturn:
    """Run the command line; a user's mistake is one line and exit code 2."""
    try:
        app(prog_name="culturechat")  # of `python -m culturechat` too, so that completion is for the command
    except CulturechatError as error:
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
    server: Server = None,
    server_model: ServerModel = None,
    seed: Seed = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    context_tokens: ContextTokens = None,
    deterministic: Deterministic = None,
    top_p: TopP = None,
    min_p: MinP = None,
    chat: Annotated[int | None, typer.Option(metavar="ID", help="Go on with a chat of the history.")] = None,
    keep: Annotated[
        bool | None, typer.Option("--history/--no-history", help="Keep what is asked and answered, or do not.")
    ] = None,
    interface_language: InterfaceLanguage = None,
    rtl: Rtl = None,
    language: Language = None,
    plain: Annotated[
        bool, typer.Option("--plain", help="Chat line by line, without the screen: for screen readers and pipes.")
    ] = False,
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
    resolved = _resolved(
        base=base,
        seed=seed,
        temperature=temperature,
        max_tokens=max_tokens,
        context=context_tokens,
        deterministic=deterministic,
        top_p=top_p,
        min_p=min_p,
        history=keep,
        interface_language=interface_language,
        rtl=rtl,
        language=language,
    )
    settings = resolved.settings
    if chat is not None and cultures is not None:
        raise UsageError("--chat brings its own columns; leave --cultures out.")
    names = _names(cultures) if cultures is not None else None
    there = remote(server, server_model, base=base, adapter=adapter, form=form)
    columns = _asked(names, settings, adapter, form, there) if names else []
    past = _chat(chat) if chat is not None else None
    if past is not None:
        from culturechat.history import voices

        columns = voices.columns(past, there.columns if there else None)
    if plain:
        columns = columns or _asked(_names(cultures), settings, adapter, form, there)
        raise typer.Exit(_converse(columns, settings, past, _finder(adapter, form, there), there))
    _require_terminal()
    from culturechat import locale, tui

    locale.use(locale.choose(settings.interface_language))

    tui.check(resolved)
    picked = None if columns else tui.pick(settings)
    if picked is not None:
        columns = _asked(picked.columns, settings, adapter, form, there)
    if columns:
        with _engine(there) as engine:
            probing = picked is not None and picked.probe
            find = _finder(adapter, form, there)
            raise typer.Exit(tui.run(engine, columns, resolved, past, probe=probing, find=find))


@app.command()
def ask(
    question: Annotated[str, typer.Argument(help="What to ask; `-` or nothing reads standard input.")] = "-",
    cultures: Cultures = None,
    base: Base = None,
    adapter: Adapter = None,
    form: FormOption = None,
    server: Server = None,
    server_model: ServerModel = None,
    seed: Seed = None,
    temperature: Temperature = None,
    max_tokens: MaxTokens = None,
    context_tokens: ContextTokens = None,
    deterministic: Deterministic = None,
    top_p: TopP = None,
    min_p: MinP = None,
    language: Language = None,
    keep: Annotated[bool, typer.Option("--history/--no-history", help="Keep it in the history.")] = False,
    as_json: Json = False,
) -> None:
    """Ask once and print every culture's answer. Exit code: 0 all answered, 1 some failed, 2 bad usage."""
    from culturechat.plain import Answers, print_json
    from culturechat.session import Session

    settings = _settings(
        base=base,
        seed=seed,
        temperature=temperature,
        max_tokens=max_tokens,
        context=context_tokens,
        deterministic=deterministic,
        top_p=top_p,
        min_p=min_p,
        language=language,
    )
    names = _names(cultures)
    text = _question(question)
    there = remote(server, server_model, base=base, adapter=adapter, form=form)
    columns = _asked(names, settings, adapter, form, there)
    with _engine(there) as engine, _recorder(columns, settings, keep) as recorder:
        session = Session(engine, columns, settings, recorder)
        if shortage := session.open():
            typer.echo(f"culturechat: {one_line(shortage)}", err=True)
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
    wvs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="People's answers from the survey's own file (.csv or .sav).")
    ] = None,
    question: Annotated[str | None, typer.Option(metavar='"…"', help="One question of your own.")] = None,
    options: Annotated[str | None, typer.Option(metavar='"A|B|…"', help="Its options, in scale order.")] = None,
    item: Annotated[str | None, typer.Option(metavar="Q33,Q36,…", help="Only these questions.")] = None,
    theme: Annotated[str | None, typer.Option(help="Only questions of this theme.")] = None,
    orders: Annotated[str, typer.Option(metavar="N|all", help="Orders of the options to average.")] = "2",
    styles: Annotated[
        str, typer.Option(metavar="letters,backwards,digits,words", help="Marks of the options to average.")
    ] = "letters",
    restatements: Annotated[bool, typer.Option("--restatements", help="Ask the other wordings too.")] = False,
    language: Annotated[
        str, typer.Option(metavar="english|own", help="Ask in English, or each culture in its own language.")
    ] = "english",
    base: Base = None,
    adapter: Adapter = None,
    form: FormOption = None,
    server: Server = None,
    server_model: ServerModel = None,
    seed: Annotated[int, typer.Option(min=0, help="Seed of the intervals.")] = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same run was stopped.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; `-` prints it.")] = None,
    csv_path: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a long table.")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Parquet (needs polars).")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a report as one web page.")] = None,
    lm_eval: Annotated[
        Path | None, typer.Option("--export-lm-eval", metavar="DIR", help="Write the bank as lm-eval tasks and stop.")
    ] = None,
) -> None:
    """Read the models' opinions on survey questions from their option probabilities, next to people's answers."""
    from culturechat import plain, probing
    from culturechat.probing import output
    from culturechat.probing.plan import plan as checked_plan

    settings = _settings(base=base)
    names = _names(cultures)
    bank, source = _bank(items, shares, wvs, question, options)
    wanted = probing.select(bank, item.split(",") if item else None, theme)
    how = checked_plan(_orders(orders), _split(styles), restatements, language)
    if lm_eval is not None:
        plain.say(output.export_lm_eval(lm_eval, names, bank, wanted, how))
        return
    files = output.Files(json_path, csv_path, parquet, html)
    files.check()
    there = remote(server, server_model, base=base, adapter=adapter, form=form)
    columns = _columns(names, settings, adapter, form, there)
    with _engine(there) as engine, plain.stoppable("Stopped; the same command with --resume goes on from here."):
        run = probing.probe_columns(
            engine, columns, bank, wanted, how, seed, source, resume, plain.progress, settings.context
        )
    files.write(run, plain.today())
    if files.prints_json:
        plain.say(run.to_json())
    else:
        plain.print_probe(run)


@app.command("compare")
def compare_runs(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A.json", help="What `probe --json` wrote.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B.json", help="The same, of other models or settings.")],
    seed: Annotated[int, typer.Option(min=0, help="Seed of the intervals.")] = 0,
    most: Annotated[int, typer.Option(min=0, help="Questions that moved most to print.")] = 15,
    as_json: Json = False,
) -> None:
    """Compare two probe runs question by question: which is nearer to the people, and what moved most."""
    from culturechat import plain
    from culturechat.probing import compare as comparing

    comparison = comparing.compare(comparing.read(run_a), comparing.read(run_b), seed)
    if as_json:
        plain.say(comparing.as_json(comparison))
    else:
        plain.print_comparison(comparison, most)


@app.command()
def serve(
    as_api: Annotated[
        bool, typer.Option("--api", help="Offer each culture as a model of an OpenAI-compatible endpoint.")
    ] = False,
    cultures: Annotated[
        str | None,
        typer.Option(
            "--cultures",
            "-c",
            metavar="A,B,…",
            help="What is offered; by default all and base.",
            autocompletion=cli_completion.columns,
        ),
    ] = None,
    base: Base = None,
    adapter: Adapter = None,
    form: FormOption = None,
    context_tokens: ContextTokens = None,
    host: Annotated[
        str, typer.Option(help="Address to listen on; off this machine a token is required.")
    ] = "127.0.0.1",
    port: Annotated[int, typer.Option(help="0 takes any that is free.")] = 8090,
    seats: Annotated[int, typer.Option(metavar="N", help="Answers of one culture at the same time.")] = 1,
) -> None:
    """Serve the screen to a browser on this machine, or with --api the cultures to other programs, until Ctrl-C."""
    from culturechat import catalogue, cli_serve
    from culturechat import cultures as known

    if not as_api:
        cli_serve.screen(cultures, base, host, port)
        return
    settings = _settings(base=base, context=context_tokens)
    names = _names(cultures) if cultures is not None else [*known.names(), catalogue.BASE_COLUMN]
    columns = _columns(names, settings, adapter, form)
    with _engine() as engine:
        cli_serve.api(engine, columns, settings, host, port, seats)


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


@models.callback(invoke_without_command=True)
def list_models(context: typer.Context, as_json: Json = False) -> None:
    """List the models that have a card; with a command, build, import, check or remove one."""
    from culturechat import installed, plain

    if context.invoked_subcommand is not None:
        return
    found = installed.everything(_settings().context)
    rows = [plain.card_row(model.card, model.state) | model.as_json() for model in found]
    if as_json:
        plain.print_json(rows)
    else:
        plain.print_cards(rows)


@models.command("build")
def build_models(
    cultures: Cultures = None,
    kind: NumberFormat = "q8_0",
    base: Base = None,
) -> None:
    """Merge cultures' adapters into their base and quantize them: files of their own, for use here or elsewhere."""
    from culturechat import building, plain

    names, settings = _names(cultures), _settings(base=base)
    for name in names:
        with plain.percentage(name) as progress:
            card = building.build(name, settings.base, kind, progress)
        typer.echo(one_line(f"{card.id}: {plain.megabytes(card.bytes)}, {card.path}"))


@models.command("import")
def import_model(
    path: Annotated[
        Path, typer.Argument(help="A GGUF file (chat model, culture's model or adapter) or a folder of them.")
    ],
    culture: Annotated[str | None, typer.Option(help="The culture it speaks for, where the file does not say.")] = None,
) -> None:
    """Copy GGUF files of your own into the models folder, after checking them."""
    from culturechat import building, plain

    files = sorted(path.glob("*.gguf")) if path.is_dir() else [path]
    if not files:
        raise UsageError(f"{path}: there is no .gguf file in this folder.")
    for file in files:
        card = building.take_in(file, culture)
        use = f"--base {card.id}" if card.form == "base" else f"--cultures {card.culture}"
        typer.echo(one_line(f"{card.id}: {card.form}, {plain.megabytes(card.bytes)}; use it with {use}"))


@models.command("export")
def export_models(
    program: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="ollama|lmstudio|hf|llm",
            help="Who takes it.",
            autocompletion=cli_completion.programs,
        ),
    ],
    cultures: Cultures = None,
    base: Base = None,
    adapter: Adapter = None,
    kind: Annotated[
        str | None, typer.Option("--as", metavar="merged|adapter", help="By default what suits the program best.")
    ] = None,
    number: NumberFormat = "q8_0",
    folder: Annotated[Path, typer.Option("--to", metavar="DIR", help="Where to.")] = Path("exported"),
) -> None:
    """Write cultures' models as other programs want them: Ollama, LM Studio, the Hugging Face hub, `llm`."""
    from culturechat import exporting, plain
    from culturechat.engines.llama_cpp.quantizer import TYPES
    from culturechat.errors import unknown

    if number not in TYPES:
        raise unknown("type", number, TYPES)
    exporter = exporting.load(program)
    chosen, settings = exporting.kind(exporter, program, kind), _settings(base=base)
    for column in _columns(_names(cultures), settings, adapter, "adapter"):
        if column.culture is None:
            raise UsageError(f"{column.id} is no culture; export adapters of cultures.")
        wanted = exporting.Wanted(column, folder, chosen, number, settings)
        with plain.percentage(column.id) as progress:
            written = exporter.export(wanted, progress)
        typer.echo(one_line(f"{written.place}: {written.use}"))


@models.command("info")
def show_model(name: Model, as_json: Json = False) -> None:
    """Show all that a model's card says."""
    from culturechat import catalogue, plain

    card = _card(name)
    row = plain.card_row(card, catalogue.verify(card)) | {
        "name": card.name,
        "sha256": card.sha256,
        "base_sha256": card.base_sha256 or None,
        "recipe": card.recipe or None,
        "seed": card.seed,
        "survey": vars(card.survey) if card.survey else None,
        "scores": card.scores or None,
    }
    if as_json:
        plain.print_json(row)
    else:
        plain.print_fields(row)


@models.command("verify")
def verify_models(
    names: Annotated[
        list[str] | None, typer.Argument(help="Ids; all by default.", autocompletion=cli_completion.models)
    ] = None,
) -> None:
    """Read the files through and check their sizes and SHA-256. Exit code 1 if one is missing or damaged."""
    from culturechat import catalogue, plain

    cards = [_card(name) for name in names or catalogue.cards()]
    states = {}
    for card in cards:
        with plain.percentage(one_line(card.id)) as progress:
            states[card.id] = catalogue.verify(card, progress)
        typer.echo(one_line(f"{card.id}: {states[card.id]}"))
    raise typer.Exit(0 if set(states.values()) <= {"ok"} else 1)


@models.command("remove")
def remove_model(name: Model) -> None:
    """Move a model that you built or imported to the trash folder."""
    from culturechat import building

    trash = building.remove(name)
    typer.echo(one_line(f"{name} is now in {trash}; culturechat models restore {name} brings it back"))


@models.command("restore")
def restore_model(
    name: Annotated[str | None, typer.Argument(help="A removed model's id; the last one by default.")] = None,
) -> None:
    """Bring back a model that was removed."""
    from culturechat import building

    if not (names := building.removed()):
        raise UsageError("The trash folder holds no model.")
    typer.echo(one_line(f"{building.restore(name or names[0]).id} is back"))


@app.command()
def replay(
    chat: Annotated[int, typer.Argument(metavar="ID", help="The chat's number, as `history list` shows it.")],
    turn: Annotated[int | None, typer.Option(min=1, metavar="N", help="Only this question; all by default.")] = None,
    as_json: Json = False,
) -> None:
    """Ask again what a chat asked and say whether the same is answered. Exit code 1 if anything differs."""
    from culturechat import plain, replaying
    from culturechat.engines.llama_cpp import facts

    verdicts = []
    past = _chat(chat)
    with _engine() as engine:
        for verdict in replaying.replay(engine, facts.version(), past, turn):
            verdicts.append(verdict)
            if not as_json:
                plain.print_verdict(verdict)
    if as_json:
        plain.print_json([plain.verdict_row(verdict) for verdict in verdicts])
    raise typer.Exit(0 if all(verdict.identical for verdict in verdicts) else 1)


@app.command()
def doctor(
    cultures: Cultures = None,
    base: Base = None,
    adapter: Adapter = None,
    form: FormOption = None,
    as_json: Json = False,
) -> None:
    """Say what this machine has, whether all is in place, and what these cultures need. Exit code 1 if not."""
    from culturechat import health, plain

    checks = health.checks()
    if cultures:
        settings = _settings(base=base)
        checks.append(health.room(_columns(_names(cultures), settings, adapter, form), settings))
    if as_json:
        plain.print_json([vars(check) for check in checks])
    else:
        plain.print_table(
            ("", "what", "finding"), [("ok" if check.ok else "!!", check.what, check.finding) for check in checks]
        )
    raise typer.Exit(0 if all(check.ok for check in checks) else 1)


@contextmanager
def _engine(there: Remote | None = None) -> Iterator[Engine]:
    """Give the engine and end its work in every case, Ctrl-C included."""
    from culturechat import engines

    engine = there.engine() if there else engines.load()
    try:
        yield engine
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None
    finally:
        engine.close()


def _converse(
    columns: Sequence[Column],
    settings: Settings,
    past: Chat | None,
    find: Callable[[str, str, int], Column],
    there: Remote | None,
) -> int:
    """Chat line by line and return the exit code."""
    from dataclasses import replace

    from culturechat import survey
    from culturechat.line_mode import LineMode
    from culturechat.session import Session
    from culturechat.survey.search import closest

    if past is not None:
        settings = replace(settings, base=past.columns[0].base)
    with _engine(there) as engine, _recorder(columns, settings, settings.history, past) as recorder:
        session = Session(engine, columns, settings, recorder, past)
        if shortage := session.open():
            typer.echo(f"culturechat: {shortage}", err=True)
        prompt = "> " if sys.stdin.isatty() else ""
        return 0 if LineMode(session, survey.load(), closest, find, prompt=prompt).run() else 1


@contextmanager
def _recorder(
    columns: Sequence[Column], settings: Settings, keep: bool, past: Chat | None = None
) -> Iterator[Recorder | None]:
    """Give what writes the history, if it is wanted; a failure is one line on standard error."""
    if not keep:
        yield None
        return
    from culturechat.engines.llama_cpp import facts
    from culturechat.history import History

    recorder = History().record(columns, settings, columns[0].server or facts.version(), past)
    recorder.watch(lambda message: typer.echo(f"culturechat: {message}", err=True) if message else None)
    try:
        yield recorder
    finally:
        recorder.close()


def _settings(**flags: str | float | bool | None) -> Settings:
    return _resolved(**flags).settings


def _resolved(**flags: str | float | bool | None) -> Resolved:
    from culturechat import settings

    return settings.resolve(flags)


def _names(cultures: str | None) -> list[str]:
    names = [name.strip().lower() for name in (cultures or "").split(",") if name.strip()]
    if not names:
        raise UsageError("Name the cultures to ask: --cultures chinese,arabic (see `culturechat cultures`).")
    return names


def _columns(
    names: Sequence[str],
    settings: Settings,
    adapters: Sequence[str] | None,
    form: str | None,
    there: Remote | None = None,
) -> list[Column]:
    from culturechat import catalogue

    if there and names:
        return there.columns(names)
    files, forced = _adapters(adapters), _form(form)
    return catalogue.columns(names, settings.base, files, forced) if names else []


def _finder(
    adapters: Sequence[str] | None, form: str | None, there: Remote | None
) -> Callable[[str, str, int], Column]:
    """Return what finds a further column by its name and base, beside so many others."""
    from culturechat import catalogue

    files, forced = _adapters(adapters), _form(form)

    def find(name: str, base: str, beside: int) -> Column:
        found = there.columns([name]) if there else catalogue.columns([name], base, files, forced, beside)
        return found[0]

    return find


def _form(form: str | None) -> Form | None:
    from culturechat import catalogue

    known = next((one for one in catalogue.FORCED if one == form), None)
    if form is not None and known is None:
        raise UsageError(
            f"--form {form} is unknown; it is {', '.join(catalogue.FORCED[:-1])} or {catalogue.FORCED[-1]}."
        )
    return known


def _adapters(texts: Sequence[str] | None) -> dict[str, Path]:
    return dict(_adapter(text) for text in texts or ())


def _asked(
    names: Sequence[str], settings: Settings, adapters: Sequence[str] | None, form: str | None, there: Remote | None
) -> list[Column]:
    """Return what answers, in the language of the prompts that is set."""
    from culturechat import catalogue

    return catalogue.in_language(_columns(names, settings, adapters, form, there), settings.language)


def _chat(number: int) -> Chat:
    from culturechat.history import History

    return History().load(number)


def _card(name: str) -> Card:
    from culturechat import catalogue
    from culturechat.errors import unknown

    known = catalogue.cards()
    if name not in known:
        raise unknown("model", name, known)
    return known[name]


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


def _bank(
    items: Path | None, shares: Path | None, wvs: Path | None, question: str | None, options: str | None
) -> tuple[Bank, Source]:
    from culturechat.probing import banks

    if items is None and shares is not None:
        raise UsageError("--shares needs --items: figures of people belong to a list of questions.")
    if wvs is not None and shares is not None:
        raise UsageError("--wvs and --shares both say how people answered; give one of them.")
    if (question is None) != (options is None):
        raise UsageError('--question and --options belong together: --question "…" --options "Agree|Disagree".')
    if question is not None and options is not None:
        if items is not None or wvs is not None:
            raise UsageError("--question is asked alone, without --items or --wvs.")
        return banks.typed(question, options)
    return banks.load(items, shares, wvs)


def _split(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def _orders(text: str) -> int | Literal["all"]:
    if text == "all":
        return "all"
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"--orders {text}: expected a whole number from 1 on, or all.")
    return int(text)


def _require_terminal() -> None:
    in_browser = "web_driver" in os.environ.get("TEXTUAL_DRIVER", "")
    if not in_browser and not (sys.stdin.isatty() and sys.stdout.isatty()):
        raise UsageError("The screen needs a terminal; use `culturechat ask` in pipes and scripts.")
    width = shutil.get_terminal_size().columns
    if width < NARROWEST:
        raise UsageError(f"The terminal is {width} columns wide; the screen needs {NARROWEST}. Widen it or use `ask`.")
