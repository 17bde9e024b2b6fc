"""Chats are kept as they happen, found in every script, and survive what befalls a process or a disk."""

from __future__ import annotations

import csv
import dataclasses
import hashlib
import io
import json
import random
import shutil
import sqlite3
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from culturechat.engines import Token
from culturechat.engines.echo import Echo
from culturechat.errors import BadFile, CulturechatError, HistoryError, UsageError
from culturechat.history import Answer, Chat, History, Recorder, database, files
from culturechat.session import Session
from culturechat.settings import Settings
from tests.app import history_writer
from tests.app.history_writer import columns


@dataclass
class Clock:
    """A clock that goes on by a second whenever it is looked at."""

    seconds: int = 0

    def __call__(self) -> datetime:
        self.seconds += 1
        return datetime(2026, 3, 1, tzinfo=UTC) + timedelta(seconds=self.seconds)


@pytest.fixture
def history(home: Path) -> History:
    return History(clock=Clock())


@dataclass
class Talk:
    """A session that is written down."""

    history: History
    engine: Echo = field(default_factory=Echo)
    past: Chat | None = None
    settings: Settings = field(default_factory=Settings)

    def __post_init__(self) -> None:
        self.recorder = self.history.record(columns(), self.settings, "echo 1", self.past)
        self.session = Session(self.engine, columns(), self.settings, self.recorder, self.past)
        self.session.open()

    def ask(self, *questions: str) -> Talk:
        for question in questions:
            for _ in self.session.send(question):
                pass
        return self

    def kept(self) -> Chat:
        self.recorder.close()
        assert self.recorder.chat is not None
        return self.history.load(self.recorder.chat)


def kept(history: History, *questions: str, chinese: str = "好", arabic: str = "نعم") -> Chat:
    return Talk(history, Echo({"chinese": chinese, "arabic": arabic})).ask(*questions).kept()


def last(chat: Chat, culture: str = "chinese") -> Answer:
    return chat.turns[-1].latest[culture]


# --- what is kept ---


def test_an_answer_keeps_all_that_made_it(history: History) -> None:
    settings = Settings(seed=7, temperature=0.3, max_tokens=9, context=512, deterministic=True)
    chat = Talk(history, Echo({"chinese": "one two three"}), settings=settings).ask("first", "why?").kept()
    assert chat.title == "first"
    assert [turn.question for turn in chat.turns] == ["first", "why?"]
    assert [voice.culture for voice in chat.columns] == ["chinese", "arabic"]
    answer = last(chat)
    assert (answer.text, answer.finish, answer.tokens, answer.seed) == ("one two three", "stop", 3, 7)
    assert (answer.voice.form, answer.voice.model, answer.voice.base) == ("prompt", "model", "smollm2-135m")
    assert answer.sampling["temperature"] == 0.3 and answer.sampling["max_tokens"] == 9
    assert (answer.context, answer.apart, answer.engine, answer.attempt) == (512, True, "echo 1", 0)
    said = [(message.role, message.text) for message in answer.messages]
    assert said[1:] == [("user", "first"), ("assistant", "one two three"), ("user", "why?")]
    assert chat.created < answer.begun <= answer.ended <= chat.changed  # type: ignore[operator]


def test_the_files_of_the_models_are_told_by_their_hashes(history: History, tmp_path: Path) -> None:
    weights, adapter = tmp_path / "base.gguf", tmp_path / "mine.gguf"
    weights.write_bytes(b"base")
    adapter.write_bytes(b"adapter")
    mine = dataclasses.replace(columns()[0], form="adapter", base_path=weights, adapter_path=adapter)
    recorder = history.record([mine], Settings(), "echo 1")
    session = Session(Echo(), [mine], Settings(), recorder)
    list(session.send("why?"))
    recorder.close()
    assert recorder.chat
    (voice,) = history.load(recorder.chat).columns
    hashes = [hashlib.sha256(content).hexdigest() for content in (b"base", b"adapter")]
    assert [voice.base_sha256, voice.adapter_sha256] == hashes and voice.adapter == str(adapter)


def test_answering_again_keeps_both_answers(history: History) -> None:
    talk = Talk(history).ask("why?")
    list(talk.session.regenerate(["chinese"]))
    chat = talk.kept()
    (turn,) = chat.turns
    assert [(answer.voice.culture, answer.attempt, answer.seed) for answer in turn.answers] == [
        ("chinese", 0, 1),
        ("arabic", 0, 1),
        ("chinese", 1, 2),
    ]
    assert turn.latest["chinese"].attempt == 1
    assert [len(run) for run in turn.runs()] == [2, 1]


