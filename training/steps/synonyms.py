"""Where words that can stand for others come from: the shipped lexicon, WordNet, or a model that is asked.

Each source marks places in a sentence and says, in dictionary form, what may stand there. It knows nothing of
inflection, of what must not be touched, or of whether the new sentence is good.
"""

from __future__ import annotations

import io
import warnings
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from functools import cache
from importlib import import_module
from pathlib import Path
from typing import Any, Protocol

from culturechat import records
from culturechat.errors import BadFile, UsageError
from training.steps import polarity
from training.steps.tagged import Part, Sentence, Word, head, split
from training.steps.writers import Writer, lines

LEXICON = Path(__file__).parent.parent / "data" / "synonyms.toml"
DEBIAN = Path("/usr/share/wordnet")
MOST_SYNONYMS = 5

_WORDNET_PARTS = {"noun": "n", "adjective": "a", "adverb": "r", "verb": "v"}


@dataclass(frozen=True)
class Place:
    """Where something else may stand in a sentence."""

    first: int
    """The first word that would go."""
    last: int
    """The last word that would go, itself included."""
    synonyms: tuple[str, ...]
    """In dictionary form, or as they are to be written where there is no part of speech."""
    part: Part | None
    tag: str
    """The shape of what stands there now."""


class Synonyms(Protocol):
    """A source of synonyms."""

    def places(self, sentence: Sentence, item: str) -> list[Place]:
        """Return where something else may stand, from left to right, no two places overlapping.

        Args:
            sentence: The words as they are.
            item: The question it is a wording of.
        """

    def opposites(self, lemma: str) -> frozenset[str]:
        """Return what must not stand for a word."""


@dataclass(frozen=True)
class Sense:
    """One meaning of a word, and what may stand for it."""

    word: str
    sense: str
    synonyms: tuple[str, ...]
    items: tuple[str, ...] = ()
    """Questions whose sentences use the word in this sense; none for every text."""


@dataclass(frozen=True)
class LexiconFile:
    """What a lexicon's TOML file holds."""

    phrase: tuple[Sense, ...] = ()
    noun: tuple[Sense, ...] = ()
    adjective: tuple[Sense, ...] = ()
    adverb: tuple[Sense, ...] = ()
    verb: tuple[Sense, ...] = ()
    light: tuple[str, ...] = ()
    """Words that mean little alone; without knowing the context nothing can stand for them."""


class Lexicon:
    """Synonyms in context from a TOML file."""

    def __init__(self, path: Path = LEXICON) -> None:
        file = records.read(path, LexiconFile)
        self.senses: dict[tuple[str, ...], list[tuple[str, Sense]]] = {}
        """Words of an entry to its kinds (a part of speech, or phrase) and senses."""
        for kind in ("phrase", "noun", "adjective", "adverb", "verb"):
            for sense in getattr(file, kind):
                self.senses.setdefault(_pieces(sense.word), []).append((kind, sense))
        self._longest = max(map(len, self.senses), default=0)

    def places(self, sentence: Sentence, item: str) -> list[Place]:
        """Return the longest entries that fit, from left to right."""
        found: list[Place] = []
        start = 0
        while start < len(sentence.words):
            place = self._longest_at(sentence.words, start, item)
            if place and place.synonyms:
                found.append(place)
            start = place.last + 1 if place else start + 1
        return found

    def opposites(self, lemma: str) -> frozenset[str]:
        """Return the shipped opposites."""
        return polarity.known_opposites(lemma)

    def _longest_at(self, words: Sequence[Word], start: int, item: str) -> Place | None:
        for count in range(min(self._longest, len(words) - start), 0, -1):
            span = words[start : start + count]
            written = tuple(word.text.lower() for word in span)
            shapes = dict.fromkeys((written, tuple(word.lemma for word in span), (span[0].lemma, *written[1:])))
            for kind, sense in (entry for shape in shapes for entry in self.senses.get(shape, ())):
                if sense.items and item not in sense.items:
                    continue
                if kind == "phrase" and written == _pieces(sense.word):
                    return Place(start, start + count - 1, sense.synonyms, None, "")
                carrier = span[0 if kind == "verb" else head([word.lemma for word in span])]
                if carrier.part == kind:
                    return Place(start, start + count - 1, sense.synonyms, carrier.part, carrier.tag)
        return None


