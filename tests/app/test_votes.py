"""What was thought of answers in blind mode is kept with them, exported, and summed up by culture."""

from __future__ import annotations

import csv
import io
import json
import sqlite3
from pathlib import Path

import pytest
from scipy.stats import binomtest

from culturechat.engines.echo import Echo
from culturechat.errors import BadFile
from culturechat.history import Chat, History, Judgement, database, files
from culturechat.history.chat import letter
from culturechat.history.votes import Proportion
from tests.app.test_cli import run
from tests.app.test_history import Clock, Talk, last


@pytest.fixture
def history(home: Path) -> History:
    return History(clock=Clock())


def judged(history: History, *rounds: tuple[dict[str, str], str | None]) -> Chat:
    """Return a chat with a round for each of these guesses and votes; Arabic stands in the first column."""
    talk = Talk(history, Echo({"chinese": "好", "arabic": "نعم"}))
    for guesses, best in rounds:
        talk.ask("Who?")
        talk.recorder.judged({"arabic": 0, "chinese": 1}, guesses, best)
    return talk.kept()


def test_a_judgement_is_kept_with_the_answers_it_is_of(history: History) -> None:
    chat = judged(history, ({"arabic": "chinese"}, "arabic"))
    arabic, chinese = last(chat, "arabic").judgement, last(chat).judgement
    assert arabic and chinese and arabic.at == chinese.at
    assert (arabic.place, arabic.columns, arabic.guess, arabic.best) == (0, 2, "chinese", True)
    assert (chinese.place, chinese.letter, chinese.guess, chinese.best) == (1, "B", "", False)


def test_only_the_answers_that_were_shown_are_judged(history: History) -> None:
    talk = Talk(history).ask("first")
    talk.recorder.judged({"chinese": 0, "arabic": 1}, {}, "chinese")
    list(talk.session.regenerate())
    chat = talk.ask("second").kept()
    (turn, after) = chat.turns
    assert [answer.judgement is not None for answer in turn.answers] == [True, True, False, False]
    assert not any(answer.judgement for answer in after.answers)


def test_a_vote_for_a_chat_that_is_gone_for_good_harms_nothing(history: History) -> None:
    talk = Talk(history).ask("first")
    talk.recorder.close()
    assert talk.recorder.chat
    history.delete(talk.recorder.chat)
    history.empty_trash()
    with database.opened(history.path) as connection, database.transaction(connection):
        from culturechat.history import rows

        rows.judge(connection, 1, Judgement(Clock()(), 0, 2))
        assert connection.execute("SELECT count(*) FROM judgement").fetchone() == (0,)


def test_an_older_history_gains_judgements_and_keeps_its_chats(history: History, tmp_path: Path) -> None:
    path = tmp_path / "old.sqlite3"
    connection = sqlite3.connect(path, isolation_level=None)
    database.migrate(connection, path, {1: database.steps()[1]})
    connection.execute("INSERT INTO chat (title, created, changed) VALUES ('old', '2026-01-01', '2026-01-01')")
    connection.close()
    old = History(path)
    assert [entry.title for entry in old.entries()] == ["old"]
    assert old.votes() == []


def test_judgements_go_out_as_json_and_come_in_again(history: History, tmp_path: Path) -> None:
    chat = judged(history, ({"arabic": "arabic"}, "chinese"))
    path = tmp_path / "out.json"
    files.write(path, [chat], "json")
    (number,) = History(tmp_path / "other.sqlite3").add(files.read(path))
    back = History(tmp_path / "other.sqlite3").load(number)
    assert last(back, "arabic").judgement == last(chat, "arabic").judgement is not None
    raw = json.loads(path.read_text("utf-8"))
    raw["chats"][0]["turns"][0]["answers"][0]["judgement"]["place"] = -1
    path.write_text(json.dumps(raw), "utf-8")
    with pytest.raises(BadFile, match="place"):
        files.read(path)


