"""Chats as files: Markdown and HTML to read, CSV of the answers for a table, JSON that can be taken in again."""

from __future__ import annotations

import csv
import io
from collections.abc import Callable, Iterator, Sequence
from datetime import datetime
from pathlib import Path, PurePath, PureWindowsPath
from typing import Literal

import msgspec

from culturechat import records
from culturechat.errors import BadFile, UsageError, unknown
from culturechat.history import voices
from culturechat.history.chat import Answer, Chat, Judgement, Turn, Voice
from culturechat.terminal import one_line

VERSION = 1
_PAGE = Path(__file__).parent
_HEADS = (
    *("chat", "title", "turn", "asked", "question", "culture", "form", "model", "base_sha256", "adapter_sha256"),
    *("attempt", "seed", "temperature", "top_p", "min_p", "max_tokens", "finish", "tokens", "shared_batch", "text"),
    *("blind_column", "blind_columns", "guess", "voted_best", "judged"),
)
_FORMULA = ("=", "+", "-", "@", "\t", "\r")


class _Head(msgspec.Struct):
    format: str
    version: int


class _File(msgspec.Struct, forbid_unknown_fields=True, kw_only=True):
    format: Literal["culturechat history"] = "culturechat history"
    version: Literal[1] = 1
    chats: tuple[Chat, ...]


def render(chats: Sequence[Chat], form: str) -> str:
    """Return chats as one text in one of `FORMS`.

    Raises:
        UsageError: there is no such form.
    """
    if form not in FORMS:
        raise unknown("format", form, FORMS)
    return FORMS[form](chats)


def write(path: Path, chats: Sequence[Chat], form: str) -> None:
    """Write chats to a file, whole or not at all.

    Raises:
        UsageError: there is no such form, or the file cannot be written.
    """
    text = render(chats, form)
    try:
        with records.replacing(path) as temporary:
            temporary.write_text(text, "utf-8", newline="")
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None


def read(path: Path) -> list[Chat]:
    """Return the chats of a JSON file that was exported here or elsewhere.

    Raises:
        BadFile: the file cannot be read, is no such export, or a value in it is missing, unknown or wrong.
    """
    try:
        content = path.read_bytes()
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error.strerror}).") from None
    try:
        head = msgspec.json.decode(content, type=_Head)
        if head.version > VERSION:
            raise BadFile(path, f"was exported by a newer culturechat (version {head.version}); update this one.")
        return list(msgspec.json.decode(content, type=_File).chats)
    except msgspec.ValidationError as error:
        raise BadFile(path, f"is no export of a history: {str(error).replace('`$.', '`')}.") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadFile(path, f"is no JSON: {error}.") from None


def file_name(chat: Chat, form: str) -> str:
    """Return a name for a chat's file: its number and the beginning of its title, in letters that every disk takes."""
    words = "".join(character if character.isalnum() else " " for character in chat.title).split()
    name = "-".join([str(chat.id), *words])
    while len(name.encode()) > 60:
        name = name[:-1]
    return f"culturechat-{name.rstrip('-')}.{form}"


def markdown(chats: Sequence[Chat]) -> str:
    """Return chats to be read as text; what was said is quoted, so that nothing in it is taken for a heading."""
    return "\n\n".join("\n\n".join(_markdown(chat)) for chat in chats) + "\n"


def html(chats: Sequence[Chat]) -> str:
    """Return chats as one web page that loads nothing."""
    from jinja2 import Environment, FileSystemLoader, StrictUndefined

    environment = Environment(
        loader=FileSystemLoader(_PAGE),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"title": voices.title, "time": local_time, "facts": facts}
    return environment.get_template("page.html.j2").render(chats=chats)


def json(chats: Sequence[Chat]) -> str:
    """Return chats with all that is known of them; folders of this machine are left out."""
    exported = _File(chats=tuple(map(_portable, chats)))
    return msgspec.json.format(msgspec.json.encode(exported), indent=1).decode() + "\n"


def table(chats: Sequence[Chat]) -> str:
    """Return one line for each answer, for a spreadsheet.

    A text that a spreadsheet would run as a formula gets an apostrophe in front.
    """
    out = io.StringIO()
    writer = csv.writer(out)
    writer.writerow(_HEADS)
    for chat in chats:
        for number, turn in enumerate(chat.turns, 1):
            writer.writerows(_row(chat, number, turn, answer) for answer in turn.answers)
    return out.getvalue()


