"""Answers and option probabilities from a server, through the engine protocol. Knows no culture and no screen.

Every column's answer is a stream of its own; how they share the machine is the server's business. A seed is sent along,
but whether it gives the same answer twice is up to the server.
"""

from __future__ import annotations

import threading
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from math import exp, inf, log
from queue import SimpleQueue
from time import perf_counter
from typing import Any

from culturechat.catalogue import Column
from culturechat.engines import (
    Choice,
    Event,
    Failed,
    Finished,
    FinishReason,
    Plan,
    Request,
    Sampling,
    Scores,
    Started,
    Token,
)
from culturechat.engines.openai.wire import HungUp, Line, Refused, Server
from culturechat.errors import EngineError, UsageError
from culturechat.terminal import one_line

LIKELIEST = (100, 20, 5)
"""Tokens asked for beside the first one: most servers give 20, llama-server as many as one likes, some only 5."""

TOGETHER = 8
"""Questions of a probe that are on their way at once, which a server can batch."""

DRAWS = (0.0, 1.0, 1.0)
"""Temperatures of the first token until there is one: some servers say nothing where a model ends without a word."""

GO_ON = {"add_generation_prompt": False, "continue_final_message": True}
"""How vLLM is told to go on with the last message; others do so by themselves, or begin anew."""

CHAT = "/chat/completions"

_NOTHING = -1000.0
"""Some servers write so small a number for a probability of 0."""
_MALFORMED = (400, 422)

Say = Callable[[Event], None]


