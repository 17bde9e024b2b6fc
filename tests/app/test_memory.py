"""What columns need is known before they are loaded, and too little memory gives a smaller way or a plain refusal."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path

import pytest

from culturechat import catalogue, prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Choice, Engine, Event, Failed, Finished, Request, Sampling, Token
from culturechat.engines.llama_cpp import facts, memory
from culturechat.engines.llama_cpp.client import LlamaCpp
from culturechat.engines.llama_cpp.protocol import Weights
from culturechat.errors import EngineError

MB = 1_000_000
KIB_PER_TOKEN = 30 * 2 * 3 * 64 * 2 / 1024
"""SmolLM2-135M: 30 layers, keys and values, 3 heads of 64 numbers, 2 bytes each; llama.cpp's log says the same."""


def weights(base: Path, count: int, apart: bool = False) -> list[Weights]:
    return [Weights(str(number), str(base), None) for number in range(count)]


def test_the_parts_add_up(base_path: Path) -> None:
    plan = memory.plan(weights(base_path, 9), 2048, apart=True, free=None)
    assert plan.weights == base_path.stat().st_size
    assert plan.cache == pytest.approx(9 * 2048 * KIB_PER_TOKEN * 1024)
    assert plan.compute == 9 * memory.plan(weights(base_path, 1), 2048, False, None).compute
    assert plan.needed == plan.weights + plan.cache + plan.compute
    assert not plan.in_turn and plan.context_tokens == 2048


def test_a_shared_context_needs_its_scratch_space_once(base_path: Path) -> None:
    shared = memory.plan(weights(base_path, 9), 2048, apart=False, free=None)
    assert shared.compute == memory.plan(weights(base_path, 1), 2048, False, None).compute


@pytest.mark.linux
def test_what_really_is_used_stays_within_the_estimate(base_path: Path) -> None:
    engine = LlamaCpp()
    columns = catalogue.columns(["chinese", "arabic", "german", "base"], form="prompt")
    plan = engine.open(columns, apart=True)
    list(engine.generate([question(column) for column in columns]))
    status = Path(f"/proc/{engine.pid}/status").read_text()
    engine.close()
    used = next(int(line.split()[1]) * 1024 for line in status.splitlines() if line.startswith("VmHWM"))
    interpreter = 90 * MB
    assert plan.weights + plan.cache < used < plan.needed + interpreter


def test_smaller_contexts_come_before_answering_in_turn(base_path: Path) -> None:
    full = memory.plan(weights(base_path, 9), 2048, True, None)
    smaller = memory.plan(weights(base_path, 9), 2048, True, full.needed - 1)
    assert (smaller.context_tokens, smaller.in_turn) == (1024, False)
    in_turn = memory.plan(weights(base_path, 9), 2048, True, smaller.needed - 1)
    assert (in_turn.context_tokens, in_turn.in_turn) == (2048, True)
    assert in_turn.needed < smaller.needed


def test_a_context_that_was_asked_for_small_is_not_made_larger(base_path: Path) -> None:
    assert memory.plan(weights(base_path, 2), 300, False, None).context_tokens == 300


def test_too_little_for_anything_is_refused_with_figures(base_path: Path) -> None:
    with pytest.raises(EngineError, match=r"need 0\.2 GiB.*0\.0 GiB of memory are free.*smaller base"):
        memory.plan(weights(base_path, 2), 2048, False, 10 * MB)


def test_this_machine_has_free_memory_and_a_process_can_be_left_out() -> None:
    free, total = facts.free_bytes(), facts.memory_bytes()
    assert free is not None and total is not None
    assert 0 < free <= total


def test_columns_in_turn_all_answer_and_say_the_same_as_side_by_side(
    engine: Engine, monkeypatch: pytest.MonkeyPatch
) -> None:
    columns = catalogue.columns(["chinese", "arabic", "base"])
    assert not engine.open(columns, apart=True).in_turn
    beside = answers(engine, columns)
    monkeypatch.setattr(memory, "SMALLEST_BESIDE", 1 << 20)  # no smaller context lets them stay side by side
    most = memory.plan(as_weights(columns), 2048, True, None).needed
    monkeypatch.setattr(facts, "free_bytes", lambda but=None: most * 2 // 3)
    assert engine.open(columns, apart=True).in_turn
    assert answers(engine, columns) == beside
    messages = tuple(prompting.survey(None, "Tea or coffee?", ["Tea", "Coffee"]))
    for column in columns:
        (scores,) = engine.score(column.id, [Choice(messages, ("A", "B"))])
        assert 0 < scores.mass <= 1
    ends = [event for event in engine.generate([question(column) for column in columns]) if isinstance(event, Finished)]
    assert len(ends) == 3


def test_a_column_that_waits_for_its_turn_can_be_cancelled(engine: Engine, monkeypatch: pytest.MonkeyPatch) -> None:
    columns = catalogue.columns(["chinese", "arabic", "base"])
    monkeypatch.setattr(memory, "SMALLEST_BESIDE", 1 << 20)
    most = memory.plan(as_weights(columns), 2048, True, None).needed
    monkeypatch.setattr(facts, "free_bytes", lambda but=None: most * 2 // 3)
    assert engine.open(columns, apart=True).in_turn
    ends: dict[str, Finished] = {}
    for event in engine.generate([question(column) for column in columns]):
        if isinstance(event, Token) and not ends:
            engine.cancel(["base"])
        if isinstance(event, Finished):
            ends[event.column] = event
    assert ends["base"].reason == "cancelled" and ends["base"].tokens == 0
    assert ends["chinese"].tokens > 5 and ends["arabic"].tokens > 5


def question(column: Column) -> Request:
    asked = prompting.chat(column.culture, Conversation().with_user("Should grown-up children look after parents?"))
    return Request(column.id, tuple(asked), Sampling(max_tokens=16), 3)


def answers(engine: Engine, columns: list[Column]) -> dict[str, str]:
    said: dict[str, str] = defaultdict(str)
    events: list[Event] = list(engine.generate([question(column) for column in columns]))
    for event in events:
        assert not isinstance(event, Failed), event
        if isinstance(event, Token):
            said[event.column] += event.text
    return dict(said)


def as_weights(columns: list[Column]) -> list[Weights]:
    from culturechat.engines.llama_cpp import prepared

    found = []
    for column in columns:
        base, adapter = prepared.fastest(column.base_path, column.adapter_path)
        found.append(Weights(column.id, str(base), str(adapter) if adapter else None))
    return found
