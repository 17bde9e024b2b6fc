"""From the models at hand to who answered in a chat, and back. Loads none of them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from culturechat import catalogue, cultures
from culturechat.catalogue import Column
from culturechat.errors import UsageError
from culturechat.history.chat import Chat, Voice
from culturechat.terminal import one_line


def of(column: Column, base: str) -> Voice:
    """Return who answers in a column whose base is called so; hashes are left out, because they take time."""
    if column.server:
        return Voice(column.id, column.form, column.model, column.server)
    named = base if base in catalogue.cards() else str(Path(base).expanduser().absolute())
    adapter = str(column.adapter_path.absolute()) if column.adapter_path else ""
    return Voice(column.id, column.form, column.model, named, adapter=adapter)


def columns(chat: Chat, find: Callable[[Sequence[str]], list[Column]] | None = None) -> list[Column]:
    """Return what answers when a chat is gone on with.

    Args:
        chat: The chat.
        find: Finds what answers for each culture elsewhere than on this machine.

    Raises:
        CulturechatError: the chat has no columns, or one of them cannot be had here.
    """
    if not chat.columns:
        raise UsageError(f"Chat {chat.id} has no columns to go on with.")
    names = [voice.culture for voice in chat.columns]
    if find is None:
        return catalogue.like([_in_english(voice) for voice in chat.columns], names)
    found = {column.id: column for column in find(list(dict.fromkeys(map(catalogue.culture_of, names))))}
    return catalogue.like([found[catalogue.culture_of(name)] for name in names], names)


def column(voice: Voice) -> Column:
    """Return what answers like this voice with the models that are installed now.

    Raises:
        CulturechatError: the culture is unknown here, or a model or its file is not installed.
    """
    (found,) = catalogue.like([_in_english(voice)], [voice.culture])
    return found


def _in_english(voice: Voice) -> Column:
    if voice.form == "server":
        return _at_server(voice)
    if voice.form not in (*catalogue.FORCED, "base"):
        raise UsageError(f"{title(voice)} was asked in a form that is unknown here: {voice.form}.")
    # the One adapter is a file of its own for all cultures
    culture = catalogue.culture_of(voice.culture)
    name = catalogue.ONE if voice.form == catalogue.ONE else culture
    card = catalogue.cards().get(voice.model)
    known = card is not None and card.culture == name
    own = {name: Path(voice.adapter)} if voice.adapter and not known else {}
    form = next((form for form in catalogue.FORCED if form == voice.form), None)
    (found,) = catalogue.columns([culture], voice.base, own, form)
    return found


def _at_server(voice: Voice) -> Column:
    """Return what answers at the server that answered then; only an engine whose server the user named will ask it."""
    name = catalogue.culture_of(voice.culture)
    culture = cultures.load(name) if name in cultures.names() else None
    return Column(name, culture, "server", voice.model, Path(), server=voice.base)


def differences(voice: Voice, found: Column) -> list[str]:
    """Return what is not as it was, each in a few words; nothing is said of what was not recorded."""
    said = []
    if found.model != voice.model:
        said.append(f"the model is {found.model}, it was {voice.model}")
    files = {"base": (voice.base_sha256, found.base_path), "adapter": (voice.adapter_sha256, found.adapter_path)}
    for what, (recorded, path) in files.items():
        if recorded and path is not None and (now := catalogue.sha256_of(path)) != recorded:
            said.append(f"the {what} has changed (SHA-256 {recorded[:12]}… was recorded, {path.name} is {now[:12]}…)")
    return said


def title(voice: Voice) -> str:
    """Return what the column is called."""
    name = catalogue.culture_of(voice.culture)
    if name not in cultures.names():
        return one_line(voice.culture)
    culture = cultures.load(name)
    called = culture.name if culture.name == culture.own_name else f"{culture.own_name} {culture.name}"
    return called if name == voice.culture else f"{called} ({culture.language})"