def test_a_failed_answer_keeps_its_words_and_its_reason(history: History) -> None:
    engine = Echo({"arabic": "half an answer"}, failing={"arabic": "Out of memory."})
    answer = last(Talk(history, engine).ask("why?").kept(), "arabic")
    assert (answer.finish, answer.error, answer.text) == ("failed", "Out of memory.", "half")


def test_a_stopped_answer_is_told_from_a_whole_one(history: History) -> None:
    talk = Talk(history, Echo({"chinese": "one two three", "arabic": "one two three"}))
    for event in talk.session.send("why?"):
        if isinstance(event, Token) and event.column == "chinese":
            talk.session.stop(["chinese"])
    chat = talk.kept()
    assert (last(chat).finish, last(chat).text, last(chat, "arabic").finish) == ("cancelled", "one", "stop")


def test_an_answer_is_unfinished_until_its_end_is_known(history: History) -> None:
    talk = Talk(history, Echo({"chinese": "one two three four", "arabic": "x"}))
    events = talk.session.send("why?")
    for event in events:
        if isinstance(event, Token) and event.text.endswith("three"):
            break
    chat = talk.kept()
    assert (last(chat).finish, last(chat).text) == ("unfinished", "one two three")
    assert history.entries()[0].unfinished == 1
    assert [entry.id for entry in history.search("three")] == [chat.id]


def test_a_chat_goes_on_where_it_ended(history: History) -> None:
    first = kept(history, "first?", chinese="Answer A", arabic="Answer B")
    talk = Talk(history, Echo({"chinese": "C", "arabic": "D"}), first).ask("second?")
    chat = talk.kept()
    assert chat.id == first.id and len(history.entries()) == 1
    assert [message.text for message in last(chat).messages[1:]] == ["first?", "Answer A", "second?"]
    assert [turn.question for turn in chat.turns] == ["first?", "second?"]


def test_a_question_of_the_past_can_be_answered_again(history: History) -> None:
    first = kept(history, "why?")
    talk = Talk(history, past=first)
    list(talk.session.regenerate(["arabic"]))
    (turn,) = talk.kept().turns
    assert [(answer.voice.culture, answer.attempt, answer.seed) for answer in turn.answers][2:] == [("arabic", 1, 2)]


def test_nothing_is_kept_of_a_chat_in_which_nothing_was_asked(history: History) -> None:
    Talk(history).recorder.close()
    assert history.entries() == [] and not history.path.exists()


def test_the_file_is_for_its_owner_only(history: History) -> None:
    kept(history, "why?")
    assert history.path.stat().st_mode & 0o777 == 0o600


# --- lists, trash ---


def test_chats_are_listed_with_the_last_changed_first(history: History) -> None:
    for question in ("a", "b", "c"):
        kept(history, question)
    Talk(history, past=history.load(1)).ask("more").recorder.close()
    assert [entry.title for entry in history.entries()] == ["a", "c", "b"]
    assert [entry.title for entry in history.entries(most=1, skip=1)] == ["c"]
    assert history.entries()[0].turns == 2 and history.entries()[0].columns == ("chinese", "arabic")
    assert history.count() == 3


def test_a_long_question_makes_a_title_of_one_line(history: History) -> None:
    chat = kept(history, "a\nb " + "long " * 100)
    assert "\n" not in chat.title and len(chat.title) <= 120 and chat.title.endswith("…")


def test_a_chat_can_be_renamed_and_is_found_by_its_title(history: History) -> None:
    chat = kept(history, "why?")
    history.rename(chat.id, "  Elder\ncare ")
    assert history.entries()[0].title == "Elder care"
    assert history.search("elder")[0].id == chat.id
    with pytest.raises(UsageError, match="empty"):
        history.rename(chat.id, " ")


def test_a_copy_is_equal_and_apart(history: History) -> None:
    chat = kept(history, "why?")
    copy = history.load(history.duplicate(chat.id))
    assert copy.turns == chat.turns and copy.title == "why? (copy)" and copy.id != chat.id
    Talk(history, past=copy).ask("more").recorder.close()
    assert len(history.load(chat.id).turns) == 1


