"""Puts the questions into other words: restatements (stage a), and synonyms in those (stage b). Knows no people.

What comes from the sources is judged here: near enough to the question in meaning, not its opposite, and not what is
there already or held back for tests.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Iterator, Sequence
from difflib import SequenceMatcher
from functools import cached_property
from pathlib import Path
from typing import Any

import msgspec
from tqdm import tqdm

from culturechat import records
from culturechat.errors import BadFile
from culturechat.survey import Bank, Question
from training import recipes, rows
from training.bases import Base
from training.recipes import Augment, Recipe
from training.rows import Stage, Wording
from training.steps import augment_report, polarity, replace, restate, synonyms, writers
from training.steps.restate import Restatements
from training.steps.similarity import Similarity
from training.steps.synonyms import Synonyms
from training.steps.tagged import split, tagged
from training.steps.writers import Writer
from training.workspace import Workspace

TRIES = 12
"""Sentences tried in a row from one restatement before the next has its turn."""


class Flip(msgspec.Struct, frozen=True):
    """A wording that was refused because it says the opposite."""

    item: str
    source: str
    text: str
    why: str


class Outcome(msgspec.Struct, frozen=True):
    """What became of one question."""

    item: str
    kept: tuple[Wording, ...]
    counts: dict[str, int]
    """How many wordings each stage proposed, kept and refused, and why: `restated.proposed` and so on."""
    flips: tuple[Flip, ...]


class _Start(msgspec.Struct, frozen=True):
    """First line of what is done so far."""

    made_from: str


def run(workspace: Workspace, base: Base, recipe: Recipe, bank: Bank, seed: int, made_from: str) -> str:
    """Write the questions in other words and the report on them; a killed run goes on at the question where it was."""
    settings = recipe.augment
    if settings is None:
        return "the recipe asks for no other words"
    asked = [question for question in bank.questions.values() if recipe.wants(question)]
    outcomes = _outcomes(workspace.run.augmenting, asked, settings, recipe.data.held_back_wordings, seed, made_from)
    kept = [wording for outcome in outcomes for wording in outcome.kept]
    report = augment_report.text(asked, outcomes, settings, base)
    rows.write(workspace.run.augmented, kept)
    with records.replacing(workspace.run.augment_report) as temporary:
        temporary.write_text(report, "utf-8")
    workspace.run.augmenting.unlink(missing_ok=True)
    stages = Counter(wording.stage for wording in kept)
    flips = sum(len(outcome.flips) for outcome in outcomes)
    return (
        f"{len(asked)} questions in, {stages['restated']} restatements and {stages['replaced']} sentences "
        f"with other words out, {flips} flips refused"
    )


def option_texts(question: Question) -> list[str]:
    """Return everything an option of the question is called."""
    scale = question.scale
    return [
        text
        for text in (*question.labels, *(t for set_ in scale.alternates for t in set_), scale.low, scale.high)
        if text
    ]


def difference(one: str, other: str) -> float:
    """Return the share of words, from 0 to 1, in which two texts differ; case and order count, marks do not."""
    first, second = ([word.lower() for word in split(text) if word[0].isalnum()] for text in (one, other))
    return 1 - SequenceMatcher(None, first, second, autojunk=False).ratio()


class Augmenter:
    """Makes the wordings of questions, one by one. What it needs is loaded at the first question.

    Args:
        settings: How many, how near, and from what sources.
        held_back: Last restatements of the bank that nothing kept may come near to.
        seed: Start of all chance; each question has its own stream.
    """

    def __init__(self, settings: Augment, held_back: int, seed: int) -> None:
        self.settings = settings
        self._held_back = held_back
        self._seed = seed
        self._writers: dict[str, Writer] = {}

    def outcome(self, question: Question) -> Outcome:
        """Return the question's wordings, the same for the same settings and seed."""
        return _Round(self, question, self._held_back, self._seed).outcome()

    def close(self) -> None:
        """Free the models."""
        for writer in self._writers.values():
            writer.close()

    @cached_property
    def similarity(self) -> Similarity:
        """What measures how near two texts are."""
        return Similarity(self.settings.encoder)

    @cached_property
    def restatements(self) -> Restatements:
        """Where restatements come from."""
        source = self.settings.restate_with
        if source == recipes.TEMPLATES:
            return restate.Templates(self._held_back)
        return restate.Asked(self._writer(source), self._seed)

    @cached_property
    def synonyms(self) -> Synonyms:
        """Where synonyms come from."""
        source, _, folder = self.settings.replace_with.partition(":")
        if source == recipes.LEXICON:
            return synonyms.Lexicon()
        if source == recipes.WORDNET:
            return synonyms.WordNet(Path(folder).expanduser() if folder else None)
        return synonyms.Asked(self._writer(self.settings.replace_with), self._seed)

    def _writer(self, source: str) -> Writer:
        if source not in self._writers:
            self._writers[source] = writers.load(source, self.settings.server_model)
        return self._writers[source]


