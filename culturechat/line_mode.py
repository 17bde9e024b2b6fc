"""The chat as lines of text, for screen readers and pipes: a question in, every column's answer out, one after another.

Reads lines while answers are written, so that `/stop` can be typed. Knows nothing of how columns are found or models
loaded.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING

from culturechat import survey
from culturechat.catalogue import Column
from culturechat.engines import Event
from culturechat.errors import CulturechatError, UsageError, unknown
from culturechat.plain import Answers, say
from culturechat.session import Session
from culturechat.survey import Bank, Question
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.survey.search import Match

COMMANDS = {
    "again": "answer the last question again with the next seed; /again chinese: in one column",
    "continue": "go on with the last answers where they ended; /continue chinese: with one",
    "edit": "/edit TEXT: ask this in place of the last question",
    "only": "/only chinese TEXT: ask one column",
    "stop": "stop the answers that are being written; Ctrl-C does the same",
    "columns": "say which columns there are",
    "add": "/add german: compare one more column",
    "drop": "/drop german: close a column",
    "models": "say what the models themselves answer to the survey question found last",
    "help": "say this",
    "quit": "leave; so does the end of the input",
}

Closest = Callable[[str, Bank], "Match | None"]
Find = Callable[[str, str, int], Column]
"""Finds what answers in a further column, by its name and base, beside so many others."""


@dataclass
class LineMode:
    """One chat; `run` lasts until it ends."""

    session: Session
    bank: Bank
    closest: Closest
    find: Find
    lines: Iterable[str] = field(default_factory=lambda: sys.stdin)
    prompt: str = "> "
    """Printed when it is the user's turn; nothing where nobody types."""

    def __post_init__(self) -> None:
        self._typed: SimpleQueue[str | None] = SimpleQueue()
        self._kept: list[str | None] = []
        self._item = ""
        self._complete = True

    def run(self) -> bool:
        """Answer line by line; return whether every answer came."""
        threading.Thread(target=self._read, daemon=True).start()
        self._say_columns()
        say("Type a question, or /help.\n\n")
        while True:
            say(self.prompt)
            line = self._next()
            if line is None:
                return self._complete
            if not line.strip():
                continue
            try:
                if self._obey(line.strip()):
                    return self._complete
            except CulturechatError as error:
                self._complete = False
                say(f"{one_line(str(error))}\n\n")

    def _read(self) -> None:
        for line in self.lines:
            self._typed.put(line)
        self._typed.put(None)

    def _next(self) -> str | None:
        return self._kept.pop(0) if self._kept else self._typed.get()

    def _obey(self, line: str) -> bool:
        """Do what a line says; return whether the chat is over."""
        if not line.startswith("/"):
            self._ask(line)
            return False
        name, _, rest = line[1:].partition(" ")
        rest = rest.strip()
        match name:
            case "quit":
                return True
            case "again":
                asked = [name for name in self._meant(rest) if self.session.conversations[name].messages]
                self._answer(self.session.regenerate(asked), asked)
            case "continue":
                asked = [name for name in self._meant(rest) if self.session.can_go_on(name)]
                self._answer(self.session.go_on(asked), asked)
            case "edit":
                self._answer(self.session.edit(rest), list(self.session.columns))
                self._say_people(rest)
            case "only":
                column, _, question = rest.partition(" ")
                self._ask(question, self._meant(column or "?"))
            case "stop":
                say("Nothing is being written.\n\n")
            case "columns":
                self._say_columns()
            case "add":
                self._add(rest)
            case "drop":
                self._drop(rest)
            case "models":
                self._say_models()
            case "help":
                say("".join(f"/{name}: {what}\n" for name, what in COMMANDS.items()) + "\n")
            case _:
                raise unknown("command", f"/{name}", [f"/{known}" for known in COMMANDS])
        return False

    def _ask(self, question: str, columns: Sequence[str] | None = None) -> None:
        asked = list(self.session.columns) if columns is None else list(columns)
        self._answer(self.session.send(question, asked), asked)
        self._say_people(question)

    def _answer(self, events: Iterable[Event], asked: Sequence[str]) -> None:
        """Print what these columns answer; Ctrl-C stops them, and the text so far stays."""
        if not asked:
            say("There is nothing to do that with yet.\n\n")
            return
        answers = Answers([self.session.columns[name] for name in asked], self.session.settings.seed)
        with self._stopping():
            for event in events:
                answers.take(event)
                self._look_for_stop()
        self._complete &= answers.complete

    @contextmanager
    def _stopping(self) -> Iterator[None]:
        """Let Ctrl-C stop the answers instead of the program."""
        if threading.current_thread() is not threading.main_thread():
            yield
            return
        before = signal.signal(signal.SIGINT, lambda number, frame: self.session.stop())
        try:
            yield
        finally:
            signal.signal(signal.SIGINT, before)

    def _look_for_stop(self) -> None:
        """Heed `/stop` at once; what else was typed waits."""
        while True:
            try:
                line = self._typed.get_nowait()
            except Empty:
                return
            if line is not None and line.strip() == "/stop":
                self.session.stop()
            else:
                self._kept.append(line)

    def _say_people(self, asked: str) -> None:
        match = self.closest(asked, self.bank)
        self._item = match.item if match else ""
        if match is None:
            say("No survey question is close to this.\n\n")
            return
        question = self.bank.question(match.item)
        say(f"Closest survey question, similarity {match.similarity:.2f}: {one_line(question.question)}\n")
        for column in self.session.columns.values():
            if column.culture:
                say(f"{column.title}: {self._people(question, column.culture.countries)}\n")
        say("\n")

    def _people(self, question: Question, countries: Sequence[str]) -> str:
        people = self.bank.people(question.item, countries)
        known = survey.countries()
        names = " and ".join(known[code].name if code in known else one_line(code) for code in countries)
        if people is None:
            return f"not asked in {names}."
        years = ", ".join(sorted({str(known[code].year) for code in people.countries if code in known}))
        asked = f", {people.n:,} answers" if people.n else ""
        return f"people asked in {names} {years}{asked}: {_shares(question, people.shares)}."

    def _say_models(self) -> None:
        if not self._item:
            say("No survey question was found for the last question.\n\n")
            return
        from culturechat import probing  # it loads numpy

        question = self.bank.question(self._item)
        for column in self.session.columns.values():
            for result in probing.stream(self.session.engine, [column], self.bank, [self._item]):
                distance = f" Distance from the people {result.wd:.2f}." if result.wd is not None else ""
                say(f"{column.title}, the model: {_shares(question, result.p)}.{distance}\n")
        say("\n")

    def _say_columns(self) -> None:
        named = (f"{name} ({column.title}, {column.form})" for name, column in self.session.columns.items())
        say(f"Columns: {', '.join(named)}.\n")

    def _add(self, name: str) -> None:
        if name in self.session.columns:
            raise UsageError(f"{name} is a column already.")
        self.session.add(self.find(name, self.session.settings.base, len(self.session.columns)))
        try:
            shortage = self.session.reopen()
        except CulturechatError:
            self.session.drop(name)
            raise
        if shortage:
            say(f"{shortage}\n")
        self._say_columns()

    def _drop(self, name: str) -> None:
        (column,) = self._meant(name or "?")
        if len(self.session.columns) == 1:
            raise UsageError("The last column stays; /quit leaves.")
        self.session.drop(column)
        self.session.reopen()
        self._say_columns()

    def _meant(self, name: str) -> list[str]:
        """Return the column that is named, or all where none is."""
        if not name:
            return list(self.session.columns)
        if name not in self.session.columns:
            raise unknown("column", name, self.session.columns)
        return [name]


def _shares(question: Question, shares: Sequence[float]) -> str:
    pairs = zip(question.labels, shares, strict=True)
    return ", ".join(f"{one_line(label)} {share:.0%}" for label, share in pairs)