def test_what_was_deleted_comes_back(history: History) -> None:
    for question in ("first", "second"):
        kept(history, question)
    history.delete(2)
    history.delete(1)
    assert history.entries() == [] and history.search("first") == []
    assert [entry.title for entry in history.entries(trash=True)] == ["first", "second"]
    assert history.restore() == 1 and history.restore(2) == 2
    assert history.count() == 2 and history.count(trash=True) == 0
    with pytest.raises(UsageError, match="trash is empty"):
        history.restore()
    with pytest.raises(UsageError, match="not in the trash"):
        history.restore(1)


def test_emptying_the_trash_leaves_no_word_in_the_file(history: History) -> None:
    kept(history, "keep me", chinese="harmless")
    kept(history, "secret question", chinese="unmistakable")
    history.delete(2)
    assert history.empty_trash() == 1
    content = history.path.read_bytes()
    assert b"unmistakable" not in content and b"harmless" in content
    assert history.search("unm") == [] and history.search("un") == [] and history.count() == 1


def test_asking_in_a_deleted_chat_brings_it_back_and_in_one_gone_for_good_begins_another(history: History) -> None:
    talk = Talk(history).ask("first")
    number = talk.kept().id
    history.delete(number)
    Talk(history, past=history.load(number)).ask("second").recorder.close()
    assert history.count() == 1
    chat = history.load(number)
    history.delete(number)
    history.empty_trash()
    Talk(history, past=chat).ask("third").recorder.close()
    assert [entry.title for entry in history.entries()] == ["third"]
    assert last(history.load(history.entries()[0].id)).finish == "stop"


@pytest.mark.parametrize("act", ["load", "duplicate", "delete", "restore"])
def test_a_chat_that_is_not_there_is_named(history: History, act: str) -> None:
    for _ in range(2):
        with pytest.raises(UsageError, match="no chat 99"):
            getattr(history, act)(99)
        kept(history, "why?")


# --- search ---

SAID = {
    "arabic": "نعم، رِعايةُ الوالدين واجبٌ علينا جميعًا، وهي من القيم الّتي تربّينا عليها.",
    "bengali": "হ্যাঁ, বাবা-মায়ের যত্ন নেওয়া সন্তানের দায়িত্ব। আমাদের সমাজে এটাই স্বাভাবিক।",
    "chinese": "孝顺是我们的传统，但很多人在别的城市工作，只能寄钱回家。",
    "german": "Das hängt davon ab: GROSSE Familien, große Häuser.",
    "korean": "네, 그렇게 생각합니다. 하지만 요즘은 많이 달라지고 있습니다.",
    "turkish": "Evet, IĞDIR'da anne babaya bakmak bizim görevimizdir; KIZLAR da bakar.",
    "hindi": "माता-पिता की देखभाल करना हमारा कर्तव्य है।",
    "greek": "Η οικογένεια είναι πάνω απ' όλα.",
}


@pytest.mark.parametrize(
    ("language", "query"),
    [
        ("arabic", "رعاية"),
        ("arabic", "التي تربينا"),
        ("arabic", "والد"),
        ("arabic", "هي"),
        ("bengali", "সন্তান"),
        ("bengali", "যত্ন"),
        ("bengali", "বা"),
        ("bengali", "দায়িত্ব"),
        ("chinese", "传统"),
        ("chinese", "孝"),
        ("chinese", "别的城市"),
        ("chinese", "寄钱 工作"),
        ("german", "grosse"),
        ("german", "HAUS"),
        ("german", "häu"),
        ("korean", "요즘"),
        ("korean", "달라지고"),
        ("korean", "네"),
        ("turkish", "iğdır"),
        ("turkish", "kizlar"),
        ("turkish", "GÖREVİMİZ"),
        ("hindi", "देखभाल"),
        ("greek", "οικογενεια"),
        ("greek", "ΠΑΝΩ"),
    ],
)
def test_words_and_parts_of_words_are_found_in_every_script(history: History, language: str, query: str) -> None:
    chats = {name: kept(history, f"in {name}?", chinese=text).id for name, text in SAID.items()}
    found = history.search(query)
    assert [entry.id for entry in found] == [chats[language]]
    before, word, after = found[0].found or ("", "", "")
    assert word and (before + word + after).strip("…") in SAID[language]