def test_judgements_stand_in_the_table_and_in_words(history: History) -> None:
    chat = judged(history, ({"arabic": "arabic", "chinese": "arabic"}, "chinese"), ({}, None))
    rows = list(csv.DictReader(io.StringIO(files.render([chat], "csv"))))
    by_culture = {(row["turn"], row["culture"]): row for row in rows}
    first = by_culture["1", "chinese"]
    found = [first[name] for name in ("blind_column", "blind_columns", "guess", "voted_best")]
    assert found == ["B", "2", "arabic", "True"] and first["judged"].startswith("2026-03-01T")
    assert "blind as A of 2, recognised" in files.facts(chat.turns[0].latest["arabic"])
    assert "blind as B of 2, taken for arabic, voted best" in files.render([chat], "md")
    assert "taken for arabic, voted best" in files.render([chat], "html")
    plain = files.render([Talk(history).ask("not blind").kept()], "csv")
    assert plain.splitlines()[1].endswith(",,,,,") and "blind as" not in files.facts(last(chat)).replace(
        "blind as B", ""
    )


def test_votes_are_summed_up_by_culture(history: History) -> None:
    judged(
        history,
        ({"arabic": "arabic", "chinese": "chinese"}, "arabic"),
        ({"arabic": "chinese"}, "chinese"),
        ({}, "arabic"),
        ({"chinese": "chinese"}, None),
    )
    arabic, chinese = history.votes()
    assert (arabic.culture, arabic.rounds, chinese.rounds) == ("arabic", 4, 4)
    assert (arabic.best, chinese.best) == (Proportion(2, 3, 0.5), Proportion(1, 3, 0.5))
    assert (arabic.recognised, chinese.recognised) == (Proportion(1, 2, 0.5), Proportion(2, 2, 0.5))


def test_copies_count_once_and_the_trash_not_at_all(history: History) -> None:
    chat = judged(history, ({"arabic": "arabic"}, "arabic"))
    before = history.votes()
    copy = history.duplicate(chat.id)
    assert history.votes() == before and before[0].rounds == 1
    history.delete(chat.id)
    assert history.votes() == before
    history.delete(copy)
    assert history.votes() == []


@pytest.mark.parametrize(("count", "of"), [(0, 1), (1, 1), (0, 10), (3, 10), (5, 10), (10, 10), (17, 400)])
def test_the_interval_is_wilsons(count: int, of: int) -> None:
    expected = binomtest(count, of).proportion_ci(method="wilson")
    assert Proportion(count, of, 0.5).interval == pytest.approx((expected.low, expected.high), abs=1e-6)


def test_of_nothing_nothing_is_known() -> None:
    assert Proportion(0, 0, 0.0).interval == (0, 1)


def test_columns_without_names_are_called_by_letters() -> None:
    assert [letter(place) for place in (0, 1, 9, 25, 26, 53)] == ["A", "B", "J", "Z", "A2", "B3"]


def test_the_command_lists_votes_as_a_table_and_as_json(home: Path) -> None:
    assert run("history", "votes").stdout.split()[:2] == ["culture", "rounds"]
    judged(History(clock=Clock()), ({"arabic": "arabic"}, "chinese"))
    done = run("history", "votes")
    assert done.returncode == 0
    _, arabic, chinese = done.stdout.splitlines()
    assert arabic.split()[:3] == ["arabic", "1", "0"] and "1 of 1 (100%)" in arabic and "21%–100%" in arabic
    assert chinese.rstrip().endswith("-") and "50%" in chinese
    rows = json.loads(run("history", "votes", "--json").stdout)
    assert [row["culture"] for row in rows] == ["arabic", "chinese"]
    assert rows[0]["best"] == {"count": 0, "of": 1, "share": 0.0, "low": 0.0, "high": 0.7935, "chance": 0.5}
    assert rows[1]["recognised"] == {"count": 0, "of": 0, "share": None, "low": None, "high": None, "chance": None}
