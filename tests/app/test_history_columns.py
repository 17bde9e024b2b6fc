"""What the history keeps of columns that come and go, of questions put in other words, and of answers gone on with."""

from __future__ import annotations

from pathlib import Path

from culturechat import catalogue, replaying
from culturechat.engines.echo import Echo
from culturechat.history import Chat, History, files
from culturechat.session import Session
from culturechat.settings import Settings


class Talk:
    """A session that is written down."""

    def __init__(self, past: Chat | None = None, names: tuple[str, ...] = ("german", "base"), most: int = 256) -> None:
        self.history = History()
        settings = Settings(max_tokens=most)
        columns = catalogue.columns(names)
        self.recorder = self.history.record(columns, settings, "echo 1", past)
        self.session = Session(Echo(), columns, settings, self.recorder, past)
        self.session.open()

    def kept(self) -> Chat:
        self.recorder.close()
        assert self.recorder.chat is not None
        return self.history.load(self.recorder.chat)


def test_columns_that_come_and_go_are_kept_with_who_answers_now(home: Path) -> None:
    talk = Talk()
    list(talk.session.send("first"))
    (turkish,) = catalogue.columns(["turkish"])
    talk.session.add(turkish)
    talk.session.reopen()
    talk.session.drop("german")
    talk.session.arrange(["turkish", "base"])
    talk.session.reopen()
    list(talk.session.send("second"))
    chat = talk.kept()
    assert [voice.culture for voice in chat.columns] == ["turkish", "base"]
    assert [list(turn.latest) for turn in chat.turns] == [["german", "base"], ["turkish", "base"]]
    assert all(voice.base_sha256 for turn in chat.turns for voice in (answer.voice for answer in turn.answers))
    (entry,) = talk.history.entries()
    assert entry.columns == ("turkish", "base")
    assert [verdict.identical for verdict in replaying.replay(Echo(), "echo 1", chat)] == [True] * 4


def test_columns_arranged_before_the_first_question_are_the_chats(home: Path) -> None:
    talk = Talk()
    talk.session.arrange(["base", "german"])
    list(talk.session.send("first"))
    assert [voice.culture for voice in talk.kept().columns] == ["base", "german"]


def test_a_column_that_comes_back_in_another_form_is_told_apart(home: Path) -> None:
    talk = Talk(names=("chinese", "base"))
    list(talk.session.send("first"))
    talk.session.drop("chinese")
    (prompted,) = catalogue.columns(["chinese"], form="prompt")
    talk.session.add(prompted)
    talk.session.reopen()
    list(talk.session.send("second"))
    forms = [turn.latest["chinese"].voice.form for turn in talk.kept().turns]
    assert forms == ["adapter", "prompt"]


def test_a_question_put_in_other_words_is_gone_on_with_and_the_old_one_kept(home: Path, tmp_path: Path) -> None:
    talk = Talk()
    list(talk.session.send("first"))
    list(talk.session.send("secnd"))
    list(talk.session.edit("second", ["base"]))
    chat = talk.kept()
    texts = {name: [one.text for one in chat.conversation(name).messages] for name in ("german", "base")}
    assert texts == {
        "german": ["first", "You asked: first", "secnd", "You asked: secnd"],
        "base": ["first", "You asked: first", "second", "You asked: second"],
    }
    assert [answer.replaced for turn in chat.turns for answer in turn.answers] == [False, False, False, True, False]
    assert "in other words afterwards" in files.markdown([chat])
    assert all(verdict.identical for verdict in replaying.replay(Echo(), "echo 1", chat))
    files.write(tmp_path / "chat.json", [chat], "json")
    (back,) = files.read(tmp_path / "chat.json")
    assert [answer.replaced for turn in back.turns for answer in turn.answers] == [False, False, False, True, False]


def test_a_question_of_the_past_can_be_put_in_other_words(home: Path) -> None:
    talk = Talk()
    list(talk.session.send("frist"))
    past = talk.kept()
    later = Talk(past)
    list(later.session.edit("first"))
    chat = later.kept()
    assert [one.text for one in chat.conversation("base").messages] == ["first", "You asked: first"]
    assert chat.id == past.id and all(answer.replaced for answer in chat.turns[0].answers)


def test_an_answer_gone_on_with_is_kept_whole_and_can_be_replayed(home: Path) -> None:
    talk = Talk(most=3)
    list(talk.session.send("why do you ask"))
    list(talk.session.go_on(["base"]))
    chat = talk.kept()
    first, second = (answer for answer in chat.turns[0].answers if answer.voice.culture == "base")
    assert (first.text, first.finish) == ("You asked: why", "length")
    assert (second.text, second.begun_with) == ("You asked: why do you ask", "You asked: why")
    assert chat.conversation("base").messages[-1].text == "You asked: why do you ask"
    assert [verdict.identical for verdict in replaying.replay(Echo(), "echo 1", chat)] == [True] * 3


def test_questions_of_the_past_come_oldest_first_each_once_and_without_the_trash(home: Path) -> None:
    for question in ("a", "b", "a", "gone"):
        talk = Talk()
        list(talk.session.send(question))
        chat = talk.kept()
    talk.history.delete(chat.id)
    assert talk.history.questions(9) == ["b", "a"]
    assert talk.history.questions(1) == ["a"]
