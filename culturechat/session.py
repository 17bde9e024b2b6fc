"""One comparison in progress: the same question to every column, one history per column.

Sends, stops and regenerates as streams of events whose text is safe for a terminal. Knows nothing of screens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

from culturechat import prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Engine, Event, Failed, Finished, Request, Sampling, Token
from culturechat.errors import UsageError
from culturechat.settings import Settings
from culturechat.terminal import Cleaner, clean


class Session:
    """A comparison of several columns on one engine."""

    def __init__(self, engine: Engine, columns: Sequence[Column], settings: Settings) -> None:
        self.columns = {column.id: column for column in columns}
        self.conversations = {column.id: Conversation() for column in columns}
        """What was said in each column; an answer appears here when it has ended."""
        self._engine = engine
        self._settings = settings
        self._tries = dict.fromkeys(self.columns, 0)

    def open(self) -> str | None:
        """Load the columns' models; until then nothing can be asked. Return what is smaller than asked for, if any.

        Raises:
            CulturechatError: a model cannot be loaded.
        """
        context = self._settings.context
        return self._engine.open(list(self.columns.values()), context, self._settings.deterministic).shortage(context)

    def send(self, text: str, to: Collection[str] | None = None) -> Iterator[Event]:
        """Ask the columns, all by default, and yield their events until each has ended.

        Raises:
            UsageError: the question is empty.
        """
        question = clean(text).strip()
        if not question:
            raise UsageError("The question is empty; type one, or pipe it in.")
        asked = [column for column in self.columns if to is None or column in to]
        for column in asked:
            self.conversations[column] = self.conversations[column].answered().with_user(question)
            self._tries[column] = 0
        yield from self._answer(asked)

    def regenerate(self, columns: Collection[str] | None = None) -> Iterator[Event]:
        """Answer the last question again with the next seed; what failed is simply tried again."""
        again = [
            column
            for column, conversation in self.conversations.items()
            if (columns is None or column in columns) and conversation.messages
        ]
        for column in again:
            if self.conversations[column].messages[-1].role == "assistant":
                self._tries[column] += 1
            self.conversations[column] = self.conversations[column].without_last_answer()
        yield from self._answer(again)

    def stop(self, columns: Collection[str] | None = None) -> None:
        """End the answers of these columns, or all, where they are; the text so far is kept."""
        self._engine.cancel(columns)

    def seed(self, column: str) -> int:
        """Return the seed of the column's current answer."""
        return self._settings.seed + self._tries[column]

    def _answer(self, columns: Sequence[str]) -> Iterator[Event]:
        cleaners = {column: Cleaner() for column in columns}
        texts = dict.fromkeys(columns, "")
        for event in self._engine.generate([self._request(column) for column in columns]):
            column = event.column
            if isinstance(event, Token):
                event = Token(column, cleaners[column].feed(event.text))
                if not event.text:
                    continue
                texts[column] += event.text
            elif isinstance(event, Finished | Failed):
                rest = cleaners[column].flush()
                if rest:
                    texts[column] += rest
                    yield Token(column, rest)
                if texts[column].strip():
                    self.conversations[column] = self.conversations[column].with_answer(texts[column].strip())
            yield event

    def _request(self, column: str) -> Request:
        messages = prompting.chat(self.columns[column].culture, self.conversations[column])
        return Request(column, tuple(messages), self._sampling(), self.seed(column))

    def _sampling(self) -> Sampling:
        chosen = self._settings
        return Sampling(chosen.temperature, top_p=chosen.top_p, min_p=chosen.min_p, max_tokens=chosen.max_tokens)
