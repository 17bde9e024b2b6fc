"""The flags that several commands take, alone or in groups. Knows nothing of what the commands do with them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, fields, is_dataclass
from functools import wraps
from inspect import Parameter, Signature, signature
from typing import Annotated, Any, TypeVar, get_type_hints

import typer

from culturechat.cli import completion
from culturechat.errors import UsageError

Result = TypeVar("Result")

HELP = {"help_option_names": ["-h", "--help"]}

Cultures = Annotated[
    str | None,
    typer.Option(
        "--cultures",
        "-c",
        metavar="A,B,…",
        help="Columns: cultures, and `base` for the untouched model.",
        autocompletion=completion.columns,
    ),
]
Base = Annotated[
    str | None,
    typer.Option(
        metavar="ID|FILE.gguf",
        help="Base model: a card's id or any GGUF chat model.",
        autocompletion=completion.bases,
    ),
]
Adapter = Annotated[
    list[str] | None, typer.Option(metavar="CULTURE=FILE.gguf", help="A LoRA adapter of your own; may be repeated.")
]
Context = Annotated[int | None, typer.Option(help="Tokens that one column remembers.")]
Language = Annotated[
    str | None,
    typer.Option(metavar="english|own|both", help="Language in which a model is told its culture; both: two columns."),
]
Chat = Annotated[int, typer.Argument(metavar="ID", help="The chat's number, as `history list` shows it.")]
IntervalSeed = Annotated[int, typer.Option(min=0, help="Seed of the intervals.")]
Json = Annotated[bool, typer.Option("--json", help="Print JSON.")]


@dataclass(frozen=True)
class Drawing:
    """How answers are drawn; each field is the setting of that name, or None where the flag was not given."""

    seed: Annotated[int | None, typer.Option(help="The same seed gives the same answer.")] = None
    temperature: Annotated[float | None, typer.Option(help="0 always takes the likeliest token.")] = None
    max_tokens: Annotated[int | None, typer.Option(help="Most tokens of one answer.")] = None
    context: Context = None
    deterministic: Annotated[
        bool | None, typer.Option("--deterministic", help="Let no column's text depend on the columns beside it.")
    ] = None
    top_p: Annotated[float | None, typer.Option(help="Draw from the likeliest tokens with this share together.")] = None
    min_p: Annotated[float | None, typer.Option(help="Leave out tokens below this share of the likeliest one's.")] = (
        None
    )


def names(cultures: str | None) -> list[str]:
    """Return what `--cultures` names.

    Raises:
        UsageError: it names nothing.
    """
    found = [name.strip().lower() for name in (cultures or "").split(",") if name.strip()]
    if not found:
        raise UsageError("Name the cultures to ask: --cultures chinese,arabic (see `culturechat cultures`).")
    return found


def grouped(command: Callable[..., Result]) -> Callable[..., Result]:
    """Return a command as Typer takes it: a parameter whose type is a dataclass becomes one flag for each field."""
    groups: dict[str, type[Any]] = {}
    flags: list[Parameter] = []
    hints = get_type_hints(command, include_extras=True)
    for parameter in signature(command).parameters.values():
        hint = hints[parameter.name]
        if is_dataclass(hint) and isinstance(hint, type):
            groups[parameter.name] = hint
            inner = get_type_hints(hint, include_extras=True)
            flags += [_flag(field.name, inner[field.name], field.default) for field in fields(hint)]
        else:
            flags.append(_flag(parameter.name, hint, parameter.default))

    @wraps(command)
    def spread(**given: Any) -> Result:
        for name, group in groups.items():
            given[name] = group(**{field.name: given.pop(field.name) for field in fields(group)})
        return command(**given)

    spread.__annotations__ = {flag.name: flag.annotation for flag in flags}
    spread.__signature__ = Signature(flags)  # type: ignore[attr-defined]
    return spread


def _flag(name: str, hint: Any, default: Any) -> Parameter:
    return Parameter(name, Parameter.KEYWORD_ONLY, default=default, annotation=hint)