def test_all_words_must_occur_but_not_in_the_same_text(history: History) -> None:
    both = kept(history, "about elders", chinese="we visit them")
    kept(history, "about elders", chinese="no")
    assert [entry.id for entry in history.search("visit elders")] == [both.id]
    assert [entry.id for entry in history.search('"visit them"')] == [both.id]
    assert history.search('"them visit"') == []
    assert history.search("visit nothing") == []


@pytest.mark.parametrize("query", ["", " ", '""', '"', "\x1b[2J", "\x00", "\udcff"])
def test_a_query_without_words_finds_nothing(history: History, query: str) -> None:
    kept(history, "why?")
    assert history.search(query) == []


@pytest.mark.parametrize("query", ["100%", "_", "a*b", '"x" OR "y"', "NEAR(a b)", "co:l", "-no", "(", "50 %", "'"])
def test_signs_are_searched_as_they_are(history: History, query: str) -> None:
    kept(history, "other words entirely")
    assert history.search(query) == []
    chat = kept(history, f"so {query} then")
    assert [entry.id for entry in history.search(query)] == [chat.id]


# --- files ---


def test_an_export_taken_in_elsewhere_is_the_same(history: History, tmp_path: Path) -> None:
    kept(history, "first", "second", chinese="好\n\n“quoted” \\ text", arabic="نعم")
    talk = Talk(history, Echo(failing={"arabic": "broke"})).ask("third")
    list(talk.session.regenerate())
    talk.kept()
    chats = [history.load(1), history.load(2)]
    files.write(tmp_path / "all.json", chats, "json")
    other = History(tmp_path / "other.sqlite3")
    numbers = other.add(files.read(tmp_path / "all.json"))
    assert [other.load(number) for number in numbers] == chats
    assert other.search("quoted")[0].id == numbers[0]
    assert other.missing(chats) == []
    files.write(tmp_path / "again.json", [other.load(number) for number in numbers], "json")
    assert (tmp_path / "again.json").read_bytes() == (tmp_path / "all.json").read_bytes()


def test_an_export_does_not_tell_where_files_lie(history: History) -> None:
    chat = kept(history, "why?")
    voice = msgspec.structs.replace(chat.columns[0], base="/home/me/secret/a.gguf", adapter="C:\\me\\b.gguf")
    answer = msgspec.structs.replace(last(chat), voice=voice)
    turn = msgspec.structs.replace(chat.turns[0], answers=(answer,))
    text = files.render([msgspec.structs.replace(chat, columns=(voice,), turns=(turn,))], "json")
    assert '"a.gguf"' in text and '"b.gguf"' in text


def change(path: Path, *keys: str | int, to: object) -> None:
    content = json.loads(path.read_text("utf-8"))
    place = content
    for key in keys[:-1]:
        place = place[key]
    place[keys[-1]] = to
    path.write_text(json.dumps(content), "utf-8")


@pytest.mark.parametrize(
    ("keys", "value", "complaint"),
    [
        (("chats", 0, "turns", 0, "answers", 0, "seed"), "7", "`chats[0].turns[0].answers[0].seed`"),
        (("chats", 0, "turns", 0, "asked"), "yesterday", "`chats[0].turns[0].asked`"),
        (("chats", 0, "turns", 0, "asked"), "2026-01-01T00:00:00", "timezone"),
        (("chats", 0, "turns", 0, "answers", 0, "finish"), "done", "Invalid enum value 'done'"),
        (("chats", 0, "turns", 0, "answers", 0, "tokens"), 2**70, "answers[0].tokens"),
        (("chats", 0, "turns", 0, "answers", 0, "tokens"), -1, "answers[0].tokens"),
        (("chats", 0, "surprise"), 1, "unknown field `surprise`"),
        (("chats",), {}, "Expected `array`"),
        (("format",), "diary", "Invalid enum value 'diary'"),
        (("version",), 2, "newer culturechat (version 2)"),
    ],
)
def test_a_wrong_file_is_refused_with_the_place(
    history: History, tmp_path: Path, keys: tuple[str | int, ...], value: object, complaint: str
) -> None:
    files.write(tmp_path / "x.json", [kept(history, "why?")], "json")
    change(tmp_path / "x.json", *keys, to=value)
    with pytest.raises(BadFile) as error:
        files.read(tmp_path / "x.json")
    assert complaint in str(error.value) and str(error.value).startswith(str(tmp_path / "x.json"))
    assert "\n" not in str(error.value)


