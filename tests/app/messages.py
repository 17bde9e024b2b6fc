"""Finds the texts of all screens in the code; run as a module, it brings the .po files up to date with them.

What is new is added without a translation, and what is gone is taken out; the test of the languages then names it.
"""

from __future__ import annotations

import ast
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import polib

from culturechat import cultures, locale, survey

PACKAGE = Path(locale.__file__).parents[1]
MARKS = {"_": 1, "N_": 1, "ngettext": 2}


@dataclass(frozen=True, order=True)
class Message:
    """A text to translate."""

    text: str
    plural: str = ""
    context: str = ""
    place: str = ""


def messages() -> list[Message]:
    """Return all texts of the screens, each once."""
    found = {
        (message.text, message.context): message for path in sorted(PACKAGE.rglob("*.py")) for message in _in_file(path)
    }
    names = [cultures.load(name).name for name in cultures.names()]
    shown = {code for name in cultures.names() for code in cultures.load(name).countries}
    countries = [country.name for code, country in survey.countries().items() if code in shown]
    themes = [question.theme for question in survey.load().questions.values()]
    for text in (*names, *countries, *themes):
        found.setdefault((text, ""), Message(text, place="data"))
    return sorted(found.values(), key=lambda message: (message.place, message.text))


def unmarked_commands() -> list[str]:
    """Return the palette's texts that cannot be translated because nothing marks them."""
    return [
        text
        for path in sorted((PACKAGE / "tui").rglob("*.py"))
        for call in _calls(ast.parse(path.read_text("utf-8")), "SystemCommand")
        for argument in call.args[:2]
        if (text := _text(argument)) is not None
    ]


def po_path(code: str) -> Path:
    return locale.FOLDER / code / "LC_MESSAGES" / "culturechat.po"


def _in_file(path: Path) -> Iterator[Message]:
    tree = ast.parse(path.read_text("utf-8"))
    place = path.relative_to(PACKAGE.parent).as_posix()
    for call in _calls(tree, *MARKS, "pgettext"):
        name = call.func.id if isinstance(call.func, ast.Name) else ""
        texts = [_text(argument) or "" for argument in call.args]
        if name == "pgettext":
            yield Message(texts[1], context=texts[0], place=place)
        elif name in MARKS and texts and texts[0]:
            yield Message(texts[0], texts[1] if name == "ngettext" else "", place=place)
    if "tui" in path.parts:
        for call in _calls(tree, "Binding"):
            named = {keyword.arg: _text(keyword.value) for keyword in call.keywords}
            described = _text(call.args[2]) if len(call.args) > 2 else named.get("description")
            yield from (Message(said, place=place) for said in (described, named.get("tooltip")) if said)


def _calls(tree: ast.AST, *names: str) -> Iterator[ast.Call]:
    for node in ast.walk(tree):
        if isinstance(node, ast.Call) and isinstance(node.func, ast.Name) and node.func.id in names:
            yield node


def _text(node: ast.expr) -> str | None:
    return node.value if isinstance(node, ast.Constant) and isinstance(node.value, str) else None


def _update(code: str) -> None:
    path = po_path(code)
    old = polib.pofile(str(path), encoding="utf-8", wrapwidth=110)
    known = {(entry.msgid, entry.msgctxt or ""): entry for entry in old if not entry.obsolete}
    new = polib.POFile(encoding="utf-8", wrapwidth=110)
    new.header, new.metadata = old.header, old.metadata
    for message in messages():
        entry = known.get((message.text, message.context)) or polib.POEntry(msgid=message.text)
        if message.context:
            entry.msgctxt = message.context
        entry.occurrences = [(message.place, "")] if message.place.endswith(".py") else []
        if message.plural:
            entry.msgid_plural = message.plural
            count = int(old.metadata["Plural-Forms"].partition("nplurals=")[2].partition(";")[0])
            entry.msgstr_plural = {form: entry.msgstr_plural.get(form, "") for form in range(count)}
        new.append(entry)
    new.save(str(path))


if __name__ == "__main__":
    for language in locale.names():
        if language != locale.ENGLISH:
            _update(language)