class OpenAI:
    """One server's models."""

    def __init__(self, address: str, server: Server | None = None) -> None:
        """Remember where the server is; nothing is connected yet.

        Args:
            address: Of the server that the user named; empty for none, and then nothing can be opened.
            server: Stands at the address; made from it by default.
        """
        self._server = server or (Server(address) if address else None)
        self._models: dict[str, str] = {}
        self._calls: dict[str, set[Line]] = defaultdict(set)
        self._guard = threading.Lock()
        self._chat = _Forms(_generous, _plain)
        self._likeliest = _Forms(*LIKELIEST)
        self._context = 2048

    def open(self, columns: Sequence[Column], context_tokens: int = 2048, apart: bool = False) -> Plan:
        """Remember which model answers for which column; the server holds them in its own way.

        Raises:
            UsageError: a column's model is on this machine, or at another server than the one that was named.
        """
        for column in columns:
            if not column.server:
                raise UsageError(f"{column.id} is a model on this machine; leave --server out to ask it.")
            if self._server is None or column.server != self._server.address:
                raise UsageError(f"{column.id} answers at {column.server}; name that server: --server {column.server}")
        self._models = {column.id: column.model for column in columns}
        self._context = context_tokens
        return Plan(context_tokens)

    def change(self, columns: Sequence[Column]) -> Plan:
        """Remember other columns; answers under way in those that stay go on.

        Raises:
            UsageError: a column's model is on this machine, or at another server than the one that was named.
        """
        return self.open(columns, self._context)

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        """Answer for several columns at once; see `Engine.generate`."""
        news: SimpleQueue[Event] = SimpleQueue()
        calls = {request.column: Line() for request in requests}
        with self._guard:
            for column, line in calls.items():
                self._calls[column].add(line)
        for request in requests:
            work = (request, calls[request.column], news.put)
            threading.Thread(target=self._answer, args=work, daemon=True, name="culturechat-server").start()
        waiting = set(calls)
        try:
            while waiting:
                event = news.get()
                if isinstance(event, Finished | Failed):
                    waiting.discard(event.column)
                yield event
        finally:
            for line in calls.values():
                line.hang_up()
            with self._guard:
                for column, line in calls.items():
                    self._calls[column].discard(line)

    def cancel(self, columns: Iterable[str] | None = None) -> None:
        """Hang up on these columns' answers, or all."""
        with self._guard:
            lines = [line for column in (self._calls if columns is None else columns) for line in self._calls[column]]
        for line in lines:
            line.hang_up()

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        """Yield the scores of each choice in order, as far as the server names its likeliest tokens.

        Raises:
            EngineError: the server does not answer, or gives no log-probabilities.
            UsageError: an option is more than a mark.
        """
        server, model = self._model(column)
        if any(len(option) > 1 for choice in choices for option in choice.options):
            raise UsageError(
                "A server tells of the first token only, which is no whole label; use --styles letters or digits."
            )
        calls: list[Line] = []
        # the first alone: it finds out how many tokens the server names
        blocks = [choices[:1], *(choices[start : start + TOGETHER] for start in range(1, len(choices), TOGETHER))]

        def scored(choice: Choice, line: Line) -> Scores:
            return self._score(server, model, choice, line)

        with ThreadPoolExecutor(TOGETHER, thread_name_prefix="culturechat-server") as pool:
            try:
                for block in blocks:
                    lines = [Line() for _ in block]
                    calls += lines
                    yield from pool.map(scored, block, lines)
            except HungUp:
                raise EngineError(f"{server.address}: the measurement was ended.") from None
            finally:
                for line in calls:
                    line.hang_up()

    def close(self) -> None:
        """Hang up on everything."""
        self.cancel()
        self._models = {}

    def _model(self, column: str) -> tuple[Server, str]:
        if self._server is None or column not in self._models:
            raise EngineError(f"Column {column!r} is not open.")
        return self._server, self._models[column]

    def _answer(self, request: Request, line: Line, say: Say) -> None:
        try:
            server, model = self._model(request.column)
            _Answer(server, model, request, line, say, self._chat).run()
        except EngineError as error:
            say(Failed(request.column, str(error)))
        except Exception as error:  # a thread's error would be lost, and its column wait for ever
            say(Failed(request.column, one_line(f"Unexpected {type(error).__name__}: {error}")))

    def _score(self, server: Server, model: str, choice: Choice, line: Line) -> Scores:
        body = {**_conversation(model, choice), "max_tokens": 1, "top_p": 1, "logprobs": True}
        for seed, temperature in enumerate(DRAWS):
            drawn = {**body, "temperature": temperature, "seed": seed}
            answer = self._likeliest.first(partial(_named_tokens, server, drawn, line))
            try:
                first = answer["choices"][0]["logprobs"]["content"][0]
                named = {(entry["token"], float(entry["logprob"])) for entry in (first, *first["top_logprobs"])}
            except (KeyError, IndexError, TypeError, ValueError):
                continue
            return seen(choice.options, named)
        raise EngineError(f"{server.address} gives no log-probabilities for {one_line(model)}; probing needs them.")


class _Answer:
    """One column's answer on its way."""

    def __init__(self, server: Server, model: str, request: Request, line: Line, say: Say, forms: _Forms) -> None:
        self._server = server
        self._model = model
        self._request = request
        self._line = line
        self._say = say
        self._forms = forms
        self._began = self._first = self._last = perf_counter()
        self._pieces = 0
        self._tokens = 0
        self._reason: FinishReason | None = None

    def run(self) -> None:
        column = self._request.column
        self._say(Started(column, 0, 0, 0))
        try:
            for event in self._forms.first(self._stream):
                self._take(event)
        except HungUp:
            self._reason = "cancelled"
        if self._reason is None:
            self._say(Failed(column, f"{self._server.address} ended in the middle of its answer. Ask again."))
            return
        tokens = self._tokens or self._pieces
        writing = self._last - self._first
        speed = (tokens - 1) / writing if tokens > 1 and writing > 0 else 0.0
        self._say(Finished(column, self._reason, tokens, self._first - self._began, speed))

    def _stream(self, form: Callable[[Sampling], Mapping[str, Any]]) -> Iterator[dict[str, Any]]:
        request = self._request
        body = {
            **_conversation(self._model, request),
            "max_tokens": request.sampling.max_tokens,
            "seed": request.seed,
            "stream": True,
            **form(request.sampling),
        }
        if request.messages[-1].role == "assistant":
            body |= GO_ON
        return _begun(self._server.stream(CHAT, body, self._line))

    def _take(self, event: dict[str, Any]) -> None:
        if event.get("error"):
            error = event["error"]
            words = error.get("message", error) if isinstance(error, dict) else error
            raise EngineError(f"{self._server.address}: {one_line(str(words))[:300]}")
        usage = event.get("usage")
        if isinstance(usage, dict) and isinstance(usage.get("completion_tokens"), int):
            self._tokens = usage["completion_tokens"]
        choices = event.get("choices")
        choice = choices[0] if isinstance(choices, list) and choices and isinstance(choices[0], dict) else {}
        said = choice.get("delta") or choice.get("message") or {}
        text = said.get("content") if isinstance(said, dict) else None
        if isinstance(text, str) and text:
            self._last = perf_counter()
            if not self._pieces:
                self._first = self._last
            self._pieces += 1
            self._say(Token(self._request.column, text))
        if choice.get("finish_reason"):
            self._reason = "length" if choice["finish_reason"] == "length" else "stop"