@pytest.mark.parametrize("content", [b"", b"[]", b"{}", b"\xff\xfe", b"not json", b"[" * 100_000, b'{"format": 1}'])
def test_no_export_at_all_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "x.json").write_bytes(content)
    with pytest.raises(BadFile, match=r"x\.json"):
        files.read(tmp_path / "x.json")
    with pytest.raises(BadFile, match="cannot be read"):
        files.read(tmp_path)


HOSTILE = "</div><script>alert(1)</script> \x1b]52;c;aGk=\x07 [red]x[/] =1+1 # head\n```\n<b>"


def test_hostile_texts_of_a_file_stay_texts(history: History, tmp_path: Path) -> None:
    files.write(tmp_path / "x.json", [kept(history, "why?")], "json")
    change(tmp_path / "x.json", "chats", 0, "title", to=HOSTILE)
    change(tmp_path / "x.json", "chats", 0, "turns", 0, "question", to=HOSTILE)
    change(tmp_path / "x.json", "chats", 0, "turns", 0, "answers", 0, "text", to=f"={HOSTILE}")
    change(tmp_path / "x.json", "chats", 0, "turns", 0, "answers", 0, "voice", "culture", to=HOSTILE)
    (number,) = history.add(files.read(tmp_path / "x.json"))
    chat = history.load(number)
    for form in files.FORMS:
        assert "\x1b" not in files.render([chat], form) and "\x07" not in files.render([chat], form)
    page = files.render([chat], "html")
    assert "<script>" not in page and "<b>" not in page and "default-src 'none'" in page
    text = files.render([chat], "md")
    assert "\n```" not in text and "\n> ```" in text
    assert "'=</div>" in files.render([chat], "csv")
    assert "\x1b" not in repr(history.entries()) + repr(history.search("alert"))


def test_a_table_has_a_line_for_each_answer(history: History) -> None:
    chat = kept(history, "why, oh why?", "and?", chinese='"a",\nb')
    rows = list(csv.DictReader(io.StringIO(files.render([chat], "csv"))))
    assert len(rows) == 4
    assert rows[0]["text"] == '"a",\nb' and rows[0]["culture"] == "chinese" and rows[0]["seed"] == "1"
    assert rows[2]["question"] == "and?" and rows[2]["turn"] == "2"


def test_a_file_name_is_safe_on_every_disk(history: History) -> None:
    chat = msgspec.structs.replace(kept(history, "why?"), title='../a:b*? "c" ' + "中" * 100)
    name = files.file_name(chat, "md")
    assert name.startswith(f"culturechat-{chat.id}-a-b-c-中") and name.endswith(".md") and len(name.encode()) < 100


