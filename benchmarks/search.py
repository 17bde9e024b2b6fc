"""Compares ways to find the closest survey question: `python -m benchmarks.search` (needs the `train` extra).

Every way chooses its threshold on the tuning half, by right finds minus false ones with at most 10 % false;
the test half is then counted once.
"""

from __future__ import annotations

import re
import time
import tomllib
from collections import Counter
from collections.abc import Callable, Sequence
from math import log
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import numpy.typing as npt

from culturechat import survey
from culturechat.survey import search
from tests.app.test_search import held_out

QUESTIONS = Path(__file__).parents[1] / "tests" / "app" / "data" / "search_questions.toml"
MOST_FALSE = 0.1
Scores = npt.NDArray[Any]
"""One row a text, one column an item."""
Way = Callable[[Sequence[str], survey.Bank], Scores]


class Asked(NamedTuple):
    """Questions and the items that may be found; none for everyday questions."""

    texts: list[str]
    items: list[set[str]]


class Rates(NamedTuple):
    """Shares: `top1`, `right` and `wrong` of the related questions, `false` of the others."""

    top1: float
    right: float
    wrong: float
    false: float


def main() -> None:
    """Print one line for each way and half, and what a search costs."""
    bank = survey.load()
    tuning, test = asked(False), asked(True)
    for name, way in WAYS.items():
        scores = way(tuning.texts, bank)
        least = threshold(scores, tuning, list(bank.questions))
        _print(name, "tuning", least, rates(scores, tuning, list(bank.questions), least))
        _print(name, "test", least, rates(way(test.texts, bank), test, list(bank.questions), least))
    _print_cost(test.texts, bank)


def asked(test: bool) -> Asked:
    """Return one half of the questions."""
    table = tomllib.loads(QUESTIONS.read_text(encoding="utf-8"))
    rows = [(row["text"], set(row["items"])) for row in table["related"]]
    rows += [(text, set()) for text in table["unrelated"]["texts"]]
    rows = [row for row in rows if held_out(row[0]) == test]
    return Asked([text for text, _ in rows], [items for _, items in rows])


def threshold(scores: Scores, half: Asked, items: Sequence[str]) -> float:
    """Return the least score at which right finds most exceed false ones."""
    found = ((rates(scores, half, items, least), float(least)) for least in np.unique(scores.max(1)))
    return max((rate.right - rate.false, least) for rate, least in found if rate.false <= MOST_FALSE)[1]


def rates(scores: Scores, half: Asked, items: Sequence[str], least: float) -> Rates:
    """Return how often the best item is right, is right and shown, wrong and shown, or shown for nothing."""
    best = [items[column] for column in scores.argmax(1)]
    shown = scores.max(1) >= least
    related = np.array([bool(wanted) for wanted in half.items])
    right = np.array([item in wanted for item, wanted in zip(best, half.items, strict=True)])
    of_related = (right[related], (right & shown)[related], (~right & shown)[related])
    return Rates(*(float(values.mean()) for values in (*of_related, shown[~related])))


def ours(texts: Sequence[str], bank: survey.Bank) -> Scores:
    """Score with the shipped encoder."""
    return _nearest(search.encoder().encode, texts, bank)


def teacher(texts: Sequence[str], bank: survey.Bank) -> Scores:
    """Score with all-MiniLM-L6-v2 itself."""
    from training.steps.words import load_teacher

    model, _ = load_teacher()
    return _nearest(lambda some: model.encode(list(some), normalize_embeddings=True), texts, bank)


def bm25(texts: Sequence[str], bank: survey.Bank, k: float = 1.2, b: float = 0.75) -> Scores:
    """Score with BM25, all wordings of a question being one document."""
    documents = [Counter(_words(" ".join(search.wordings(question)))) for question in bank.questions.values()]
    having = Counter(word for document in documents for word in document)
    mean = np.mean([document.total() for document in documents])

    def score(word: str, document: Counter[str]) -> float:
        rare = log(1 + (len(documents) - having[word] + 0.5) / (having[word] + 0.5))
        return float(rare * document[word] * (k + 1) / (document[word] + k * (1 - b + b * document.total() / mean)))

    return np.array([[sum(score(w, doc) for w in set(_words(text))) for doc in documents] for text in texts])


WAYS: dict[str, Way] = {"ours": ours, "BM25": bm25, "all-MiniLM-L6-v2": teacher}


def _nearest(encode: Callable[[Sequence[str]], Scores], texts: Sequence[str], bank: survey.Bank) -> Scores:
    wordings = [search.wordings(question) for question in bank.questions.values()]
    vectors, found = encode(texts), encode([text for some in wordings for text in some])
    questions = np.split(found, np.cumsum([len(some) for some in wordings])[:-1])
    return np.array([[search.likeness(one @ vector) for one in questions] for vector in vectors])


def _words(text: str) -> list[str]:
    return re.findall(r"[a-z]+", text.lower())


def _print(name: str, half: str, least: float, rate: Rates) -> None:
    shares = "  ".join(f"{field} {share:6.1%}" for field, share in rate._asdict().items())
    print(f"{name:18} {half:7} at {least:6.3f}  {shares}")


def _print_cost(texts: Sequence[str], bank: survey.Bank) -> None:
    for clear in (search.encoder.cache_clear, search._index_of.cache_clear):
        clear()
    start = time.perf_counter()
    search.closest(texts[0], bank)
    first = time.perf_counter()
    for text in texts:
        search.closest(text, bank)
    later = (time.perf_counter() - first) / len(texts)
    print(
        f"first search {first - start:.3f} s, later ones {later * 1000:.1f} ms, {search.WORDS.stat().st_size:,} bytes"
    )


if __name__ == "__main__":
    main()