class _Forms:
    """Ways to put a request, the richest first; what the server once refused as malformed is not tried again."""

    def __init__(self, *forms: Any) -> None:
        self._forms = forms
        self._accepted = 0

    def first(self, asked: Callable[[Any], Any]) -> Any:
        """Return what the first accepted form gives.

        Raises:
            Refused: none is accepted; the last refusal tells why.
        """
        for place in range(self._accepted, len(self._forms)):
            try:
                found = asked(self._forms[place])
            except Refused as refusal:
                if refusal.status not in _MALFORMED or place == len(self._forms) - 1:
                    raise
            else:
                self._accepted = place
                return found
        raise AssertionError("the last form is accepted or refused")


def seen(options: Sequence[str], named: Iterable[tuple[str, float]]) -> Scores:
    """Return the options' scores from the likeliest tokens, each named once with its log-probability.

    A token that is no option exactly counts as one where it only adds a space before it and no option stands there
    without: so some tokenizers write the first word.
    """
    found: dict[str, float] = defaultdict(float)
    for text, logprob in named:
        found[text] += exp(logprob) if logprob > _NOTHING else 0.0
    lead = "" if any(option in found for option in options) else " "
    shares = [found.get(lead + option, 0.0) for option in options]
    hidden = sum(share == 0 for share in shares)
    rest = max(0.0, 1 - sum(found.values()))
    least = min((share for share in found.values() if share > 0), default=1.0)
    logprobs = tuple(log(share) if share > 0 else -inf for share in shares)
    return Scores(logprobs, min(rest, hidden * least))


def _conversation(model: str, asked: Request | Choice) -> dict[str, Any]:
    messages = [{"role": message.role, "content": message.text} for message in asked.messages]
    return {"model": model, "messages": messages}


def _named_tokens(server: Server, body: dict[str, Any], line: Line, count: int) -> Any:
    return server.ask(CHAT, {**body, "top_logprobs": count}, line)


def _plain(sampling: Sampling) -> dict[str, Any]:
    return {"temperature": sampling.temperature, "top_p": sampling.top_p}


def _generous(sampling: Sampling) -> dict[str, Any]:
    """Return what is beyond OpenAI's own parameters too, by the names of vLLM, llama.cpp and LM Studio."""
    return {
        **_plain(sampling),
        "top_k": sampling.top_k,
        "min_p": sampling.min_p,
        "repeat_penalty": sampling.repeat_penalty,
        "repetition_penalty": sampling.repeat_penalty,
        "stream_options": {"include_usage": True},
    }


def _begun(events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
    """Return the same events after waiting for the first, so that a refusal is known here."""
    first = next(events, None)

    def all_of_them() -> Iterator[dict[str, Any]]:
        if first is not None:
            yield first
            yield from events

    return all_of_them()
