"""Who waits for which model: hands requests to the engine, one at a time per seat, and passes on what it writes.

Knows no HTTP. The engine blocks, so every answer is read in a thread of its own.
"""

from __future__ import annotations

import asyncio
import threading
from collections.abc import AsyncGenerator, Callable, Mapping, Sequence
from dataclasses import replace

from culturechat.catalogue import Column
from culturechat.endpoint.body import Asked, Wrong
from culturechat.engines import Engine, Event, Failed, Finished, Request, Token


class Desk:
    """The models that are offered."""

    def __init__(
        self,
        engine: Engine,
        columns: Sequence[Column],
        seats: int,
        draw_seed: Callable[[], int],
        prompts: Mapping[str, str],
    ) -> None:
        """Offer each column to so many clients at once.

        Args:
            engine: Who answers.
            columns: What is offered, by their ids.
            seats: Answers of one column at the same time; who comes later waits.
            draw_seed: Gives the seed of an answer whose client names none.
            prompts: System prompts that the user set, by culture.
        """
        self.columns = {column.id: column for column in columns}
        self._engine = engine
        self._draw_seed = draw_seed
        self._prompts = prompts
        self._seats = {
            column.id: [column.id, *(f"{column.id}·{number}" for number in range(2, seats + 1))] for column in columns
        }
        self._free: dict[str, asyncio.Queue[str]] = {}

    def open(self, context_tokens: int) -> str | None:
        """Load the models; return what is smaller than asked for, if any.

        Raises:
            CulturechatError: a model cannot be loaded.
        """
        held = [
            replace(self.columns[name], id=seat) for name, seats in self._seats.items() for seat in seats
        ]  # every seat remembers a conversation of its own
        return self._engine.open(held, context_tokens).shortage(context_tokens)

    def check(self, model: str) -> None:
        """Raise `Wrong` where there is no such model."""
        if model not in self.columns:
            known = ", ".join(self.columns)
            raise Wrong(f"There is no model {model!r} here; there are: {known}.", "model", 404, "model_not_found")

    async def answer(self, asked: Asked) -> AsyncGenerator[Event]:
        """Yield the events of an answer; who closes the iterator stops the answer."""
        free = self._waiting(asked.model)
        seat = await free.get()
        loop = asyncio.get_running_loop()
        news: asyncio.Queue[Event] = asyncio.Queue()
        over = False
        left = threading.Event()

        def put(event: Event) -> bool:
            """Hand an event over; return whether somebody still waits for more."""
            try:
                loop.call_soon_threadsafe(news.put_nowait, event)
            except RuntimeError:  # the loop has ended
                return False
            return not left.is_set()

        threading.Thread(target=self._read, args=(self._request(asked, seat), put), daemon=True).start()
        stops = _Stops(asked.stop)
        try:
            while not over:
                event = await news.get()
                over = isinstance(event, Finished | Failed)
                for found in stops.take(event):
                    yield found
                if stops.met and not over:
                    return
        finally:
            left.set()
            if not over:
                self._engine.cancel([seat])
            free.put_nowait(seat)

    def _waiting(self, model: str) -> asyncio.Queue[str]:
        if model not in self._free:
            self._free[model] = asyncio.Queue()
            for seat in self._seats[model]:
                self._free[model].put_nowait(seat)
        return self._free[model]

    def _request(self, asked: Asked, seat: str) -> Request:
        culture = self.columns[asked.model].culture
        messages = asked.prompt(culture, self._prompts.get(culture.id) if culture else None)
        seed = self._draw_seed() if asked.seed is None else asked.seed
        return Request(seat, messages, asked.sampling, seed, asked.likeliest)

    def _read(self, request: Request, put: Callable[[Event], bool]) -> None:
        try:
            events = self._engine.generate([request])
            while (event := next(events, None)) is not None and put(event):
                pass
        except Exception as error:  # a thread's error would be lost, and its client wait for ever
            put(Failed(request.column, f"Unexpected {type(error).__name__}: {error}"))


class _Stops:
    """Ends an answer before one of some texts, and holds back what may be the start of one."""

    def __init__(self, stops: Sequence[str]) -> None:
        self.met = False
        self._stops = stops
        self._held = ""
        self._tokens = 0

    def take(self, event: Event) -> list[Event]:
        """Return what can be passed on now."""
        if not self._stops or not isinstance(event, Token | Finished):
            return [event]
        if isinstance(event, Finished):
            return [*([Token(event.column, self._held)] if self._held else []), event]
        self._tokens += 1
        self._held += event.text
        ends = [self._held.find(stop) for stop in self._stops if stop in self._held]
        if ends:
            self.met = True
            said = Token(event.column, self._held[: min(ends)], event.drawn)
            return [said, Finished(event.column, "stop", self._tokens, 0.0, 0.0)]
        keep = max(_longest_start(stop, self._held) for stop in self._stops)
        cut = len(self._held) - keep
        said, self._held = Token(event.column, self._held[:cut], event.drawn), self._held[cut:]
        return [said]


def _longest_start(stop: str, text: str) -> int:
    """Return how many last characters of the text are a beginning of `stop`."""
    return next((size for size in range(min(len(stop) - 1, len(text)), 0, -1) if text.endswith(stop[:size])), 0)
