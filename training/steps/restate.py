"""Where restatements of a question come from: the shipped templates, or a model that is asked. Does not judge them."""

from __future__ import annotations

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Protocol

from culturechat import records
from culturechat.errors import BadFile
from culturechat.survey import Question
from training.steps.writers import Writer, lines

TEMPLATES = Path(__file__).parent.parent / "data" / "templates.toml"
MOST_ROUNDS = 6
"""Times a model is asked for one question."""

FEWEST_WORDS = 4

_HEADED = re.compile(r"^\w+(?: \w+)?: (?=[A-Z])")
"""A heading before a sentence, such as `Question 2: `."""


class Restatements(Protocol):
    """A source of restatements."""

    def of(self, question: Question, wanted: int) -> Iterator[str]:
        """Yield other wordings of a question until the caller has enough or no more come."""


class Templates:
    """The bank's restatements, but for those that are held back for tests, and after them the shipped templates."""

    def __init__(self, held_back: int, path: Path = TEMPLATES) -> None:
        self._held_back = held_back
        self._more = records.parse(path)
        for item, texts in self._more.items():
            if not isinstance(texts, list) or not all(isinstance(text, str) for text in texts):
                raise BadFile(path, f"{item}: expected a list of sentences.")

    def of(self, question: Question, wanted: int) -> Iterator[str]:
        """Yield the bank's own, then the templates."""
        yield from question.restatements[: max(0, len(question.restatements) - self._held_back)]
        yield from self._more.get(question.item, ())


class Asked:
    """Restatements from a model."""

    def __init__(self, writer: Writer, seed: int) -> None:
        self._writer = writer
        self._seed = seed

    def of(self, question: Question, wanted: int) -> Iterator[str]:
        """Yield what the model writes, asking up to `MOST_ROUNDS` times, each time with other chance."""
        prompt = (
            f"Question: {question.question}\n\nWrite {wanted} other questions that ask exactly the same thing. Build "
            "each sentence differently, use plain English, and keep every negation, comparison and number. Write one "
            "question a line, nothing else."
        )
        longest = 3 * len(question.question)
        for number in range(MOST_ROUNDS):
            for line in lines(self._writer.write(prompt, self._seed + number)):
                text = _HEADED.sub("", line)
                if text.endswith("?") and len(text.split()) >= FEWEST_WORDS and len(text) <= longest:
                    yield text
