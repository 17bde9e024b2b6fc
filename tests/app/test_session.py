from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from culturechat import cultures
from culturechat.catalogue import Column
from culturechat.conversation import Message
from culturechat.engines import Failed, Finished, Request, Token
from culturechat.engines.echo import Echo
from culturechat.errors import UsageError
from culturechat.history import History
from culturechat.session import Session
from culturechat.settings import Settings


def column(name: str) -> Column:
    return Column(name, cultures.load(name), "prompt", "model", Path("model.gguf"))


class Recording(Echo):
    """The scripted engine, which also keeps what it was asked."""

    def generate(self, requests):  # type: ignore[no-untyped-def]
        self.requests: list[Request] = [*getattr(self, "requests", []), *requests]
        return super().generate(requests)


def session(**script: object) -> tuple[Session, Recording]:
    engine = Recording(**script)  # type: ignore[arg-type]
    made = Session(engine, [column("chinese"), column("arabic")], Settings())
    made.open()
    return made, engine


def test_each_column_keeps_its_own_history() -> None:
    made, engine = session(answers={"chinese": "yes", "arabic": "no"})
    list(made.send("first?"))
    list(made.send("second?"))
    last = {request.column: request.messages for request in engine.requests[-2:]}
    assert [message.text for message in last["chinese"][1:]] == ["first?", "yes", "second?"]
    assert [message.text for message in last["arabic"][1:]] == ["first?", "no", "second?"]
    assert last["chinese"][0].role == "system" and "China" in last["chinese"][0].text


def test_a_question_can_go_to_one_column_only() -> None:
    made, _ = session()
    list(made.send("only you?", to=["arabic"]))
    assert made.conversations["chinese"].messages == ()
    assert made.conversations["arabic"].messages[0] == Message("user", "only you?")


def test_stop_keeps_the_text_already_written() -> None:
    made, _ = session(answers={"chinese": "one two three four", "arabic": "eins zwei drei"})
    finished = {}
    for event in made.send("go?"):
        if isinstance(event, Token) and event.column == "chinese" and "two" in event.text:
            made.stop(["chinese"])
        if isinstance(event, Finished):
            finished[event.column] = event.reason
    assert finished == {"chinese": "cancelled", "arabic": "stop"}
    assert made.conversations["chinese"].messages[-1].text == "one two"


def test_a_failing_column_leaves_the_others_alone_and_keeps_its_text() -> None:
    made, _ = session(answers={"chinese": "some words here"}, failing={"chinese": "engine died"})
    events = list(made.send("go?"))
    assert Failed("chinese", "engine died") in events
    assert made.conversations["chinese"].messages[-1].text == "some"
    assert isinstance([event for event in events if event.column == "arabic"][-1], Finished)


def test_a_question_that_got_no_answer_is_not_sent_again_with_the_next() -> None:
    made, engine = session()
    for event in made.send("lost?"):
        if event.column == "chinese":
            made.stop()
    list(made.send("next?"))
    asked = [message.text for message in engine.requests[-2].messages]
    assert asked[1:] == ["next?"]


def test_regenerate_draws_with_another_seed_on_the_same_question() -> None:
    made, engine = session()
    list(made.send("again?"))
    list(made.regenerate(["chinese"]))
    first, again = engine.requests[0], engine.requests[-1]
    assert again.messages == first.messages
    assert again.seed == first.seed + 1


def test_hostile_answers_are_cleaned_before_anyone_sees_them() -> None:
    made, _ = session(answers={"chinese": "a \x1b]52;c;x\x07 b \x1b[2J c", "arabic": "x \x1b]0;open"})
    text = "".join(event.text for event in made.send("go?") if isinstance(event, Token))
    assert "\x1b" not in text and "\x07" not in text
    assert made.conversations["chinese"].messages[-1].text == "a  b  c"


def test_an_empty_question_is_refused() -> None:
    made, _ = session()
    with pytest.raises(UsageError, match="empty"):
        list(made.send(" \x1b[2J\n"))


def test_other_settings_hold_from_the_next_answer_on() -> None:
    made, engine = session(answers={"chinese": "yes", "arabic": "no"})
    for event in made.send("first?"):
        if isinstance(event, Token):
            made.settings = replace(made.settings, temperature=0.0, seed=9)
        if isinstance(event, Finished):
            assert made.seed(event.column) == 1, "the answer under way was begun with the old seed"
    list(made.regenerate())
    list(made.regenerate())
    drawn = [(request.sampling.temperature, request.seed) for request in engine.requests]
    assert drawn == [(0.7, 1)] * 2 + [(0.0, 9)] * 2 + [(0.0, 10)] * 2


def test_a_system_prompt_of_the_users_takes_the_place_of_the_cultures() -> None:
    made, engine = session()
    made.settings = replace(made.settings, prompts={"chinese": "One word only."})
    list(made.send("first?"))
    told = {request.column: request.messages[0].text for request in engine.requests}
    assert told == {"chinese": "One word only.", "arabic": cultures.load("arabic").prompt.english}


def test_the_history_keeps_the_system_prompt_that_was_used() -> None:
    history, columns = History(), [column("chinese")]
    settings = Settings(prompts={"chinese": "One word only."})
    recorder = history.record(columns, settings, "echo")
    made = Session(Echo(), columns, settings, recorder)
    list(made.send("first?"))
    recorder.close()
    assert recorder.chat is not None
    (answer,) = history.load(recorder.chat).turns[0].latest.values()
    assert answer.messages[0] == Message("system", "One word only.")
