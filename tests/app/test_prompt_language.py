"""Cultures told in English, in their own language, or both beside each other."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from culturechat import catalogue, cli, cultures, engines, settings
from culturechat.catalogue import Column
from culturechat.engines.echo import Echo
from culturechat.errors import UsageError
from culturechat.history import History, voices
from culturechat.session import Session
from culturechat.settings import Settings


def column(name: str) -> Column:
    culture = None if name == "base" else cultures.load(name)
    return Column(name, culture, "base" if name == "base" else "prompt", "m", Path("base.gguf"))


COLUMNS = [column(name) for name in ("chinese", "english", "base")]


def named(columns: list[Column]) -> list[tuple[str, str]]:
    return [(column.id, column.title) for column in columns]


def test_english_prompts_leave_columns_as_they_are() -> None:
    assert catalogue.in_language(COLUMNS, "english") == COLUMNS


def test_own_prompts_are_told_in_the_title_where_there_is_another_language() -> None:
    own = catalogue.in_language(COLUMNS, "own")
    assert named(own) == [("chinese:own", "中文 Chinese (zh)"), ("english", "English"), ("base", "base")]


def test_both_stand_side_by_side_and_are_titled_so() -> None:
    both = catalogue.in_language(COLUMNS, "both")
    assert named(both) == [
        ("chinese", "中文 Chinese (en)"),
        ("chinese:own", "中文 Chinese (zh)"),
        ("english", "English"),
        ("base", "base"),
    ]
    assert catalogue.in_language(both, "both") == both
    assert catalogue.in_language(both, "own") == catalogue.in_language(COLUMNS, "own")
    assert catalogue.in_language(both, "english") == COLUMNS


def test_each_column_gets_the_prompt_of_its_language() -> None:
    engine = Echo()
    session = Session(engine, catalogue.in_language(COLUMNS, "both"), Settings(prompts={"chinese": "Mine."}))
    session.open()
    list(session.send("Hi"))
    requests = {name: session._request(name, session.settings) for name in session.columns}
    systems = {name: request.messages[0].text for name, request in requests.items() if len(request.messages) > 2}
    assert systems == {
        "chinese": "Mine.",
        "chinese:own": cultures.load("chinese").prompt.own,
        "english": cultures.load("english").prompt.english,
    }


def test_a_chat_in_both_languages_is_gone_on_with_in_both(base_path: Path) -> None:
    found = catalogue.columns(["turkish", "base"], form="prompt")
    columns = catalogue.in_language(found, "both")
    history = History()
    recorder = history.record(columns, Settings(), "echo")
    session = Session(Echo(), columns, Settings(), recorder)
    list(session.send("Hi"))
    recorder.close()
    chat = history.load(1)
    assert voices.columns(chat) == columns
    assert [voices.title(voice) for voice in chat.columns] == ["Türkçe Turkish", "Türkçe Turkish (tr)", "base"]
    again = Session(Echo(), voices.columns(chat), Settings(), None, chat)
    assert [message.text for message in again.conversations["turkish:own"].messages] == ["Hi", "You asked: Hi"]


def ask(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> list[dict[str, str]]:
    monkeypatch.setattr(engines, "load", lambda *_: Echo(answers={"arabic": "yes", "arabic:own": "نعم", "base": "x"}))
    done = CliRunner().invoke(cli.app, ["ask", "Hi", "-c", "arabic,base", "--json", *arguments])
    assert done.exit_code == 0, done.output
    answers: list[dict[str, str]] = json.loads(done.stdout)["answers"]
    return answers


def test_ask_answers_in_the_language_that_is_wanted(monkeypatch: pytest.MonkeyPatch) -> None:
    for language, wanted in {
        "english": [("arabic", "english", "yes"), ("base", "english", "x")],
        "own": [("arabic", "own", "نعم"), ("base", "english", "x")],
        "both": [("arabic", "english", "yes"), ("arabic", "own", "نعم"), ("base", "english", "x")],
    }.items():
        answers = ask(monkeypatch, "--language", language)
        assert [(one["culture"], one["language"], one["text"]) for one in answers] == wanted


def test_the_language_can_be_set_in_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CULTURECHAT_LANGUAGE", "own")
    assert [answer["language"] for answer in ask(monkeypatch)] == ["own", "english"]


@pytest.mark.parametrize("name", ["language", "rtl"])
def test_an_unknown_choice_names_those_there_are(name: str) -> None:
    with pytest.raises(UsageError, match=rf"--{name} x is not a valid {name}; expected \w+, \w+ or \w+"):
        settings.load({name: "x"}, {})
