"""TOML files to frozen dataclasses, and files written whole or not at all. Knows no particular record."""

from __future__ import annotations

import dataclasses
import json
import os
import re
import tempfile
import tomllib
import types
import typing
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any, TypeVar

import msgspec

from culturechat.errors import BadFile, unknown

Record = TypeVar("Record")


def read(path: Path, record: type[Record]) -> Record:
    """Return the TOML file as one record.

    Raises:
        BadFile: the file is missing or no TOML, or a key is unknown (the nearest is named), absent or of a wrong type.
    """
    return build(parse(path), record, path)


def parse(path: Path) -> dict[str, Any]:
    """Return the TOML file as plain values."""
    try:
        return tomllib.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadFile(path, "no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(path, f"cannot be read ({error}).") from None
    except tomllib.TOMLDecodeError as error:
        raise BadFile(path, f"is not valid TOML: {error}.") from None


def build(values: Mapping[str, Any], record: type[Record], path: Path, where: str = "") -> Record:
    """Return plain values as one record; errors name the file and the place in it."""
    _refuse_unknown_keys(values, record, path, where)
    try:
        return msgspec.convert(values, record)
    except msgspec.ValidationError as error:
        place = f"[{where}] " if where else ""
        known = f" Known: {', '.join(choices)}." if (choices := _choices(str(error), record)) else ""
        raise BadFile(path, f"{place}{str(error).replace(' - at `$.', ' at `')}.{known}") from None


def write(path: Path, values: Mapping[str, Any]) -> None:
    """Write plain values (numbers, texts, lists of these, tables) as a TOML file, whole or not at all."""
    with replacing(path) as temporary:
        temporary.write_text("\n".join(_toml(values)) + "\n", "utf-8")


@contextmanager
def replacing(path: Path) -> Iterator[Path]:
    """Yield a temporary path beside `path` and move it there when the block ends well.

    What exists under `path` is therefore always complete; a failed or killed writer leaves the old file.
    """
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name}.", suffix=".part", dir=path.parent)
    os.close(handle)
    temporary = Path(name)
    try:
        yield temporary
        temporary.chmod(0o644)
        temporary.replace(path)
    finally:
        temporary.unlink(missing_ok=True)


def _toml(values: Mapping[str, Any], table: str = "") -> list[str]:
    flat = {key: value for key, value in values.items() if not isinstance(value, Mapping)}
    lines = [f"{key} = {json.dumps(value, ensure_ascii=False)}" for key, value in flat.items()]
    if table and flat:
        lines = ["", f"[{table}]", *lines]
    for key, value in values.items():
        if isinstance(value, Mapping):
            lines += _toml(value, f"{table}.{key}" if table else key)
    return lines


def _refuse_unknown_keys(values: Mapping[str, Any], record: type[Any], path: Path, where: str) -> None:
    hints = typing.get_type_hints(record)
    known = {field.name for field in dataclasses.fields(record)}
    for key, value in values.items():
        place = f"{where}.{key}" if where else key
        if key not in known:
            raise BadFile(path, f"key `{place}`: {unknown('key', key, known)}")
        nested = _dataclass_in(hints[key])
        if nested is not None and isinstance(value, Mapping):
            _refuse_unknown_keys(value, nested, path, place)


def _choices(error: str, record: type[Any]) -> list[str]:
    """Return what could stand in the place where an error found none of the values that it can have."""
    if not error.startswith("Invalid enum value"):
        return []
    hint: Any = record
    for key in re.findall(r"[.](\w+)", error.rpartition("`$")[2]):
        inner = _dataclass_in(hint)
        hint = typing.get_type_hints(inner).get(key) if inner else None
    literals = [option for option in _options(hint) if typing.get_origin(option) is typing.Literal]
    return [str(choice) for literal in literals for choice in typing.get_args(literal)]


def _options(hint: Any) -> tuple[Any, ...]:
    return typing.get_args(hint) if typing.get_origin(hint) in (types.UnionType, typing.Union) else (hint,)


def _dataclass_in(hint: Any) -> type[Any] | None:
    records = (option for option in _options(hint) if dataclasses.is_dataclass(option))
    return next((record for record in records if isinstance(record, type)), None)