class WordNet:
    """Synonyms from a WordNet dictionary folder.

    It knows no context, so only words are exchanged for each other whose commonest meaning is the same one, and only
    those that its counts have met in real texts.
    """

    def __init__(self, folder: Path | None = None) -> None:
        self._reader = _dictionary(folder or wordnet_folder())

    def places(self, sentence: Sentence, item: str) -> list[Place]:
        """Return every content word that has synonyms in its sense."""
        return [
            Place(index, index, found, word.part, word.tag)
            for index, word in enumerate(sentence.words)
            if word.part and word.lemma not in _light() and (found := self._of(word))
        ]

    def opposites(self, lemma: str) -> frozenset[str]:
        """Return WordNet's antonyms of all senses, and the shipped ones."""
        names = {
            antonym.name().replace("_", " ").lower() for one in self._reader.lemmas(lemma) for antonym in one.antonyms()
        }
        return polarity.known_opposites(lemma) | frozenset(names)

    def _of(self, word: Word) -> tuple[str, ...]:
        assert word.part
        part = _WORDNET_PARTS[word.part]
        senses = self._reader.synsets(word.lemma, part)
        names = (str(one.name()) for one in senses[0].lemmas() if one.count()) if senses else ()
        return tuple(
            name
            for name in names
            if name.islower()
            and name.isalpha()
            and name != word.lemma
            and self._reader.synsets(name, part)[0] == senses[0]
        )


class Asked:
    """Synonyms from a model that is shown the sentence."""

    def __init__(self, writer: Writer, seed: int) -> None:
        self._writer = writer
        self._seed = seed

    def places(self, sentence: Sentence, item: str) -> list[Place]:
        """Return every content word that the model knows a synonym for."""
        return [
            Place(index, index, found, word.part, word.tag)
            for index, word in enumerate(sentence.words)
            if word.part and word.lemma not in _light() and (found := tuple(self._of(word, sentence.text)))
        ]

    def opposites(self, lemma: str) -> frozenset[str]:
        """Return the shipped opposites."""
        return polarity.known_opposites(lemma)

    def _of(self, word: Word, text: str) -> Iterator[str]:
        prompt = (
            f"Sentence: {text}\n\nWhich words can stand for the {word.part} “{word.text}” in this sentence so that it "
            f"still asks the same? Write up to {MOST_SYNONYMS}, each in its dictionary form, one a line, nothing else."
        )
        seen = {word.lemma, word.text.lower()}
        for line in lines(self._writer.write(prompt, self._seed, most_tokens=60))[:MOST_SYNONYMS]:
            found = line.strip(" .,;\"'“”").lower()
            if found not in seen and len(found.split()) <= 3 and found.replace(" ", "").replace("-", "").isalpha():
                seen.add(found)
                yield found


def wordnet_folder() -> Path:
    """Return where WordNet lies: in the user's nltk data, or where Debian's wordnet-base puts it.

    Raises:
        UsageError: in neither.
    """
    data: Any = _nltk("nltk.data")
    for place in data.path:
        if (folder := Path(place) / "corpora" / "wordnet").is_dir():
            return folder
    if DEBIAN.is_dir():
        return DEBIAN
    raise UsageError(
        "There is no WordNet here: apt install wordnet-base, or python -m nltk.downloader wordnet, "
        'or name its folder in the recipe, `replace_with = "wordnet:FOLDER"`.'
    )


@cache
def _light() -> frozenset[str]:
    return frozenset(records.read(LEXICON, LexiconFile).light)


@cache
def _dictionary(folder: Path) -> Any:
    reader: Any = _nltk("nltk.corpus.reader.wordnet").WordNetCorpusReader
    data: Any = _nltk("nltk.data")
    if str(folder) not in data.path:
        data.path.append(str(folder))  # nltk reads only below the folders of this list

    class Dictionary(reader):  # type: ignore[misc]
        """English WordNet alone, without the list of subject fields, which Debian leaves out and nothing here needs."""

        def map_wn(self, version: str = "wordnet") -> None:
            """Map to no other languages."""

        def open(self, file: str) -> Any:
            """Open one of the dictionary's files."""
            if file == "lexnames" and not (folder / file).is_file():
                return io.StringIO("".join(f"{number:02d} field{number} 0\n" for number in range(45)))
            return super().open(file)

    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")  # it says that it knows one language
            return Dictionary(str(folder), None)
    except (OSError, ValueError, LookupError) as error:
        raise BadFile(folder, f"is no WordNet dictionary ({str(error).strip().splitlines()[0]}).") from None


def _nltk(module: str) -> Any:
    try:
        return import_module(module)
    except ImportError:
        raise UsageError("nltk is not installed: pip install -e '.[train]'.") from None


def _pieces(text: str) -> tuple[str, ...]:
    return tuple(split(text.lower()))
