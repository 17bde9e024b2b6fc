"""One comparison in progress: the same question to every column, one conversation per column.

Sends, stops and regenerates as streams of events whose text is safe for a terminal; a recorder, if there is one, hears
of everything. Knows nothing of screens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence

import msgspec

from culturechat import prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Engine, Event, Failed, Finished, Request, Sampling, Started, Token
from culturechat.errors import UsageError
from culturechat.history import Chat, Recorder
from culturechat.settings import Settings
from culturechat.terminal import Cleaner, clean


class Session:
    """A comparison of several columns on one engine."""

    def __init__(
        self,
        engine: Engine,
        columns: Sequence[Column],
        settings: Settings,
        recorder: Recorder | None = None,
        past: Chat | None = None,
    ) -> None:
        """Begin a comparison.

        Args:
            engine: Who answers.
            columns: What is compared, in the order shown.
            settings: How answers are drawn.
            recorder: Hears of all questions and answers.
            past: The chat that is gone on with.
        """
        self.columns = {column.id: column for column in columns}
        self.conversations = {name: past.conversation(name) if past else Conversation() for name in self.columns}
        """What was said in each column; an answer appears here when it has ended."""
        self.recorder = recorder
        self._engine = engine
        self._settings = settings
        self._seeds: dict[str, int] = {}
        self._reseeded: set[str] = set()
        self._tries = {name: past.attempt(name) if past else 0 for name in self.columns}

    def open(self) -> str | None:
        """Load the columns' models; until then nothing can be asked. Return what is smaller than asked for, if any.

        Raises:
            CulturechatError: a model cannot be loaded.
        """
        wanted = self.settings.context
        plan = self._engine.open(list(self.columns.values()), wanted, self.settings.deterministic)
        if self.recorder:
            self.recorder.context = plan.context_tokens
        return plan.shortage(wanted)

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
        self._reseeded.difference_update(asked)
        if self.recorder:
            self.recorder.asked(question, asked)
        yield from self._answer(asked)

    def regenerate(self, columns: Collection[str] | None = None) -> Iterator[Event]:
        """Answer the last question again with the next seed; what failed is simply tried again."""
        again = [
            column
            for column, conversation in self.conversations.items()
            if (columns is None or column in columns) and conversation.messages
        ]
        for column in again:
            if column in self._reseeded:
                self._tries[column] = 0
            elif self.conversations[column].messages[-1].role == "assistant":
                self._tries[column] += 1
            self.conversations[column] = self.conversations[column].without_last_answer()
        self._reseeded.difference_update(again)
        yield from self._answer(again)

    def stop(self, columns: Collection[str] | None = None) -> None:
        """End the answers of these columns, or all, where they are; the text so far is kept."""
        self._engine.cancel(columns)

    @property
    def settings(self) -> Settings:
        """How answers are drawn; what is set anew holds from the next answer on."""
        return self._settings

    @settings.setter
    def settings(self, settings: Settings) -> None:
        if settings.seed != self._settings.seed:
            self._reseeded = set(self.columns)
        self._settings = settings

    @property
    def engine(self) -> Engine:
        """Who answers."""
        return self._engine

    def seed(self, column: str) -> int:
        """Return the seed of the column's current answer."""
        return self._seeds.get(column, self.settings.seed + self._tries[column])

    def _answer(self, columns: Sequence[str]) -> Iterator[Event]:
        settings = self.settings
        requests = [self._request(column, settings) for column in columns]
        if self.recorder:
            prompts = ((request.column, request.seed, request.messages) for request in requests)
            self.recorder.begun(prompts, msgspec.to_builtins(_sampling(settings)))
        for event in self._cleaned(requests):
            if self.recorder:
                _record(self.recorder, event)
            yield event

    def _cleaned(self, requests: Sequence[Request]) -> Iterator[Event]:
        cleaners = {request.column: Cleaner() for request in requests}
        texts = dict.fromkeys(cleaners, "")
        for event in self._engine.generate(requests):
            column = event.column
            if isinstance(event, Token):
                event = Token(column, cleaners[column].feed(event.text))
                if not event.text:
                    continue
                texts[column] += event.text
            elif isinstance(event, Finished | Failed) and texts[column].strip():
                self.conversations[column] = self.conversations[column].with_answer(texts[column].strip())
            yield event

    def _request(self, column: str, settings: Settings) -> Request:
        culture = self.columns[column].culture
        prompt = settings.prompts.get(culture.id) if culture else None
        messages = prompting.chat(culture, self.conversations[column], prompt=prompt)
        self._seeds[column] = settings.seed + self._tries[column]
        return Request(column, tuple(messages), _sampling(settings), self._seeds[column])


def _sampling(chosen: Settings) -> Sampling:
    return Sampling(chosen.temperature, top_p=chosen.top_p, min_p=chosen.min_p, max_tokens=chosen.max_tokens)


def _record(recorder: Recorder, event: Event) -> None:
    match event:
        case Started():
            recorder.read(event.column, event.cached_tokens)
        case Token(column, text):
            recorder.wrote(column, text)
        case Finished():
            figures = (event.tokens, event.tokens_per_second, event.shared_batch)
            recorder.ended(event.column, event.reason, *figures)
        case Failed(column, error):
            recorder.failed(column, error)
