"""The `models` commands: what is installed, and to build, take in, give away, check and remove it.

Heavy imports come last.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from culturechat.cli import completion, flags
from culturechat.cli.answering import LocalModels
from culturechat.errors import UsageError
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.catalogue import Card

group = typer.Typer(rich_markup_mode=None, context_settings=flags.HELP)

NumberFormat = Annotated[
    str,
    typer.Option(
        "--type",
        metavar="q4_0|q4_k_m|q8_0|f16|bf16",
        help="Number format of merged models.",
        autocompletion=completion.number_formats,
    ),
]
Model = Annotated[str, typer.Argument(help="A model's id.", autocompletion=completion.models)]


@group.callback(invoke_without_command=True)
def list_models(context: typer.Context, as_json: flags.Json = False) -> None:
    """List the models that have a card; with a command, build, import, check or remove one."""
    if context.invoked_subcommand is None:
        list_all(as_json)


@group.command("list")
def list_all(as_json: flags.Json = False) -> None:
    """List the models that have a card, as without a command."""
    from culturechat import installed, plain
    from culturechat.settings import resolve

    found = installed.everything(resolve({}).settings.context)
    rows = [plain.card_row(model.card, model.state) | model.as_json() for model in found]
    if as_json:
        plain.print_json(rows)
    else:
        plain.print_cards(rows)


@group.command("build")
def build_models(
    cultures: flags.Cultures = None,
    kind: NumberFormat = "q8_0",
    base: flags.Base = None,
) -> None:
    """Merge cultures' adapters into their base and quantize them: files of their own, for use here or elsewhere."""
    from culturechat import building, plain
    from culturechat.settings import resolve

    names, settings = flags.names(cultures), resolve({"base": base}).settings
    for name in names:
        with plain.percentage(name) as progress:
            card = building.build(name, settings.base, kind, progress)
        typer.echo(one_line(f"{card.id}: {plain.megabytes(card.bytes)}, {card.path}"))


@group.command("import")
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


@group.command("export")
def export_models(
    program: Annotated[
        str,
        typer.Option(
            "--for",
            metavar="ollama|lmstudio|hf|llm",
            help="Who takes it.",
            autocompletion=completion.programs,
        ),
    ],
    cultures: flags.Cultures = None,
    base: flags.Base = None,
    adapter: flags.Adapter = None,
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
    from culturechat.settings import resolve

    if number not in TYPES:
        raise unknown("type", number, TYPES)
    exporter = exporting.load(program)
    chosen, settings = exporting.kind(exporter, program, kind), resolve({"base": base}).settings
    for column in LocalModels(base, adapter, "adapter").columns(flags.names(cultures), settings):
        if column.culture is None:
            raise UsageError(f"{column.id} is no culture; export adapters of cultures.")
        wanted = exporting.Wanted(column, folder, chosen, number, settings)
        with plain.percentage(column.id) as progress:
            written = exporter.export(wanted, progress)
        typer.echo(one_line(f"{written.place}: {written.use}"))


@group.command("info")
def show_model(name: Model, as_json: flags.Json = False) -> None:
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


@group.command("verify")
def verify_models(
    names: Annotated[
        list[str] | None, typer.Argument(help="Ids; all by default.", autocompletion=completion.models)
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


@group.command("remove")
def remove_model(name: Model) -> None:
    """Move a model that you built or imported to the trash folder."""
    from culturechat import building

    trash = building.remove(name)
    typer.echo(one_line(f"{name} is now in {trash}; culturechat models restore {name} brings it back"))


@group.command("restore")
def restore_model(
    name: Annotated[str | None, typer.Argument(help="A removed model's id; the last one by default.")] = None,
) -> None:
    """Bring back a model that was removed."""
    from culturechat import building

    if not (names := building.removed()):
        raise UsageError("The trash folder holds no model.")
    typer.echo(one_line(f"{building.restore(name or names[0]).id} is back"))


def _card(name: str) -> Card:
    from culturechat import catalogue
    from culturechat.errors import unknown

    known = catalogue.cards()
    if name not in known:
        raise unknown("model", name, known)
    return known[name]
