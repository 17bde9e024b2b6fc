"""What people said, beside what the models say."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import pytest
from rich.cells import cell_len

from culturechat import cultures, survey
from culturechat.engines import Choice, Scores
from culturechat.errors import EngineError
from culturechat.survey import Bank
from culturechat.tui import chart
from culturechat.tui.widgets.survey_panel import SurveyPanel
from tests.tui.stage import Near, Recorder, ask, column, screen, shown, stage, survey_text, until

BANK = survey.load()


@pytest.mark.parametrize("name", ["chinese", "arabic", "spanish"])
async def test_the_panel_shows_the_very_shares_of_the_bank(name: str) -> None:
    people = BANK.people("Q38", cultures.load(name).countries)
    assert people
    async with stage(name).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        text = survey_text(pilot, name)
        for label, share in zip(BANK.question("Q38").labels, people.shares, strict=True):
            line = next(line for line in text.splitlines() if line.startswith(label + " "))
            assert line.endswith(chart.percent(share))
            assert line.count("█") == int(round(share * 8 * (60 - 26 - 6)) / 8)
        assert text.splitlines()[1] in shown(pilot) or "Strongly agree" in shown(pilot)


async def test_the_heading_names_question_and_similarity() -> None:
    async with stage().run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        for text in ("Caring for ageing parents", "Q38", "similarity 0.63", "China 2018 · 3,029 answers"):
            assert text in shown(pilot)


async def test_the_base_column_has_no_people() -> None:
    async with stage("chinese", "base").run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        assert survey_text(pilot, "base").startswith("model only")


async def test_a_question_that_was_not_asked_in_a_country_says_so() -> None:
    unasked = next(item for item in BANK.questions if BANK.people(item, ["CHN"]) is None)
    async with stage("chinese", "english", item=unasked).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        assert "not asked in China" in shown(pilot)
        assert "United States 2017" in shown(pilot)


async def test_it_says_so_when_no_question_is_close() -> None:
    async with stage(item=None).run_test(size=(120, 36)) as pilot:
        await ask(pilot, "What should I cook tonight?")
        assert "No survey question is close to this." in shown(pilot)
        assert not any(panel.display for panel in screen(pilot).query(SurveyPanel))


async def test_a_search_that_fails_does_not_touch_the_answers() -> None:
    def broken(text: str, bank: Bank) -> Near | None:
        raise RuntimeError("no embeddings")

    app = stage()
    app.compare.survey.closest = broken
    async with app.run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        assert "The survey could not be searched: Unexpected RuntimeError: no embeddings" in shown(pilot)


@pytest.mark.parametrize("width", [1, 5, 12, 20, 34, 36, 58, 100, 196])
@pytest.mark.parametrize("short", [False, True])
def test_charts_never_exceed_their_width(width: int, short: bool) -> None:
    for item, question in BANK.questions.items():
        people = BANK.people(item, ["IRQ", "JOR"]) or BANK.people(item, ["USA"])
        assert people
        for line in chart.lines(question, people, width, short):
            assert cell_len(line.plain) <= max(width, 13), (item, line.plain)


def test_ten_steps_show_each_share_both_ends_and_the_mean() -> None:
    people = BANK.people("Q164", ["JOR"])
    assert people
    text = "\n".join(line.plain for line in chart.lines(BANK.question("Q164"), people, 56))
    mean = sum(step * share for step, share in enumerate(people.shares, start=1)) / sum(people.shares)
    assert [int(number) for number in text.splitlines()[2].split()] == [round(share * 100) for share in people.shares]
    for part in ("1 not at all important", f"mean {mean:.1f}", "very important 10"):
        assert part in text


def test_bars_are_drawn_in_eighths() -> None:
    assert [chart.bar(share, 4) for share in (0, 0.001, 1 / 8, 0.5, 1)] == ["    ", "▏   ", "▌   ", "██  ", "████"]


@pytest.mark.parametrize(("share", "text"), [(0, "0%"), (0.001, "<1%"), (0.284, "28%"), (1, "100%")])
def test_percent_hides_no_answer(share: float, text: str) -> None:
    assert chart.percent(share) == text


def test_countries_asked_in_different_years_are_all_named() -> None:
    people = BANK.people("Q38", cultures.load("spanish").countries)
    assert people and chart.source(people).startswith("Argentina, Mexico 2017–18 · ")


def test_a_panel_without_a_question_takes_no_room() -> None:
    assert SurveyPanel(column("chinese")).lines(40) == []


async def test_f3_draws_the_models_own_shares_beside_the_peoples() -> None:
    engine = Recorder(scores={"chinese": [0.5, 0.2, 0.1, 0.1, 0.1], "base": [1, 1, 1, 1, 1]})
    async with stage("chinese", "base", engine=engine).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await pilot.press("f3")
        await until(pilot, lambda: "mass 100%" in survey_text(pilot, "base"))
        lines = survey_text(pilot, "chinese").splitlines()
        # the option order and its reverse are averaged, so that first and last get the same
        assert [line.split()[-1] for line in lines[2:7]] == ["30%", "15%", "10%", "15%", "30%"]
        people = BANK.people("Q38", ["CHN"])
        assert people
        assert [line.split("%")[0].split()[-1] for line in lines[2:7]] == [
            chart.percent(share).rstrip("%") for share in people.shares
        ]
        assert lines[-1].startswith("distance 0.") and "━" in lines[2] and "█" in lines[2]
        assert "distance" not in survey_text(pilot, "base")
        await pilot.press("f3")
        await pilot.pause()
        assert "━" not in survey_text(pilot, "chinese")


async def test_the_models_shares_follow_the_next_question_and_say_when_they_cannot_be_had() -> None:
    class Mute(Recorder):
        def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
            raise EngineError("The engine has gone.")

    async with stage("chinese", engine=Mute()).run_test(size=(120, 36)) as pilot:
        await ask(pilot)
        await pilot.press("f3")
        await until(pilot, lambda: "not known: The engine has gone." in survey_text(pilot, "chinese"))
        assert "Strongly agree" in survey_text(pilot, "chinese")


@pytest.mark.parametrize("width", [24, 34, 58, 100, 196])
@pytest.mark.parametrize("short", [False, True])
def test_pairs_of_bars_never_exceed_their_width(width: int, short: bool) -> None:
    for item, question in BANK.questions.items():
        shares = [1 / len(question.codes)] * len(question.codes)
        for people in (BANK.people(item, ["USA"]), None):
            for line in chart.beside(question, people, shares, width, short):
                assert cell_len(line.plain) <= max(width, 24), (item, line.plain)
