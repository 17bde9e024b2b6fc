"""Changes the user's settings file; comments, order and spacing stay. Knows no particular setting."""

from __future__ import annotations

from collections.abc import Mapping, MutableMapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import TOMLKitError
from tomlkit.items import Item, Table

from culturechat import records, settings
from culturechat.errors import BadFile, UsageError

_HEAD = "Settings of culturechat; `culturechat settings` lists all there are."


def put(values: Mapping[str, Any]) -> Path:
    """Write values by key, such as `seed` or `prompts.chinese`, into the file, and return where it is.

    Raises:
        UsageError: the file cannot be read or written, or is wrong in another place.
    """
    path = settings.file_path()
    document = _read(path)
    for key, value in values.items():
        *tables, name = key.split(".")
        place: Any = document
        for table in tables:
            if table not in place:
                place[table] = tomlkit.table(is_super_table=table == "keys")
            place = place[table]
            if not isinstance(place, MutableMapping):
                raise BadFile(path, f"`{table}` has to be a table: [{table}].")
        place[name] = _item(value)
    settings.check_file(document.unwrap(), path)
    return _write(path, document)


def remove(key: str) -> Path:
    """Take a key out of the file, known or not, and return where it is.

    Raises:
        UsageError: it is not in it, or the file cannot be read or written.
    """
    path = settings.file_path()
    document = _read(path)
    *tables, name = key.split(".")
    place: Any = document
    places = [place]
    for table in tables:
        place = place.get(table) if isinstance(place, Mapping) else None
        places.append(place)
    if not isinstance(place, Mapping) or name not in place:
        raise UsageError(f"{key} is not in {path}; there is nothing to unset.")
    for place, part in zip(reversed(places), reversed([*tables, name]), strict=True):
        del place[part]
        if not isinstance(place, Table) or place.as_string().strip():
            break
    return _write(path, document)


def _read(path: Path) -> tomlkit.TOMLDocument:
    if not path.exists():
        document = tomlkit.document()
        document.add(tomlkit.comment(_HEAD))
        return document
    try:
        return tomlkit.parse(path.read_text("utf-8"))
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(path, f"cannot be read ({error}).") from None
    except TOMLKitError as error:
        raise BadFile(path, f"is not valid TOML: {error}.") from None


def _write(path: Path, document: tomlkit.TOMLDocument) -> Path:
    try:
        # where the file is a link into another folder, that file is meant
        with records.replacing(path.resolve()) as temporary:
            temporary.write_text(tomlkit.dumps(document), "utf-8")
    except OSError as error:
        raise BadFile(path, f"cannot be written ({error.strerror}).") from None
    return path


def _item(value: Any) -> Item:
    if isinstance(value, str) and "\n" in value:
        return tomlkit.string(value, multiline=True)
    made: Item = tomlkit.item(value)
    return made
