"""Finds the survey question closest to what somebody asks, in English, offline and with numpy only.

Sentences become vectors with one attention layer over word pieces (`words.npz`, made by `training.steps.words`).
Knows nothing of models or screens.
"""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from culturechat.survey import Bank, Question

WORDS = Path(__file__).with_name("words.npz")
HEADS = 4
MOST_PIECES = 48
"""What stands later in a text is not looked at; the bank's longest sentence has fewer."""
ONE_THREAD = 2**18
"""Up to here OpenBLAS stays on one thread. While a model keeps all cores busy its threads wait for each other, and the
first search took 9 s instead of 0.3."""
NEAREST = 3
"""So many wordings have to agree: one alone may share a turn of phrase by accident."""
LEAST = 0.635
"""With NEAREST chosen on the tuning half of tests/app/data/search_questions.toml."""
Floats = npt.NDArray[np.float32]
_Index = tuple[tuple[str, Floats], ...]
"""Items and the vectors of their wordings."""


@dataclass(frozen=True)
class Match:
    """The survey question closest to a text."""

    item: str
    similarity: float
    """Mean cosine with the nearest wordings of that question, 0 to 1."""


def closest(text: str, bank: Bank) -> Match | None:
    """Return the closest question, or None where none is close or the text holds no English word."""
    vector = encoder().encode([text])[0]
    if not vector.any() or not bank.questions:
        return None
    similarities = {item: likeness(vectors @ vector) for item, vectors in _index(bank)}
    best = max(similarities, key=lambda item: similarities[item])
    return Match(best, similarities[best]) if similarities[best] >= LEAST else None


def pieces(text: str, rows: Mapping[str, int]) -> list[int]:
    """Return the rows of the text's word pieces, longest first as in BERT; unknown words are left out."""
    plain = unicodedata.normalize("NFD", text.lower())
    plain = "".join(mark for mark in plain if unicodedata.category(mark) != "Mn")
    return [row for word in re.findall(r"[^\W_]+|[^\w\s]", plain) for row in _pieces_of(word, rows)]


def wordings(question: Question) -> tuple[str, ...]:
    """Return all that says what a question is about."""
    texts = (question.question, question.open, question.claim, question.topic, *question.restatements)
    return tuple(text for text in texts if text)


def likeness(cosines: Floats) -> float:
    """Return how close a question is, given the cosines with its wordings."""
    return min(1.0, float(np.sort(cosines)[-NEAREST:].mean()))


def _pieces_of(word: str, rows: Mapping[str, int]) -> list[int]:
    found: list[int] = []
    start, mark = 0, ""
    while start < len(word):
        ends = (end for end in range(min(len(word), start + 20), start, -1) if mark + word[start:end] in rows)
        end = next(ends, None)
        if end is None:
            return []
        found.append(rows[mark + word[start:end]])
        start, mark = end, "##"
    return found


class Encoder:
    """Sentences to unit vectors."""

    def __init__(self, tensors: Mapping[str, npt.NDArray[Any]]) -> None:
        names = tensors["vocabulary"].tobytes().decode().split("\n")
        self.rows = {name: row for row, name in enumerate(names)}
        self.words = tensors["words"]  # 7 bits; rows are scaled as they are used
        self.parts = {name: tensors[name].astype(np.float32) for name in tensors if tensors[name].dtype == np.float16}

    def encode(self, texts: Sequence[str]) -> Floats:
        """Return one row per text; zeros for a text without a known word."""
        # A page of text costs no more than its first lines; 20 characters a piece are more than English has.
        ids = [pieces(text[: 20 * MOST_PIECES], self.rows)[:MOST_PIECES] for text in texts]
        vectors = np.zeros((len(ids), self.words.shape[1]), np.float32)
        order = sorted((row for row, one in enumerate(ids) if one), key=lambda row: len(ids[row]))
        # Sentences of one length go together, so that nothing has to be padded.
        bounds = [at for at in range(len(order) + 1) if at in (0, len(order)) or _differ(ids, order, at)]
        for first, last in pairwise(bounds):
            vectors[order[first:last]] = self._encode(np.array([ids[row] for row in order[first:last]]))
        return vectors

    def _encode(self, rows: npt.NDArray[np.int64]) -> Floats:
        part = self.parts
        hidden = self.words[rows] * part["scale"][rows] + part["place"][: rows.shape[1]]
        hidden = hidden + _times(self._mixed(_times(_level(hidden), part["attend"])), part["attended"])
        hidden = hidden + _times(np.maximum(_times(_level(hidden), part["widen"]), 0), part["narrow"])
        vectors = _times((hidden * np.exp(part["weight"][rows])[..., None]).sum(1), part["out"])
        unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
        return unit

    def _mixed(self, split: Floats) -> Floats:
        """Return each word's mix of the sentence's words, from queries, keys and values."""
        texts, words, _ = split.shape
        query, key, value = split.reshape(texts, words, 3, HEADS, -1).transpose(2, 0, 3, 1, 4)
        scores = query @ key.swapaxes(-1, -2) / np.sqrt(np.float32(query.shape[-1]))
        shares = np.exp(scores - scores.max(-1, keepdims=True))
        mixed: Floats = shares / shares.sum(-1, keepdims=True) @ value
        return mixed.transpose(0, 2, 1, 3).reshape(texts, words, -1)


@cache
def encoder() -> Encoder:
    """Return the shipped encoder, read on first use."""
    with np.load(WORDS, allow_pickle=False) as file:
        return Encoder({name: file[name] for name in file.files})


def _index(bank: Bank) -> _Index:
    # A bank holds dicts and has no hash; its wordings have one, and equal banks then share an index.
    return _index_of(tuple((item, wordings(question)) for item, question in bank.questions.items()))


@cache
def _index_of(by_item: tuple[tuple[str, tuple[str, ...]], ...]) -> _Index:
    vectors = encoder().encode([text for _, texts in by_item for text in texts])
    ends = np.cumsum([len(texts) for _, texts in by_item])[:-1]
    return tuple(zip((item for item, _ in by_item), np.split(vectors, ends), strict=True))


def _differ(ids: Sequence[Sequence[int]], order: Sequence[int], at: int) -> bool:
    return len(ids[order[at - 1]]) != len(ids[order[at]])


def _times(left: Floats, right: Floats) -> Floats:
    """Return the matrix product, in blocks of at most ONE_THREAD multiplications."""
    rows, wide = left.size // left.shape[-1], ONE_THREAD // right.size
    blocks = np.zeros((-(-rows // wide), wide, left.shape[-1]), np.float32)
    blocks.reshape(-1, left.shape[-1])[:rows] = left.reshape(rows, -1)
    product: Floats = (blocks @ right).reshape(-1, right.shape[1])[:rows]
    return product.reshape(*left.shape[:-1], -1)


def _level(hidden: Floats) -> Floats:
    centred = hidden - hidden.mean(-1, keepdims=True)
    level: Floats = centred / np.sqrt((centred**2).mean(-1, keepdims=True) + np.float32(1e-5))
    return level
