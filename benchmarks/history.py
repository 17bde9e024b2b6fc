"""How fast a large history opens and is searched, and what a tokenizer finds: `python -m benchmarks.history [CHATS]`.

The history is made of answers in nine languages, two questions of three columns a chat. Times are medians of five. The
tokenizers are compared by how many parts of words (one to four characters, the way people type) they find of those that
are in the texts.
"""

from __future__ import annotations

import asyncio
import random
import sqlite3
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path

from textual.widgets import OptionList

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.conversation import Message
from culturechat.engines.echo import Echo
from culturechat.history import Answer, Chat, History, Turn, Voice, search
from culturechat.settings import Settings
from culturechat.tui.app import CompareApp
from culturechat.tui.library import Library

ROUNDS = 5
SAID = {name: cultures.load(name).prompt.own + " " + cultures.load(name).greeting for name in cultures.names()}
QUERIES = ("传统", "孝", "문화", "সমাজ", "الناس", "a", "di", "kultur", "grown-up parents", "no such words")


def chats(count: int) -> Iterator[Chat]:
    """Yield chats in all languages, about 600 characters an answer, like those of a small model."""
    chance = random.Random(1)
    names = list(SAID)
    for number in range(count):
        at = datetime(2026, 1, 1, tzinfo=UTC) + timedelta(minutes=number)
        voices = tuple(Voice(name, "prompt", "model", "smollm2-135m") for name in chance.sample(names, 3))
        question = f"Should grown-up children care for their parents? {number}"
        turns = tuple(_turn(question, voices, at, chance) for _ in range(2))
        yield Chat(0, question, at, at, voices, turns)


def opening(history: History) -> float:
    """Return the seconds from the key to a list that is shown, in the app on a screen of its own."""

    async def run() -> float:
        library = Library(Echo(), "echo", Settings(), history)
        columns = [Column("base", None, "base", "model", Path("model.gguf"))]
        app = CompareApp(library.begin(columns), Settings(), survey.load(), lambda text, bank: None, library=library)
        async with app.run_test(size=(120, 40)) as pilot:
            await pilot.pause(0.5)
            began = time.perf_counter()
            app.action_history()
            while not any(one.option_count for one in app.screen.query("#chats").results(OptionList)):
                await asyncio.sleep(0.001)
            await pilot.pause()
            return time.perf_counter() - began

    return asyncio.run(run())


def found(tokenizer: str, texts: Sequence[str], parts: Sequence[tuple[int, str]]) -> float:
    """Return the share of parts for which an index of this kind finds the text they were taken from."""
    connection = sqlite3.connect(":memory:")
    connection.execute(f'CREATE VIRTUAL TABLE said USING fts5 (text, tokenize = "{tokenizer}")')
    connection.executemany("INSERT INTO said (rowid, text) VALUES (?, ?)", enumerate(texts))
    hits = 0
    for row, part in parts:
        query = '"{}"*'.format(part.replace('"', '""')) if "trigram" not in tokenizer else f'"{part}"'
        rows = connection.execute("SELECT rowid FROM said WHERE said MATCH ?", (query,)).fetchall()
        hits += (row,) in rows
    return hits / len(parts)


def ours(texts: Sequence[str], parts: Sequence[tuple[int, str]]) -> float:
    """Return the same share for the history's own search."""
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "history.sqlite3")
        at = datetime(2026, 1, 1, tzinfo=UTC)
        numbers = history.add([Chat(0, "title", at, at, (), (Turn(text, at, ()),)) for text in texts])
        return sum(numbers[row] in {entry.id for entry in history.search(part)} for row, part in parts) / len(parts)


def main() -> None:
    """Print times, then the comparison of tokenizers."""
    count = int(sys.argv[1]) if len(sys.argv) > 1 else 10_000
    with tempfile.TemporaryDirectory() as folder:
        history = History(Path(folder) / "history.sqlite3")
        began = time.perf_counter()
        history.add(list(chats(count)))
        size = history.path.stat().st_size / 1e6
        print(f"{count:,} chats taken in: {time.perf_counter() - began:.1f} s, {size:.0f} MB")
        print(f"all listed            {_median(lambda: history.entries()):.3f} s")
        print(f"the first 200 listed  {_median(lambda: history.entries(200)):.3f} s")
        print(f"shown in the app      {statistics.median(opening(history) for _ in range(ROUNDS)):.3f} s")
        print(f"one opened            {_median(lambda: history.load(count // 2)):.3f} s")
        for query in QUERIES:
            find = partial(history.search, query, 200)
            print(f"search {query:18} {_median(find):.3f} s, {len(find())} shown")
    _print_tokenizers()


def _print_tokenizers() -> None:
    print("\nParts of words found, of 1, 2, 3 and 4 characters")
    print(f"{'language':12}" + "".join(f"{way:>26}" for way in ("unicode61", "trigram", "ours")))
    for name, text in SAID.items():
        shares: dict[str, list[float]] = {way: [] for way in ("unicode61", "trigram", "ours")}
        for length in (1, 2, 3, 4):
            texts, parts = text.split("."), []
            for row, sentence in enumerate(texts):
                words = [word for word in sentence.split() if len(word) >= length]
                parts += [(row, word[start : start + length]) for word in words for start in (0, len(word) - length)]
            folded = [(row, search.fold(part)) for row, part in parts if search.words(part)]
            for way in ("unicode61", "trigram"):
                shares[way].append(found(way, [search.fold(one) for one in texts], folded))
            shares["ours"].append(ours(texts, parts))
        print(f"{name:12}" + "".join(f"{' '.join(f'{share:5.0%}' for share in way):>26}" for way in shares.values()))


def _turn(question: str, voices: Sequence[Voice], at: datetime, chance: random.Random) -> Turn:
    answers = []
    for voice in voices:
        words = SAID[voice.culture].split()
        text = " ".join(chance.choice(words) for _ in range(80))
        messages = (Message("system", SAID[voice.culture]), Message("user", question))
        sampling: dict[str, int | float] = {"temperature": 0.7, "max_tokens": 256}
        answers.append(Answer(voice, 0, 1, sampling, 2048, False, "echo", messages, at, at, text, "stop", tokens=80))
    return Turn(question, at, tuple(answers))


def _median(work: Callable[[], object]) -> float:
    times = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        work()
        times.append(time.perf_counter() - began)
    return statistics.median(times)


if __name__ == "__main__":
    main()
