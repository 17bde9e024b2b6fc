"""Columns that come and go while others answer, on the real engine."""

from __future__ import annotations

from pathlib import Path

import pytest

from culturechat import catalogue, prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Choice, Engine, Failed, Finished, Request, Sampling, Started, Token
from culturechat.engines.llama_cpp import facts, memory
from culturechat.engines.llama_cpp.client import _weights
from culturechat.errors import EngineError
from tests.app.test_engine import QUESTION, request, started, texts


@pytest.fixture(scope="module")
def adapters() -> list[Column]:
    """Two columns with contexts of their own."""
    return catalogue.columns(["chinese", "arabic"], form="adapter")


@pytest.fixture(scope="module")
def base() -> Column:
    (column,) = catalogue.columns(["base"])
    return column


def test_a_column_is_added_beside_an_answer_and_leaves_it_as_it_is(
    engine: Engine, adapters: list[Column], base: Column
) -> None:
    engine.open(adapters)
    alone = texts(list(engine.generate([request(adapters[0], max_tokens=40)])))
    engine.open(adapters)
    events = []
    for event in engine.generate([request(adapters[0], max_tokens=40)]):
        events.append(event)
        if isinstance(event, Started):
            engine.change([*adapters, base])
    assert texts(events) == alone
    assert isinstance(events[-1], Finished) and events[-1].reason != "cancelled"
    assert len(texts(list(engine.generate([request(base)])))["base"]) > 20


def test_the_others_still_remember_what_they_have_read(engine: Engine, adapters: list[Column], base: Column) -> None:
    engine.open(adapters)
    first = Conversation().with_user(QUESTION)
    answer = texts(list(engine.generate([request(adapters[0], first)])))["chinese"]
    for columns in ([*adapters, base], [base, adapters[0]]):
        engine.change(columns)
        follow_up = request(adapters[0], first.with_answer(answer).with_user("Why?"))
        begun = started(list(engine.generate([follow_up])))
        assert begun.cached_tokens > begun.prompt_tokens / 2


def test_a_dropped_column_is_closed_and_can_be_opened_again(engine: Engine, adapters: list[Column]) -> None:
    engine.open(adapters)
    engine.change(adapters[:1])
    (event,) = engine.generate([request(adapters[1])])
    assert isinstance(event, Failed) and "not open" in event.error
    engine.change(adapters)
    assert len(texts(list(engine.generate([request(adapters[1])])))["arabic"]) > 20


def test_a_column_that_shares_a_context_waits_for_the_answers_in_it(engine: Engine) -> None:
    columns = catalogue.columns(["chinese", "arabic", "base"], form="prompt")
    engine.open(columns[:2])
    ends = []
    for event in engine.generate([request(column) for column in columns[:2]]):
        if isinstance(event, Finished):
            ends.append(event)
        if isinstance(event, Token) and not ends:
            break
    # what was broken off above is over before the context is made anew
    engine.change(columns)
    events = list(engine.generate([request(column) for column in columns]))
    assert all(event.shared_batch for event in events if isinstance(event, Finished))
    assert sorted(texts(events)) == ["arabic", "base", "chinese"]


def test_what_cannot_be_loaded_leaves_all_that_was_open(
    engine: Engine, adapters: list[Column], base_path: Path, tmp_path: Path
) -> None:
    engine.open(adapters)
    first = Conversation().with_user(QUESTION)
    answer = texts(list(engine.generate([request(adapters[0], first)])))["chinese"]
    odd = tmp_path / "odd.gguf"
    odd.write_bytes(base_path.read_bytes().replace(b"llama.block_count", b"llama.xlock_count"))
    with pytest.raises(EngineError, match=r"odd\.gguf"):
        engine.change([*adapters, Column("base", None, "base", "odd", odd)])
    events = list(engine.generate([request(adapters[0], first.with_answer(answer).with_user("Why?"))]))
    assert started(events).cached_tokens > 0
    assert len(texts(list(engine.generate([request(adapters[1])])))["arabic"]) > 20


def test_memory_decides_how_a_further_column_is_held(
    engine: Engine, adapters: list[Column], base: Column, monkeypatch: pytest.MonkeyPatch
) -> None:
    def needed(columns: list[Column], tokens: int) -> int:
        return memory.plan([_weights(column) for column in columns], tokens, False, None).needed

    two, three, less = needed(adapters, 2048), needed([*adapters, base], 2048), needed([*adapters, base], 1024)
    assert two < three and less < three
    engine.open(adapters)
    monkeypatch.setattr(facts, "free_bytes", lambda but=None: max(two, less) + (three - max(two, less)) // 2)
    assert engine.change([*adapters, base]).context_tokens == 1024
    events = list(engine.generate([request(column) for column in [*adapters, base]]))
    assert len([event for event in events if isinstance(event, Finished)]) == 3
    monkeypatch.setattr(facts, "free_bytes", lambda but=None: 1000)
    with pytest.raises(EngineError, match="are free"):
        engine.change(adapters)
    assert len(texts(list(engine.generate([request(base)])))["base"]) > 20


def test_columns_in_turn_take_in_a_further_one(
    engine: Engine, adapters: list[Column], base: Column, monkeypatch: pytest.MonkeyPatch
) -> None:
    engine.open(adapters)
    monkeypatch.setattr(memory, "SMALLEST_BESIDE", 1 << 20)
    most = memory.plan([_weights(column) for column in [*adapters, base]], 2048, False, None).needed
    monkeypatch.setattr(facts, "free_bytes", lambda but=None: most * 2 // 3)
    assert engine.change([*adapters, base]).in_turn
    events = list(engine.generate([request(column, max_tokens=8) for column in [*adapters, base]]))
    assert len([event for event in events if isinstance(event, Finished)]) == 3


def test_a_measurement_in_a_column_that_stays_goes_on(engine: Engine, adapters: list[Column], base: Column) -> None:
    engine.open(adapters)
    choice = Choice(tuple(prompting.survey(adapters[0].culture, "Tea or coffee?", ["Tea", "Coffee"])), ("A", "B"))
    scores = engine.score("chinese", [choice] * 100)
    next(scores)
    engine.change([adapters[0], base])
    assert len(list(scores)) == 99


def test_an_answer_that_was_cut_is_gone_on_with_word_for_word(engine: Engine, base: Column) -> None:
    column = base
    engine.open([base])

    def asked(conversation: Conversation, most: int) -> Request:
        messages = tuple(prompting.chat(column.culture, conversation))
        return Request(column.id, messages, Sampling(temperature=0, max_tokens=most))

    first = Conversation().with_user("Count from one to twenty in words.")
    whole = texts(list(engine.generate([asked(first, 40)])))[column.id]
    cut = texts(list(engine.generate([asked(first, 12)])))[column.id]
    events = list(engine.generate([asked(first.with_answer(cut), 28)]))
    assert len(whole) > len(cut) > 0
    assert cut + texts(events)[column.id] == whole
    assert started(events).cached_tokens >= started(events).prompt_tokens - 1
