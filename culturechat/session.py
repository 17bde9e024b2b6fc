"""One comparison in progress: the same question to every column, one conversation per column.

Sends, stops and regenerates as streams of events whose text is safe for a terminal; a recorder, if there is one, hears
of everything. Knows nothing of screens.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from contextlib import suppress
from threading import Lock

import msgspec

from culturechat import prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Engine, Event, Failed, Finished, Request, Sampling, Started, Token
from culturechat.errors import CulturechatError, UsageError
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
        self._closed: dict[str, str] = {}
        """Columns that could not be opened when they were added, and why."""
        self._opening = Lock()
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

    def edit(self, text: str, to: Collection[str] | None = None) -> Iterator[Event]:
        """Ask something else in place of the last question to these columns, all by default; its answers go.

        Raises:
            UsageError: the question is empty.
        """
        asked = [column for column in self.columns if to is None or column in to]
        if clean(text).strip():
            if self.recorder:
                self.recorder.replaced([column for column in asked if self.conversations[column].messages])
            for column in asked:
                self.conversations[column] = self.conversations[column].without_last_turn()
        yield from self.send(text, asked)

    def go_on(self, columns: Collection[str] | None = None) -> Iterator[Event]:
        """Go on with the last answers of these columns, or all, where they ended; only the new text is yielded."""
        yield from self._answer([column for column in self.columns if self.can_go_on(column, columns)])

    def can_go_on(self, column: str, among: Collection[str] | None = None) -> bool:
        """Return whether there is an answer in the column that more could be written of."""
        messages = self.conversations[column].messages
        return (among is None or column in among) and bool(messages) and messages[-1].role == "assistant"

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

    def add(self, column: Column) -> None:
        """Compare one more column; it can be asked when `reopen` has opened it."""
        self.columns = {**self.columns, column.id: column}
        self.conversations[column.id] = Conversation()
        self._tries[column.id] = 0
        self._closed[column.id] = "its model is not loaded yet"
        self._seat()

    def drop(self, column: str) -> None:
        """Compare one column less: its answer is stopped; `reopen` frees its memory."""
        self.stop([column])
        self.columns = {name: other for name, other in self.columns.items() if name != column}
        self._closed.pop(column, None)
        self._seat()

    def arrange(self, order: Sequence[str]) -> None:
        """Let the columns stand in this order."""
        self.columns = {name: self.columns[name] for name in order}
        self._seat()

    def reopen(self) -> str | None:
        """Load what columns were added, free what was dropped, and return what is smaller than asked for, if any.

        The others' conversations stay, and answers under way go on.

        Raises:
            CulturechatError: a model cannot be loaded; all that was open stays open.
        """
        with self._opening:  # who asks last decides, whatever the order in which threads get here
            wanted = list(self.columns.values())
            try:
                plan = self._engine.change(wanted)
            except CulturechatError as error:
                self._closed |= dict.fromkeys(self._closed, str(error))
                raise
            for column in wanted:
                self._closed.pop(column.id, None)
            if self.recorder:
                self.recorder.context = plan.context_tokens
        return plan.shortage(self.settings.context)

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

    @property
    def closed(self) -> Collection[str]:
        """Columns that were added but could not be opened; asking them tries again."""
        return tuple(self._closed)

    def _answer(self, columns: Sequence[str]) -> Iterator[Event]:
        if any(column in self._closed for column in columns):
            with suppress(CulturechatError):
                self.reopen()
        settings = self.settings
        requests = [self._request(column, settings) for column in columns]
        if self.recorder:
            prompts = ((request.column, request.seed, request.messages) for request in requests)
            self.recorder.begun(prompts, msgspec.to_builtins(_sampling(settings)))
            for request in requests:
                if text := _begun_with(request):
                    self.recorder.wrote(request.column, text)
        for column in [column for column in columns if column in self._closed]:
            failed = Failed(column, self._closed[column])
            if self.recorder:
                _record(self.recorder, failed)
            yield failed
        requests = [request for request in requests if request.column not in self._closed]
        for event in self._cleaned(requests):
            if self.recorder:
                _record(self.recorder, event)
            yield event

    def _cleaned(self, requests: Sequence[Request]) -> Iterator[Event]:
        cleaners = {request.column: Cleaner() for request in requests}
        texts = {request.column: _begun_with(request) for request in requests}
        for event in self._engine.generate(requests):
            column = event.column
            if isinstance(event, Token):
                event = Token(column, cleaners[column].feed(event.text))
                if not event.text:
                    continue
                texts[column] += event.text
            elif isinstance(event, Finished | Failed) and texts[column].strip():
                answered = self.conversations[column].without_last_answer().with_answer(texts[column].strip())
                self.conversations[column] = answered
            yield event

    def _seat(self) -> None:
        if self.recorder:
            self.recorder.seated(list(self.columns.values()))

    def _request(self, column: str, settings: Settings) -> Request:
        culture = self.columns[column].culture
        language = self.columns[column].language
        prompt = settings.prompts.get(culture.id) if culture and language == "english" else None
        messages = prompting.chat(culture, self.conversations[column], language, prompt)
        self._seeds[column] = settings.seed + self._tries[column]
        return Request(column, tuple(messages), _sampling(settings), self._seeds[column])


def _sampling(chosen: Settings) -> Sampling:
    return Sampling(chosen.temperature, top_p=chosen.top_p, min_p=chosen.min_p, max_tokens=chosen.max_tokens)


def _begun_with(request: Request) -> str:
    """Return what there is of the answer already."""
    last = request.messages[-1]
    return last.text if last.role == "assistant" else ""


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
