"""What the user can set, and where each value comes from: flag > environment > file > default.

Knows nothing of the command line; flags arrive as a mapping. The file is `config.toml` in the config folder, the
environment variables are `CULTURECHAT_` and the name in capitals.
"""

from __future__ import annotations

import dataclasses
import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import msgspec

from culturechat import paths, records
from culturechat.errors import UsageError


@dataclass(frozen=True)
class Settings:
    """All values, each with its default."""

    base: str = "smollm2-135m"
    """Id of a base model's card, or the path of a GGUF file."""
    temperature: float = 0.7
    """0 always takes the likeliest token."""
    top_p: float = 0.95
    min_p: float = 0.05
    seed: int = 1
    max_tokens: int = 256
    """Most tokens of one answer."""
    context: int = 2048
    """Tokens that one column remembers."""
    deterministic: bool = False
    """Decode every column by itself, so that its text does not depend on which others answer beside it."""
    history: bool = True
    """Keep what is asked and answered on the screen."""


def load(flags: Mapping[str, Any], environment: Mapping[str, str] = os.environ) -> Settings:
    """Return the settings; flags that are None were not given.

    Raises:
        UsageError: a value is out of range or of the wrong type; the message says where it came from.
    """
    path = paths.config_dir() / "config.toml"
    values: dict[str, Any] = {}
    if path.is_file():
        values |= vars(records.read(path, Settings))
    for field in dataclasses.fields(Settings):
        variable = f"CULTURECHAT_{field.name.upper()}"
        if variable in environment:
            values[field.name] = _from_text(field.name, environment[variable], variable)
    values |= {name: value for name, value in flags.items() if value is not None}
    return _checked(Settings(**values))


def _from_text(name: str, text: str, variable: str) -> Any:
    kind = type(getattr(Settings, name))
    try:
        return msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        raise UsageError(f"{variable}={text!r} is not a valid {name}; expected {kind.__name__}.") from None


def _checked(settings: Settings) -> Settings:
    limits = {"temperature": (0, 5), "top_p": (0, 1), "min_p": (0, 1), "seed": (0, 2**32 - 2), "max_tokens": (1, 32768)}
    for name, (low, high) in {**limits, "context": (256, 1_048_576)}.items():
        value = getattr(settings, name)
        if not low <= value <= high:
            raise UsageError(f"{name} is {value}; it must be from {low} to {high}.")
    if not settings.base or Path(settings.base).name == "":
        raise UsageError("base is empty; name a base model or a GGUF file.")
    return settings