def test_a_file_that_cannot_be_written_is_named(history: History, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be written"):
        files.write(tmp_path / "file" / "x.md", [kept(history, "why?")], "md")


# --- the file on disk ---


def test_an_old_file_is_brought_up_to_date_and_a_newer_one_refused(tmp_path: Path) -> None:
    path = tmp_path / "x.sqlite3"
    steps = {1: "CREATE TABLE a (x);\nINSERT INTO a VALUES (1);\n", 2: "ALTER TABLE a ADD COLUMN y DEFAULT 2;\n"}
    connection = sqlite3.connect(path, isolation_level=None)
    database.migrate(connection, path, {1: steps[1]})
    database.migrate(connection, path, steps)
    assert connection.execute("SELECT x, y FROM a").fetchall() == [(1, 2)]
    database.migrate(connection, path, steps)
    with pytest.raises(BadFile, match="newer culturechat"):
        database.migrate(connection, path, {1: steps[1]})
    with pytest.raises(sqlite3.Error):
        database.migrate(connection, path, {**steps, 3: "DROP TABLE a;\nDROP TABLE none;\n"})
    assert connection.execute("SELECT x, y FROM a").fetchall() == [(1, 2)]
    connection.close()


@pytest.mark.parametrize("content", [b"no database at all" * 100, b"SQLite format 3\x00" + b"\xff" * 5000])
def test_a_damaged_file_is_named_and_the_chat_goes_on(history: History, content: bytes) -> None:
    history.path.parent.mkdir(parents=True)
    history.path.write_bytes(content)
    with pytest.raises(CulturechatError, match=r"history\.sqlite3: ") as error:
        history.entries()
    assert "\n" not in str(error.value)
    assert "not being saved" in told_while(Talk(history))[0]
    assert history.path.read_bytes() == content


def told_while(talk: Talk) -> list[str]:
    told: list[str] = []
    talk.recorder.watch(told.append)
    talk.ask("why?", "and why?")
    talk.recorder.close()
    assert talk.session.conversations["chinese"].messages[-1].text == "You asked: and why?"
    return told


@contextmanager
def refusing(monkeypatch: pytest.MonkeyPatch, pragma: str) -> Iterator[None]:
    """Let SQLite itself refuse to write."""
    transaction = database.transaction

    @contextmanager
    def refused(connection: sqlite3.Connection) -> Iterator[None]:
        connection.execute(f"PRAGMA {pragma}")
        with transaction(connection):
            yield

    with monkeypatch.context() as patch:
        patch.setattr(database, "transaction", refused)
        yield


@pytest.mark.parametrize(("pragma", "words"), [("max_page_count = 1", "full"), ("query_only = 1", "readonly")])
def test_a_disk_that_refuses_is_told_once_and_the_chat_goes_on(
    history: History, monkeypatch: pytest.MonkeyPatch, pragma: str, words: str
) -> None:
    before = kept(history, "before")
    with refusing(monkeypatch, pragma):
        talk = Talk(history, Echo({"chinese": "long " * 2000}) if "page" in pragma else Echo())
        told: list[str] = []
        talk.recorder.watch(told.append)
        talk.ask("why?")
        time.sleep(0.6)
        talk.ask("and why?")
        talk.recorder.close()
    assert len(told) == 1 and words in told[0] and told[0].startswith("This chat is not being saved: ")
    assert history.load(before.id) == before


def test_what_could_not_be_written_is_written_later(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    talk = Talk(history)
    told: list[str] = []
    talk.recorder.watch(told.append)
    with refusing(monkeypatch, "query_only = 1"):
        talk.ask("first")
        deadline = time.monotonic() + 10
        while not told and time.monotonic() < deadline:
            time.sleep(0.01)
    chat = talk.ask("second").kept()
    assert [turn.question for turn in chat.turns] == ["first", "second"]
    assert all(answer.finish == "stop" for turn in chat.turns for answer in turn.answers)
    assert len(told) == 2 and told[1] == ""


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    folder = tmp_path / "disk"
    folder.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=256k", "tmpfs", str(folder)], capture_output=True)
    if mounted.returncode:
        pytest.skip("needs the right to mount")
    yield folder
    subprocess.run(["umount", str(folder)], check=True)


def test_a_disk_that_is_full_keeps_what_was_written_before(small_disk: Path) -> None:
    history = History(small_disk / "history.sqlite3", Clock())
    chat = kept(history, "before")
    (small_disk / "filler").write_bytes(b"x" * (shutil.disk_usage(small_disk).free - 60_000))
    talk = Talk(history, Echo({"chinese": "long " * 40_000}), chat, Settings(max_tokens=32768))
    told: list[str] = []
    talk.recorder.watch(told.append)
    talk.ask("why?")
    talk.recorder.close()
    assert told and ("full" in told[0] or "disk I/O" in told[0] or "No space" in told[0])
    (small_disk / "filler").unlink()
    assert history.load(chat.id).turns[0] == chat.turns[0]


def test_a_disk_that_is_read_only_can_still_be_read(small_disk: Path) -> None:
    history = History(small_disk / "history.sqlite3", Clock())
    chat = kept(history, "why?")
    subprocess.run(["mount", "-o", "remount,ro", str(small_disk)], check=True)
    try:
        assert history.load(chat.id) == chat and history.search("why")[0].id == chat.id
        with pytest.raises(HistoryError, match="readonly"):
            history.delete(chat.id)
        assert "not being saved" in told_while(Talk(history))[0]
        other = History(small_disk / "new" / "history.sqlite3", Clock())
        assert other.entries() == [] and "not being saved" in told_while(Talk(other))[0]
    finally:
        subprocess.run(["mount", "-o", "remount,rw", str(small_disk)], check=True)


# --- several writers, killed writers ---


def write(name: str) -> subprocess.Popen[str]:
    command = [sys.executable, "-m", "tests.app.history_writer", name]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


class Reader(threading.Thread):
    """Collects what a writer says."""

    def __init__(self, process: subprocess.Popen[str]) -> None:
        super().__init__(daemon=True)
        self.process = process
        self.lines: list[tuple[float, str, str, str]] = []
        self.start()

    def run(self) -> None:
        assert self.process.stdout
        for line in self.process.stdout:
            self.lines.append(tuple(json.loads(line)))

    def wait_for(self, count: int) -> None:
        deadline = time.monotonic() + 60
        while len(self.lines) < count:
            assert time.monotonic() < deadline and self.process.poll() is None
            time.sleep(0.01)

    def kill(self) -> float:
        self.process.kill()
        at = time.monotonic()
        self.process.wait()
        self.join()
        assert self.process.stdout
        self.process.stdout.close()
        return at


def check_nothing_is_lost(history: History, said: list[tuple[float, str, str, str]], killed: float) -> None:
    """Compare what a killed writer said with what is kept."""
    name = said[0][1].partition(" ")[0]
    (chat,) = [history.load(entry.id) for entry in history.entries() if entry.title.startswith(f"{name} ")]
    answers = {(turn.question, culture): answer for turn in chat.turns for culture, answer in turn.latest.items()}
    texts: dict[tuple[str, str], str] = {}
    for at, question, column, text in said:
        if at > killed - 1:
            continue
        if text == "end":
            answer = answers[question, column]
            assert (answer.finish, answer.text) == ("stop", history_writer.ANSWERS[column])
        else:
            texts[question, column] = texts.get((question, column), "") + text
    for key, text in texts.items():
        assert answers[key].text.startswith(text), key
    for (_, column), answer in answers.items():
        whole = history_writer.ANSWERS[column]
        if answer.finish == "unfinished":
            assert whole.startswith(answer.text)
        else:
            assert (answer.finish, answer.text) == ("stop", whole)


def test_a_process_killed_at_any_moment_loses_a_second_at_most(history: History) -> None:
    """Thirty processes, five at a time on one history, killed at random."""
    chance = random.Random(11)
    for group in range(6):
        readers = [Reader(write(f"{group}.{number}")) for number in range(5)]
        for reader in readers:
            reader.wait_for(1)
        moments = sorted((chance.uniform(0, 2.5), reader) for reader in readers)
        began = time.monotonic()
        killed = {}
        for moment, reader in moments:
            time.sleep(max(0.0, began + moment - time.monotonic()))
            killed[reader] = reader.kill()
        with database.opened(history.path) as connection:
            assert connection.execute("PRAGMA integrity_check").fetchall() == [("ok",)]
        for reader in readers:
            if any(at <= killed[reader] - 1 for at, *_ in reader.lines):
                check_nothing_is_lost(history, reader.lines, killed[reader])
    assert sum(entry.unfinished for entry in history.entries()) >= 10, "most were killed in the middle of an answer"


def test_two_processes_write_one_history_while_a_third_reads(history: History) -> None:
    readers = [Reader(write(name)) for name in ("a", "b")]
    for reader in readers:
        reader.wait_for(200)
        history.entries()
        history.search("ch1")
    for reader in readers:
        reader.kill()
    chats = [history.load(entry.id) for entry in history.entries()]
    assert sorted(chat.title for chat in chats) == ["a asks 0", "b asks 0"]
    for chat in chats:
        assert {turn.question.partition(" ")[0] for turn in chat.turns} == {chat.title[0]}
        assert last(msgspec.structs.replace(chat, turns=chat.turns[:1])).text == history_writer.ANSWERS["chinese"]


def test_many_processes_may_make_the_history_at_once(home: Path) -> None:
    code = "from culturechat.history import database; database.connect(database.default_path()).close()"
    makers = [subprocess.Popen([sys.executable, "-c", code]) for _ in range(6)]
    assert [maker.wait() for maker in makers] == [0] * 6
    assert History().entries() == []


def test_a_recorder_does_not_wait_for_the_disk(history: History, monkeypatch: pytest.MonkeyPatch) -> None:
    held = threading.Event()
    connect: Callable[[Path], sqlite3.Connection] = database.connect

    def slow(path: Path) -> sqlite3.Connection:
        held.wait(10)
        return connect(path)

    monkeypatch.setattr(database, "connect", slow)
    talk: Any = Talk(history)
    began = time.monotonic()
    talk.ask("why?")
    assert time.monotonic() - began < 1
    held.set()
    assert isinstance(talk.recorder, Recorder) and last(talk.kept()).finish == "stop"