FORMS: dict[str, Callable[[Sequence[Chat]], str]] = {"md": markdown, "html": html, "json": json, "csv": table}


def local_time(time: datetime) -> str:
    """Return a moment as the clock on this machine's wall showed it."""
    return time.astimezone().strftime("%Y-%m-%d %H:%M")


def facts(answer: Answer) -> str:
    """Return in one line what is to be known of an answer."""
    ends = {"unfinished": "unfinished", "length": "cut at the limit", "cancelled": "stopped", "failed": "failed"}
    parts = (
        f"{ends.get(answer.finish, answer.finish)}: {answer.error}" if answer.error else ends.get(answer.finish, ""),
        f"{answer.tokens} token{'s' if answer.tokens != 1 else ''}" if answer.tokens is not None else "",
        f"seed {answer.seed}",
        f"temperature {answer.sampling['temperature']:g}" if "temperature" in answer.sampling else "",
        f"answer {answer.attempt + 1}" if answer.attempt else "",
        _judged(answer.judgement, answer.voice.culture) if answer.judgement else "",
        "its question was put in other words afterwards" if answer.replaced else "",
    )
    return " · ".join(part for part in parts if part)


def _row(chat: Chat, number: int, turn: Turn, answer: Answer) -> list[object]:
    voice, sampling = (
        answer.voice,
        [answer.sampling.get(name) for name in ("temperature", "top_p", "min_p", "max_tokens")],
    )
    cells = (
        *(chat.id, chat.title, number, turn.asked.isoformat(), turn.question),
        *(voice.culture, voice.form, voice.model, voice.base_sha256, voice.adapter_sha256),
        *(answer.attempt, answer.seed, *sampling),
        *(answer.finish, answer.tokens, answer.shared_batch, answer.text.strip()),
        *_judgement_cells(answer.judgement),
    )
    return [f"'{cell}" if isinstance(cell, str) and cell.startswith(_FORMULA) else cell for cell in cells]


def _judgement_cells(judgement: Judgement | None) -> tuple[object, ...]:
    if judgement is None:
        return ("",) * 5
    return (judgement.letter, judgement.columns, judgement.guess, judgement.best, judgement.at.isoformat())


def _judged(judgement: Judgement, culture: str) -> str:
    """Return in words how an answer was judged without its name."""
    guess = "recognised" if judgement.guess == culture else f"taken for {judgement.guess}" if judgement.guess else ""
    parts = (f"blind as {judgement.letter} of {judgement.columns}", guess, "voted best" if judgement.best else "")
    return ", ".join(part for part in parts if part)


def _markdown(chat: Chat) -> Iterator[str]:
    yield f"# {chat.title}"
    columns = ", ".join(voices.title(voice) for voice in chat.columns)
    yield f"Chat {chat.id} · {local_time(chat.created)} · {columns}"
    for number, turn in enumerate(chat.turns, 1):
        yield f"## {number}. Asked at {local_time(turn.asked)}"
        yield _quoted(turn.question)
        for answer in turn.answers:
            yield f"### {voices.title(answer.voice)} ({one_line(f'{answer.voice.form}, {answer.voice.model}')})"
            yield _quoted(answer.text.strip() or "(no text)")
            yield facts(answer)


def _quoted(text: str) -> str:
    return "\n".join(f"> {line}".rstrip() for line in text.splitlines())


def _portable(chat: Chat) -> Chat:
    turns = tuple(
        msgspec.structs.replace(
            turn,
            answers=tuple(
                msgspec.structs.replace(answer, voice=_without_folders(answer.voice)) for answer in turn.answers
            ),
        )
        for turn in chat.turns
    )
    return msgspec.structs.replace(chat, columns=tuple(map(_without_folders, chat.columns)), turns=turns)


def _without_folders(voice: Voice) -> Voice:
    if voice.form == "server":
        return voice
    return msgspec.structs.replace(voice, base=_file(voice.base), adapter=_file(voice.adapter))


def _file(path: str) -> str:
    return PureWindowsPath(PurePath(path).name).name if path else ""
