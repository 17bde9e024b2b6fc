"""Public test sets of text classification: the catalogue, and the reader of the user's own copy of their files.

The catalogue is `data/downstream.toml`; the texts are never part of the project. Knows nothing of models or scores.
"""

from __future__ import annotations

import hashlib
import html
import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from functools import cache
from math import isnan
from pathlib import Path
from typing import Any

from culturechat import records
from culturechat.errors import BadFile, unknown

CATALOGUE = Path(__file__).parent / "data" / "downstream.toml"
MOST_CHARACTERS = 1000
"""What is longer is cut: it is the beginning of a post, and a prompt has to fit into a small context."""


@dataclass(frozen=True)
class Kind:
    """What is asked of a text."""

    question: str
    classes: dict[str, str]
    """By name, in the words in which the model is offered them."""


@dataclass(frozen=True)
class TextSet:
    """One public file of labelled texts."""

    culture: str
    name: str
    kind: str
    file: str
    """Below the reference repository's `data` folder."""
    text: str
    """JSON key of the text."""
    label: str
    """JSON key of the label."""
    classes: dict[str, str]
    """The class that each label stands for."""
    note: str = ""
    """What a reader of its scores should know."""


@dataclass(frozen=True)
class Text:
    """One labelled text, ready to be asked about."""

    words: str
    of_class: int
    """Place among the kind's classes."""

    @property
    def cluster(self) -> str:
        """A name that equal texts share, whatever their case and spacing, in this set or another."""
        return hashlib.sha256(self.words.casefold().encode()).hexdigest()[:16]


@dataclass(frozen=True)
class Reading:
    """What a file holds."""

    texts: tuple[Text, ...]
    left_out: dict[str, int]
    """Rows that cannot be scored, by reason."""


@dataclass(frozen=True)
class Catalogue:
    """All sets and what they ask."""

    kinds: dict[str, Kind]
    sets: tuple[TextSet, ...]

    def of(self, culture: str) -> list[TextSet]:
        """Return the sets of one culture."""
        return [one for one in self.sets if one.culture == culture]

    def kind(self, texts: TextSet) -> Kind:
        """Return what is asked of a set's texts."""
        return self.kinds[texts.kind]


@cache
def catalogue(path: Path = CATALOGUE) -> Catalogue:
    """Return the catalogue of a file.

    Raises:
        BadFile: a set names a kind or a class that is not there, or two sets of a culture have one name.
    """
    found = records.read(path, Catalogue)
    for one in found.sets:
        place = f"{one.culture} {one.name}"
        if one.kind not in found.kinds:
            raise BadFile(path, f"{place}: {unknown('kind', one.kind, found.kinds)}")
        for name in one.classes.values():
            if name not in found.kind(one).classes:
                raise BadFile(path, f"{place}: {unknown('class', name, found.kind(one).classes)}")
    twice = [place for place, count in Counter((one.culture, one.name) for one in found.sets).items() if count > 1]
    if twice:
        raise BadFile(path, f"{' '.join(twice[0])} stands twice.")
    return found


def read(texts: TextSet, kind: Kind, folder: Path) -> Reading:
    """Return the texts of a set that can be scored.

    Entities such as `&amp;` become characters, line breaks and rows of spaces one space. Rows without a text or
    without a label are left out and counted.

    Raises:
        BadFile: a line is no JSON object with these keys, or its label is none of the set's; the line is named.
    """
    path = folder / texts.file
    places = {name: place for place, name in enumerate(kind.classes)}
    labels = {label.casefold(): places[name] for label, name in texts.classes.items()}
    kept: list[Text] = []
    left_out: Counter[str] = Counter()
    for line, row in _rows(path, (texts.text, texts.label)):
        words, label = _plain(row[texts.text]), _plain(row[texts.label])
        if not words or not label:
            left_out["without a text" if not words else "without a label"] += 1
        elif label.casefold() not in labels:
            known = ", ".join(texts.classes)
            raise BadFile(path, f"line {line}, key {texts.label}: label {label!r} is none of {known}.")
        else:
            kept.append(Text(words[:MOST_CHARACTERS], labels[label.casefold()]))
    if not kept:
        raise BadFile(path, "holds no text that can be scored.")
    return Reading(tuple(kept), dict(left_out))


def sample(texts: tuple[Text, ...], most: int, seed: int) -> tuple[Text, ...]:
    """Return at most so many texts, in their order.

    Which texts are drawn follows from their words and the seed alone, so sets that share texts draw the same ones.
    """

    def key(text: Text) -> bytes:
        return hashlib.sha256(f"{seed} {text.cluster}".encode()).digest()

    drawn = sorted(range(len(texts)), key=lambda place: (key(texts[place]), place))[:most]
    return tuple(texts[place] for place in sorted(drawn))


def _rows(path: Path, keys: tuple[str, ...]) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        lines = path.read_text("utf-8-sig").split("\n")
    except FileNotFoundError:
        raise BadFile(path, "no such file.") from None
    except (OSError, UnicodeDecodeError) as error:
        raise BadFile(path, f"cannot be read ({error}).") from None
    for number, line in enumerate(lines, 1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except json.JSONDecodeError as error:
            raise BadFile(path, f"line {number}: is not valid JSON: {error.msg}.") from None
        missing = [key for key in keys if not isinstance(row, dict) or key not in row]
        if missing:
            raise BadFile(path, f"line {number}: has no key {missing[0]!r}.")
        yield number, row


def _plain(value: Any) -> str:
    """Return a cell as text; spreadsheets have left whole numbers as decimals, and gaps as null or nan."""
    if value is None or (isinstance(value, float) and isnan(value)):
        return ""
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return " ".join(html.unescape(str(value)).replace("\\n", " ").split())