class _Round:
    """One question on its way through both stages."""

    def __init__(self, augmenter: Augmenter, question: Question, held_back: int, seed: int) -> None:
        self._augmenter = augmenter
        self._settings = augmenter.settings
        self._question = question
        self._taken = [question.question, *question.restatements[max(0, len(question.restatements) - held_back) :]]
        self._labels = option_texts(question)
        self._chance = random.Random(f"{seed}:augment:{question.item}")
        self._counts: Counter[str] = Counter()
        self._flips: list[Flip] = []

    def outcome(self) -> Outcome:
        restated = list(self._restated()) if self._settings.restatements else []
        replaced = list(self._replaced([wording.text for wording in restated])) if self._settings.samples else []
        return Outcome(self._question.item, (*restated, *replaced), dict(self._counts), tuple(self._flips))

    def _restated(self) -> Iterator[Wording]:
        wanted, kept = self._settings.restatements, 0
        for text in self._augmenter.restatements.of(self._question, wanted):
            if wording := self._judged("restated", text, self._question.question):
                yield wording
                kept += 1
                if kept == wanted:
                    return

    def _replaced(self, sources: Sequence[str]) -> Iterator[Wording]:
        """Take one sentence from each restatement in turn until there are enough or none has another."""
        streams = {
            source: drafts for source in sources or [self._question.question] if (drafts := self._drafts(source))
        }
        tried: set[str] = set()
        kept = 0
        while streams:
            for source in list(streams):
                wording = self._next(source, streams[source], tried)
                if wording is None:
                    del streams[source]
                    continue
                yield wording
                kept += 1
                if kept == self._settings.samples:
                    return

    def _drafts(self, source: str) -> Iterator[replace.Draft]:
        sentence = tagged(source)
        places = self._augmenter.synonyms.places(sentence, self._question.item)
        slots = replace.slots(sentence, places, self._labels)
        return replace.drafts(sentence, slots, self._settings.replaced, self._chance)

    def _next(self, source: str, drafts: Iterator[replace.Draft], tried: set[str]) -> Wording | None:
        for _, draft in zip(range(TRIES), drafts, strict=False):
            if draft.text not in tried:
                tried.add(draft.text)
                if wording := self._judged("replaced", draft.text, source, draft.changes):
                    return wording
        return None

    def _judged(
        self, stage: Stage, text: str, source: str, changes: tuple[tuple[str, str], ...] = ()
    ) -> Wording | None:
        """Return the wording if it is kept; count what became of it."""
        self._counts[f"{stage}.proposed"] += 1
        if why := polarity.flipped(source, text, self._labels, self._augmenter.synonyms.opposites):
            self._counts[f"{stage}.flipped"] += 1
            self._flips.append(Flip(self._question.item, source, text, why))
            return None
        if any(difference(text, other) < self._settings.least_change for other in (source, *self._taken)):
            self._counts[f"{stage}.duplicate"] += 1
            return None
        cosines = self._augmenter.similarity.between(text, [self._question.question, source])
        if min(cosines) <= self._settings.similarity:
            self._counts[f"{stage}.far"] += 1
            return None
        self._counts[f"{stage}.kept"] += 1
        self._taken.append(text)
        return Wording(self._question.item, stage, text, source, round(cosines[0], 4), changes)


def _outcomes(
    journal: Path, asked: Sequence[Question], settings: Augment, held_back: int, seed: int, made_from: str
) -> list[Outcome]:
    """Return what became of all questions; each is written to the journal as soon as it is done."""
    done = _read(journal, made_from)
    augmenter = Augmenter(settings, held_back, seed)
    try:
        for question in tqdm(asked, desc="augment", unit="question", disable=None, leave=False):
            if question.item not in done:
                done[question.item] = augmenter.outcome(question)
                _append(journal, done[question.item])
    finally:
        augmenter.close()
    return [done[question.item] for question in asked]


def _read(journal: Path, made_from: str) -> dict[str, Outcome]:
    """Return what a killed run had done with the same settings, and leave a journal that ends with a whole line."""
    try:
        start, *lines = journal.read_bytes().splitlines(keepends=True)
        if msgspec.json.decode(start, type=_Start).made_from != made_from:
            raise ValueError
    except (OSError, ValueError, msgspec.DecodeError):
        start, lines = msgspec.json.encode(_Start(made_from)) + b"\n", []
    whole = [line for line in lines if line.endswith(b"\n")]
    with records.replacing(journal) as temporary:
        temporary.write_bytes(start + b"".join(whole))
    try:
        outcomes = [msgspec.json.decode(line, type=Outcome) for line in whole]
    except msgspec.DecodeError as error:
        raise BadFile(journal, f"is damaged ({error}). Delete it and run the step again.") from None
    return {outcome.item: outcome for outcome in outcomes}


def _append(journal: Path, row: Any) -> None:
    with journal.open("ab") as file:
        file.write(msgspec.json.encode(row) + b"\n")
