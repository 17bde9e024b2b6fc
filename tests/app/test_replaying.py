"""A saved chat is asked again and says whether the same is answered, or what differs."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import msgspec
import pytest

from culturechat import catalogue, replaying
from culturechat.engines import Event, Finished, Plan, Request, Started, Token
from culturechat.engines.echo import Echo
from culturechat.errors import UsageError
from culturechat.history import Answer, Chat, History
from culturechat.replaying import Verdict
from culturechat.session import Session
from culturechat.settings import Settings


@dataclass
class Sharing(Echo):
    """An echo that claims to share batches and to remember what it has read."""

    requests: list[Request] = field(default_factory=list)
    openings: int = 0
    sharing: bool = False
    holding: int = 0
    """Tokens that a column holds, whatever was wished for."""

    def open(self, columns: Sequence[catalogue.Column], context_tokens: int = 2048, apart: bool = False) -> Plan:
        self.openings += 1
        self._read: set[str] = set()
        return super().open(columns, context_tokens if not self.holding else self.holding, apart)

    def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
        self.requests += requests
        for event in super().generate(requests):
            if isinstance(event, Started) and event.column in self._read:
                event = Started(event.column, event.prompt_tokens, 1, 0)
            if isinstance(event, Finished):
                self._read.add(event.column)
                event = msgspec.structs.replace(event, shared_batch=self.sharing)
            yield event


def chat(home: Path, *questions: str, again: bool = False, **engine: object) -> Chat:
    columns = catalogue.columns(["german", "base"])
    history = History()
    recorder = history.record(columns, Settings(), "echo 1")
    session = Session(Sharing(**engine), columns, Settings(), recorder)  # type: ignore[arg-type]
    session.open()
    for question in questions:
        list(session.send(question))
    if again:
        list(session.regenerate(["base"]))
    recorder.close()
    assert recorder.chat
    return history.load(recorder.chat)


def replay(past: Chat, turn: int | None = None, version: str = "echo 1", **engine: object) -> list[Verdict]:
    return list(replaying.replay(Sharing(**engine), version, past, turn))  # type: ignore[arg-type]


def changed(past: Chat, change: Mapping[str, object]) -> Chat:
    """Return the chat with something else recorded of its first answer."""
    (turn, *rest), first = past.turns, past.turns[0].answers[0]
    answer: Answer = msgspec.structs.replace(first, **change)
    turn = msgspec.structs.replace(turn, answers=(answer, *turn.answers[1:]))
    return msgspec.structs.replace(past, turns=(turn, *rest))


def test_the_same_request_gives_the_same_text(home: Path) -> None:
    past = chat(home, "first", "second", again=True)
    engine = Sharing()
    verdicts = list(replaying.replay(engine, "echo 1", past))
    assert [(verdict.turn, verdict.answer.voice.culture) for verdict in verdicts] == [
        (1, "german"),
        (1, "base"),
        (2, "german"),
        (2, "base"),
        (2, "base"),
    ]
    assert all(verdict.identical and not verdict.differences for verdict in verdicts)
    assert engine.requests[-1].seed == 2 and engine.requests[2].messages[-1].text == "second"


def test_another_text_is_shown_where_it_parts(home: Path) -> None:
    (one, other) = replay(chat(home, "why?"), answers={"german": "You asked: how?"})
    assert not one.identical and other.identical
    assert one.differences == ("the text differs at character 12: it was “why?”, now it is “how?”",)


def test_a_shorter_text_says_that_it_ends(home: Path) -> None:
    (verdict, _) = replay(chat(home, "why?"), answers={"german": "You asked:"})
    assert "at character 11: it was “why?”, now it is at its end" in verdict.differences[0]


def test_other_files_and_versions_are_named(home: Path) -> None:
    past = chat(home, "why?")
    voice = msgspec.structs.replace(past.columns[0], base_sha256="0" * 64, model="older")
    (verdict, other) = replay(changed(past, {"voice": voice}), version="echo 2")
    assert verdict.identical, "what counts is the text"
    model, base, engine = verdict.differences
    assert model == "the model is smollm2-135m.german, it was older"
    assert base.startswith("the base has changed (SHA-256 000000000000… was recorded, ")
    assert engine == "the engine is echo 2, it was echo 1" == other.differences[0]


@pytest.mark.parametrize(
    ("change", "words"),
    [
        ({"base": "/nowhere/gone.gguf"}, "gone.gguf"),
        ({"base": "no-such-base"}, "Unknown base model"),
        ({"form": "adapter"}, "no german adapter"),
        ({"form": "telepathy"}, "form that is unknown here: telepathy"),
        ({"culture": "klingon"}, "Unknown culture"),
    ],
)
def test_a_model_that_is_not_there_is_named_and_the_others_are_asked(
    home: Path, change: dict[str, str], words: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    others = {name: card for name, card in catalogue.cards().items() if card.culture != "german"}
    monkeypatch.setattr(catalogue, "cards", lambda: others)
    past = chat(home, "why?")
    voice = msgspec.structs.replace(past.columns[0], **change)
    past = msgspec.structs.replace(changed(past, {"voice": voice}), columns=(voice, *past.columns[1:]))
    (verdict, other) = replay(past)
    assert not verdict.identical and other.identical
    assert verdict.differences[0].startswith("it cannot be asked: ") and words in verdict.differences[0]


def test_a_smaller_memory_is_named(home: Path) -> None:
    past = chat(home, "why?", holding=1024)
    assert past.turns[0].answers[0].context == 1024
    (verdict, _) = replay(past, holding=512)
    assert verdict.differences == ("a column holds 512 tokens, it held 1024",)


def test_an_answer_that_was_stopped_is_compared_as_far_as_it_goes(home: Path) -> None:
    past = chat(home, "why?", answers={"german": "one two three four"})
    for finish in ("cancelled", "unfinished", "failed"):
        stopped = changed(past, {"finish": finish, "text": "one two"})
        engine = Sharing(answers={"german": "one two three four"})
        assert next(iter(replaying.replay(engine, "echo 1", stopped))).identical
        assert not replay(stopped, answers={"german": "one or"})[0].identical
        assert not replay(stopped, answers={"german": "one"})[0].identical


def test_an_engine_that_fails_is_told(home: Path) -> None:
    (verdict, _) = replay(chat(home, "why?"), failing={"german": "Out of memory."})
    assert verdict.differences == ("it failed: Out of memory.",) and not verdict.identical


def test_one_question_is_asked_alone_where_nothing_was_shared(home: Path) -> None:
    past = chat(home, "first", "second", "third")
    engine = Sharing()
    verdicts = list(replaying.replay(engine, "echo 1", past, 2))
    assert [verdict.turn for verdict in verdicts] == [2, 2]
    assert [request.messages[-1].text for request in engine.requests] == ["second", "second"]


def test_what_shared_batches_is_repeated_from_where_the_memory_was_empty(home: Path) -> None:
    past = chat(home, "first", "second", "third", sharing=True)
    engine = Sharing(sharing=True)
    verdicts = list(replaying.replay(engine, "echo 1", past, 3))
    assert [verdict.turn for verdict in verdicts] == [3, 3]
    assert [request.messages[-1].text for request in engine.requests[::2]] == ["first", "second", "third"]
    assert engine.openings == 1


def test_a_question_that_is_not_there_is_refused(home: Path) -> None:
    past = chat(home, "why?")
    with pytest.raises(UsageError, match="has no question 2; it has 1"):
        replay(past, 2)
    with pytest.raises(UsageError, match="nothing was answered"):
        replay(msgspec.structs.replace(past, turns=()))


def test_a_recorded_column_is_found_again_with_a_file_of_ones_own(home: Path, base_path: Path) -> None:
    from culturechat.history import voices

    (column,) = catalogue.columns(["german"], str(base_path))
    assert voices.column(voices.of(column, str(base_path))) == column
    adapter = next(card.path for card in catalogue.cards().values() if card.id == "smollm2-135m.chinese")
    assert adapter
    (card,) = catalogue.columns(["chinese"], form="adapter")
    assert voices.column(voices.of(card, "smollm2-135m")) == card
    (own,) = catalogue.columns(["korean"], adapters={"korean": adapter})
    assert voices.column(voices.of(own, "smollm2-135m")) == replace(own, adapter_path=adapter.absolute())


def test_tokens_of_a_stopped_answer_are_cancelled_in_time(home: Path) -> None:
    past = changed(chat(home, "why?"), {"finish": "cancelled", "text": "You"})
    seen: list[Token] = []

    class Watched(Sharing):
        def generate(self, requests: Sequence[Request]) -> Iterator[Event]:
            for event in super().generate(requests):
                if isinstance(event, Token) and event.column == "german":
                    seen.append(event)
                yield event

    assert next(iter(replaying.replay(Watched(), "echo 1", past))).identical
    assert len(seen) == 1
