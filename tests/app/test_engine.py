"""The real engine on real weights: streaming, stopping, seeds, memory, crashes."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from collections import defaultdict
from collections.abc import Iterator
from math import exp
from pathlib import Path

import pytest

from culturechat import catalogue, engines, prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Choice, Engine, Event, Failed, Finished, Request, Sampling, Scores, Started, Token
from culturechat.engines.llama_cpp import client
from culturechat.engines.llama_cpp.client import LlamaCpp
from culturechat.errors import EngineError

pytestmark = [pytest.mark.xdist_group("engine"), pytest.mark.all_cores]

QUESTION = "Should grown-up children look after their parents?"


def request(column: Column, conversation: Conversation | None = None, seed: int = 7, **sampling: float) -> Request:
    asked = conversation or Conversation().with_user(QUESTION)
    settings = Sampling(**{"max_tokens": 24, **sampling})  # type: ignore[arg-type]
    return Request(column.id, tuple(prompting.chat(column.culture, asked)), settings, seed)


def texts(events: list[Event]) -> dict[str, str]:
    said: dict[str, str] = defaultdict(str)
    for event in events:
        if isinstance(event, Token):
            said[event.column] += event.text
    return dict(said)


def started(events: list[Event]) -> Started:
    return next(event for event in events if isinstance(event, Started))


@pytest.fixture(scope="module")
def columns() -> list[Column]:
    return catalogue.columns(["chinese", "arabic", "base"], form="prompt")


@pytest.fixture(scope="module")
def opened(columns: list[Column], prepared: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    home = tmp_path_factory.mktemp("home")
    (home / "cache").mkdir()
    (home / "cache" / "prepared").symlink_to(prepared)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("CULTURECHAT_HOME", str(home))
        engine = engines.load()
        engine.open(columns, apart=True)
        yield engine
        engine.close()


def test_columns_stream_interleaved_and_each_ends_once(opened: Engine, columns: list[Column]) -> None:
    events = list(opened.generate([request(column) for column in columns]))
    assert sorted(event.column for event in events if isinstance(event, Finished)) == ["arabic", "base", "chinese"]
    first_end = next(index for index, event in enumerate(events) if isinstance(event, Finished))
    assert {event.column for event in events[:first_end] if isinstance(event, Token)} == {"arabic", "base", "chinese"}
    assert all(len(text) > 20 for text in texts(events).values())


def test_the_same_seed_gives_the_same_text_alone_beside_others_and_after_other_chats(
    opened: Engine, columns: list[Column]
) -> None:
    together = texts(list(opened.generate([request(column) for column in columns])))
    list(opened.generate([request(columns[0], Conversation().with_user("What is the capital of Peru?"))]))
    alone = texts(list(opened.generate([request(columns[0])])))
    assert alone["chinese"] == together["chinese"]
    other = texts(list(opened.generate([request(columns[0], seed=8)])))
    assert other["chinese"] != alone["chinese"]


def test_a_follow_up_reads_only_what_is_new_and_says_the_same_as_from_the_start(
    opened: Engine, columns: list[Column]
) -> None:
    column = columns[0]
    first = Conversation().with_user(QUESTION)
    answer = texts(list(opened.generate([request(column, first)])))[column.id]
    follow_up = first.with_answer(answer).with_user("Why?")
    warm = list(opened.generate([request(column, follow_up)]))
    list(opened.generate([request(column, Conversation().with_user("Something else entirely."))]))
    cold = list(opened.generate([request(column, follow_up)]))
    assert texts(warm) == texts(cold)
    assert started(warm).cached_tokens > started(warm).prompt_tokens / 2
    assert started(cold).cached_tokens < started(warm).cached_tokens


def test_columns_of_the_same_weights_are_decoded_together_and_say_so(engine: Engine, columns: list[Column]) -> None:
    engine.open(columns)
    events = list(engine.generate([request(column) for column in columns]))
    assert all(event.shared_batch for event in events if isinstance(event, Finished))
    assert all(len(text) > 20 for text in texts(events).values())
    alone = list(engine.generate([request(columns[0])]))
    assert not any(event.shared_batch for event in alone if isinstance(event, Finished))


def test_a_second_question_to_a_busy_column_waits_its_turn(engine: Engine, columns: list[Column]) -> None:
    engine.open(columns)
    first = engine.generate([request(columns[0], max_tokens=12)])
    assert isinstance(next(first), Started)
    second = list(engine.generate([request(columns[0], Conversation().with_user("And you?"), max_tokens=4)]))
    assert isinstance(second[-1], Finished) and second[-1].tokens <= 4
    assert isinstance(list(first)[-1], Finished)


def test_cancelling_one_column_lets_the_others_finish(opened: Engine, columns: list[Column]) -> None:
    ends: dict[str, Finished] = {}
    for event in opened.generate([request(column, max_tokens=40, temperature=1.5) for column in columns]):
        if isinstance(event, Token) and event.column == "arabic":
            opened.cancel(["arabic"])
        if isinstance(event, Finished):
            ends[event.column] = event
    assert ends["arabic"].reason == "cancelled"
    assert ends["arabic"].tokens < 40
    assert ends["chinese"].reason in ("stop", "length")


def test_a_long_prompt_is_stopped_while_it_is_read(opened: Engine, columns: list[Column]) -> None:
    long = Conversation().with_user("word " * 1500)
    for event in opened.generate([request(columns[0], long)]):
        if isinstance(event, Started):
            time.sleep(0.3)
            opened.cancel()
            cancelled_at = time.monotonic()
    assert isinstance(event, Finished) and event.reason == "cancelled" and event.tokens == 0
    assert time.monotonic() - cancelled_at < 2
    after = texts(list(opened.generate([request(columns[0])])))
    assert len(after["chinese"]) > 20


def test_a_conversation_longer_than_the_memory_loses_its_oldest_turns_and_says_so(
    opened: Engine, columns: list[Column]
) -> None:
    conversation = Conversation()
    for turn in range(6):
        conversation = conversation.with_user(f"Part {turn}. " + "word " * 400).with_answer("I see.")
    events = list(opened.generate([request(columns[0], conversation.with_user("And now?"), max_tokens=8)]))
    assert started(events).dropped_messages >= 2
    assert started(events).dropped_messages % 2 == 0
    assert isinstance(events[-1], Finished)


def test_a_question_too_long_for_the_memory_fails_with_advice(opened: Engine, columns: list[Column]) -> None:
    (event,) = opened.generate([request(columns[0], Conversation().with_user("word " * 3000))])
    assert isinstance(event, Failed) and "shorten it" in event.error


@pytest.mark.parametrize("text", ["مرحبا بالعالم 👩‍👩‍👧", "你好，世界。🎉", "আমার সোনার বাংলা 🇧🇩"])
def test_every_script_streams_in_whole_characters(opened: Engine, columns: list[Column], text: str) -> None:
    """The model is made to repeat the text, whose characters are several tokens each."""
    conversation = Conversation()
    for _ in range(3):
        conversation = conversation.with_user("Repeat.").with_answer(text)
    repeating = {"temperature": 0, "repeat_penalty": 1, "max_tokens": 60}
    events = list(opened.generate([request(columns[2], conversation.with_user("Repeat."), **repeating)]))
    assert texts(events)["base"] == text
    assert not any("\ufffd" in event.text for event in events if isinstance(event, Token))


def test_the_likeliest_option_is_what_greedy_decoding_writes(opened: Engine, columns: list[Column]) -> None:
    asked = Conversation().with_user("Is water wet?\n\nA. Yes\nB. No\n\nAnswer with one letter.")
    greedy = request(columns[2], asked, temperature=0, repeat_penalty=1, max_tokens=1)
    written = texts(list(opened.generate([greedy])))["base"]
    (scores,) = opened.score("base", [Choice(greedy.messages, ("A", "B", written))])
    assert scores.logprobs[2] == max(scores.logprobs)


def test_option_probabilities_do_not_depend_on_multi_token_options_beside_them(
    opened: Engine, columns: list[Column]
) -> None:
    messages = tuple(prompting.survey(None, "Tea or coffee?", ["Tea", "Coffee"]))
    (short,) = opened.score("base", [Choice(messages, ("A", "B"))])
    (long,) = opened.score("base", [Choice(messages, ("A", "A long answer in several words", "B"))])
    assert long.logprobs[0] == pytest.approx(short.logprobs[0], abs=0.05)
    assert long.logprobs[1] < long.logprobs[0]
    assert 0 < short.mass <= 1


def test_an_option_that_begins_another_counts_only_where_the_answer_ends_with_it(
    opened: Engine, columns: list[Column]
) -> None:
    messages = tuple(prompting.survey(None, "Tea?", ["Yes", "Yes please", "No"], style="words"))
    (alone,) = opened.score("base", [Choice(messages, ("Yes", "No"))])
    (longer,) = opened.score("base", [Choice(messages, ("Yes please", "No"))])
    (beside,) = opened.score("base", [Choice(messages, ("Yes", "Yes please", "No"))])
    assert exp(beside.logprobs[0]) == pytest.approx(exp(alone.logprobs[0]) - exp(longer.logprobs[0]), abs=1e-3)
    assert beside.logprobs[1:] == pytest.approx(longer.logprobs, abs=0.02)


def test_many_long_options_are_scored_as_each_by_itself(opened: Engine, columns: list[Column]) -> None:
    """More options than a group has room for, of one to many tokens, in two prompts that share a beginning."""
    labels = [
        " ".join(["very"] * length) + f" {word}" for length in range(5) for word in ("good", "bad", "odd", "dull")
    ]
    prompts = [tuple(prompting.survey(None, "How is it?", order, style="words")) for order in (labels, labels[::-1])]
    together = list(opened.score("base", [Choice(prompt, tuple(labels)) for prompt in prompts]))
    for prompt, scores in zip(prompts, together, strict=True):
        for place in (0, 7, 19):
            (one,) = opened.score("base", [Choice(prompt, (labels[place],))])
            assert scores.logprobs[place] == pytest.approx(one.logprobs[0], rel=0.15)


def test_a_measurement_and_answers_go_side_by_side_and_stopping_the_answers_does_not_touch_it(
    opened: Engine, columns: list[Column]
) -> None:
    labels = ["Very", "Rather", "Not very", "Not at all"]
    choices = [
        Choice(tuple(prompting.survey(columns[0].culture, f"How important is number {number}?", labels)), tuple("ABCD"))
        for number in range(48)
    ]
    alone = list(opened.score("chinese", choices)), texts(list(opened.generate([request(columns[0])])))
    measured: list[Scores] = []
    measurement = threading.Thread(target=lambda: measured.extend(opened.score("chinese", choices)))
    measurement.start()
    answered = texts(list(opened.generate([request(columns[0])])))
    opened.cancel()
    measurement.join(60)
    assert (measured, answered) == alone


def test_opening_models_anew_ends_a_measurement_with_an_error(engine: Engine, columns: list[Column]) -> None:
    engine.open(columns[:1])
    choice = Choice(tuple(prompting.survey(columns[0].culture, "Tea or coffee?", ["Tea", "Coffee"])), ("A", "B"))
    scores = engine.score("chinese", [choice] * 400)
    next(scores)
    engine.open(columns[:1])
    with pytest.raises(EngineError, match="opened anew"):
        list(scores)


@pytest.mark.linux
def test_killing_the_worker_costs_the_answer_and_nothing_else(columns: list[Column]) -> None:
    engine = LlamaCpp()
    engine.open(columns)
    before = texts(list(engine.generate([request(columns[0])])))
    events = []
    for event in engine.generate([request(column, max_tokens=200, temperature=1.5) for column in columns]):
        events.append(event)
        if len(events) == 12 and engine.pid:
            os.kill(engine.pid, signal.SIGKILL)
    assert {event.column for event in events if isinstance(event, Failed)} == {"arabic", "base", "chinese"}
    assert "SIGKILL" in next(event.error for event in events if isinstance(event, Failed))
    assert texts(list(engine.generate([request(columns[0])]))) == before
    engine.close()


@pytest.mark.linux
def test_three_deaths_in_a_row_stop_the_restarts_and_name_the_file(columns: list[Column]) -> None:
    engine = LlamaCpp()
    engine.open(columns)
    for _ in range(3):
        events = engine.generate([request(columns[0], max_tokens=300, temperature=1.5)])
        next(events)
        assert engine.pid
        os.kill(engine.pid, signal.SIGKILL)
        assert [event for event in events if isinstance(event, Failed)]
    (event,) = engine.generate([request(columns[0])])
    assert isinstance(event, Failed) and columns[0].base_path.name in event.error
    engine.open(columns)
    assert texts(list(engine.generate([request(columns[0])])))
    engine.close()


@pytest.mark.linux
def test_a_worker_that_hangs_is_ended_and_the_next_question_works(
    columns: list[Column], monkeypatch: pytest.MonkeyPatch
) -> None:
    engine = LlamaCpp()
    engine.open(columns[:1])
    monkeypatch.setattr(client, "HANG_SECONDS", 1.0)
    events = []
    for event in engine.generate([request(columns[0], max_tokens=400, temperature=1.5)]):
        events.append(event)
        if isinstance(event, Started) and engine.pid:
            os.kill(engine.pid, signal.SIGSTOP)
    assert isinstance(events[-1], Failed) and "hung" in events[-1].error
    monkeypatch.undo()
    assert texts(list(engine.generate([request(columns[0])])))
    engine.close()


@pytest.mark.linux
def test_the_worker_ends_with_the_app_even_when_that_is_killed() -> None:
    script = (
        "from culturechat import catalogue, engines; import time\n"
        "e = engines.load(); e.open(catalogue.columns(['base'])); print(e.pid, flush=True); time.sleep(60)"
    )
    app = subprocess.Popen([sys.executable, "-c", script], stdout=subprocess.PIPE, text=True)
    assert app.stdout is not None
    worker = int(app.stdout.readline())
    assert Path(f"/proc/{worker}").exists()
    app.kill()
    app.wait()
    app.stdout.close()
    deadline = time.monotonic() + 2
    while _alive(worker) and time.monotonic() < deadline:
        time.sleep(0.02)
    assert not _alive(worker)


def test_a_file_llama_cpp_refuses_is_an_error_with_its_reason(engine: Engine, tmp_path: Path, base_path: Path) -> None:
    broken = tmp_path / "odd.gguf"
    broken.write_bytes(base_path.read_bytes().replace(b"llama.block_count", b"llama.xlock_count"))
    with pytest.raises(EngineError, match=r"odd\.gguf"):
        engine.open([Column("base", None, "base", "odd", broken)])


def test_a_file_that_aborts_llama_cpp_is_an_error_too(engine: Engine, tmp_path: Path, base_path: Path) -> None:
    data = base_path.read_bytes()
    start = data.index(b"llama.block_count") + len(b"llama.block_count") + 4
    aborting = tmp_path / "aborting.gguf"
    aborting.write_bytes(data[:start] + (2**31 - 1).to_bytes(4, "little") + data[start + 4 :])
    with pytest.raises(EngineError):
        engine.open([Column("base", None, "base", "aborting", aborting)])
    engine.open([Column("base", None, "base", "fine", base_path)])


def test_what_users_type_is_not_read_as_a_control_token(opened: Engine, columns: list[Column]) -> None:
    """An earlier answer that spells the end-of-turn token stays text."""
    spelled = Conversation().with_user("Hi").with_answer("<|im_end|>").with_user("Hi")
    plain = Conversation().with_user("Hi").with_answer("x").with_user("Hi")
    longer = started(list(opened.generate([request(columns[2], spelled, max_tokens=1)])))
    shorter = started(list(opened.generate([request(columns[2], plain, max_tokens=1)])))
    assert longer.prompt_tokens > shorter.prompt_tokens + 2


def _alive(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in ("Z", "X")
    except FileNotFoundError:
        return False
