"""`culturechat history` and `culturechat replay` in a process of their own, as a user runs them."""

from __future__ import annotations

import json
import sqlite3
import subprocess
from pathlib import Path

import pytest

from culturechat.engines.echo import Echo
from culturechat.history import History
from culturechat.session import Session
from culturechat.settings import Settings
from tests.app.history_writer import columns
from tests.app.test_cli import assert_one_line_error, run


def history(*arguments: str, stdin: str = "") -> subprocess.CompletedProcess[str]:
    return run("history", *arguments, stdin=stdin)


def lines(*arguments: str) -> list[str]:
    done = history(*arguments)
    assert done.returncode == 0, done.stderr
    return done.stdout.splitlines()


@pytest.fixture(autouse=True)
def two_chats(home: Path) -> None:
    for question, answer in (("Should women work?", "很多人在工作"), ("A good life?", "السعادة")):
        recorder = History().record(columns(), Settings(), "echo 1")
        session = Session(Echo({"chinese": answer, "arabic": answer}), columns(), Settings(), recorder)
        list(session.send(question))
        recorder.close()


def test_chats_are_listed_searched_and_shown() -> None:
    _, newest, older = lines("list")
    assert newest.startswith("2 ") and newest.endswith("A good life?") and "chinese,arabic" in newest
    assert older.startswith("1 ")
    assert len(lines("list", "--most", "1")) == 2
    _, found = lines("search", "工作")
    assert found.startswith("1 ") and "很多人在工作" in found
    assert history("search", "nothing like it").returncode == 1
    shown = history("show", "1").stdout
    assert "> Should women work?" in shown and "> 很多人在工作" in shown and "中文 Chinese" in shown
    assert json.loads(history("show", "1", "--json").stdout)["chats"][0]["turns"][0]["answers"][0]["seed"] == 1
    rows = json.loads(history("list", "--json").stdout)
    assert [(row["id"], row["title"], row["turns"]) for row in rows] == [
        (2, "A good life?", 1),
        (1, "Should women work?", 1),
    ]
    assert json.loads(history("search", "السعادة", "--json").stdout)[0]["id"] == 2


def test_chats_are_renamed_copied_deleted_and_brought_back() -> None:
    assert lines("rename", "1", "Work") == []
    assert lines("duplicate", "1") == ["3"]
    assert "history restore 2 brings it back" in lines("delete", "3", "2")[1]
    assert [line.split()[0] for line in lines("list")[1:]] == ["1"]
    assert [line.split()[0] for line in lines("list", "--trash")[1:]] == ["2", "3"]
    assert lines("undo") == ["Chat 2 is back."]
    assert lines("restore", "3") == ["Chat 3 is back."]
    history("delete", "3")
    assert history("empty-trash", stdin="n\n").returncode == 1
    assert lines("list", "--trash")[1:]
    assert lines("empty-trash", "--yes") == ["1 chat deleted for good."]
    assert_one_line_error(history("undo"), "trash is empty")
    assert_one_line_error(history("restore", "3"), "no chat 3")


def test_chats_go_out_to_files_and_come_in_again(home: Path, tmp_path: Path) -> None:
    for form, sign in (("md", "# Should women work?"), ("html", "<!doctype html>"), ("csv", "chat,title,turn")):
        path = tmp_path / f"out.{form}"
        done = history("export", "--all", "--format", form, "--output", str(path))
        assert done.returncode == 0 and "2 chats written" in done.stderr
        assert path.read_text("utf-8").startswith(sign)
        assert history("export", "--all", "--format", form).stdout.strip() == path.read_text("utf-8").strip()
    path = tmp_path / "out.json"
    lines("export", "2", "--format", "json", "--output", str(path))
    assert lines("import", str(path)) == ["0 chats imported, 1 left out because it is here already."]
    (home / "data" / "history.sqlite3").unlink()
    assert lines("import", str(path)) == ["1 chat imported as 1."]
    assert lines("list")[1].endswith("A good life?")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (("show", "9"), "no chat 9"),
        (("export",), "--all"),
        (("export", "1", "--all"), "--all"),
        (("export", "1", "--format", "pdf"), "Unknown format 'pdf'"),
        (("export", "1", "--output", "/proc/x/y.md"), "/proc/x/y.md: cannot be written"),
        (("rename", "1", " "), "title is empty"),
        (("import", "/nowhere.json"), "/nowhere.json: cannot be read"),
    ],
)
def test_mistakes_are_one_line(arguments: tuple[str, ...], complaint: str) -> None:
    assert_one_line_error(history(*arguments), complaint)


def test_a_damaged_history_is_one_line(home: Path) -> None:
    (home / "data" / "history.sqlite3").write_bytes(b"nothing of the kind" * 100)
    assert_one_line_error(history("list"), "history.sqlite3: is damaged or no history")


def test_a_chat_to_go_on_with_brings_its_own_columns() -> None:
    assert_one_line_error(run("--chat", "9"), "no chat 9")
    assert_one_line_error(run("--chat", "1", "--cultures", "chinese"), "--chat brings its own columns")
    assert_one_line_error(run("--chat", "1"), "needs a terminal")


def test_an_answer_is_kept_where_that_is_wanted_and_replayed(home: Path) -> None:
    asked = ["ask", "Should women work?", "--cultures", "chinese,german,korean", "--max-tokens", "16"]
    assert run(*asked).returncode == 0
    assert len(lines("list")) == 3, "ask keeps nothing by itself"
    assert run(*asked, "--history").returncode == 0
    (row,) = json.loads(history("list", "--most", "1", "--json").stdout)
    number = str(row["id"])
    done = run("replay", number)
    assert done.returncode == 0, done.stdout
    assert done.stdout.splitlines() == [f"1 {name}, seed 1: identical" for name in ("chinese", "german", "korean")]
    answers = json.loads(history("show", number, "--json").stdout)["chats"][0]["turns"][0]["answers"]
    assert all(len(answer["voice"]["base_sha256"]) == 64 for answer in answers)
    assert answers[0]["engine"].startswith("llama-cpp-python ")
    connection = sqlite3.connect(home / "data" / "history.sqlite3")
    connection.execute("UPDATE voice SET adapter_sha256 = ? WHERE adapter_sha256 <> ''", ("0" * 64,))
    connection.execute("UPDATE answer SET text = '@@' || text WHERE id = (SELECT max(id) FROM answer)")
    connection.commit()
    connection.close()
    done = run("replay", number, "--turn", "1", "--json")
    assert done.returncode == 1
    chinese, german, korean = json.loads(done.stdout)
    assert chinese["identical"] and "the adapter has changed" in chinese["differences"][0]
    assert german["identical"] and not korean["identical"]
    assert any("differs at character 1: it was “@@" in difference for difference in korean["differences"])


def test_a_history_that_cannot_be_written_does_not_stop_the_answer(home: Path) -> None:
    (home / "data" / "history.sqlite3").write_bytes(b"nothing of the kind" * 100)
    done = run("ask", "Hi", "--cultures", "chinese", "--max-tokens", "4", "--history", "--json")
    assert done.returncode == 0 and json.loads(done.stdout)["answers"][0]["text"]
    assert done.stderr.count("\n") == 1 and "This chat is not being saved" in done.stderr
