from __future__ import annotations

import json
from pathlib import Path

import pytest

from culturechat import cultures, survey
from culturechat.errors import BadFile, UsageError


def test_the_shipped_bank_has_84_questions_of_which_50_are_seeds() -> None:
    questions = survey.load().questions.values()
    assert len(questions) == 84
    assert sum(question.seed for question in questions) == 50


def test_china_was_asked_32_of_the_50_seeds() -> None:
    bank = survey.load()
    asked = [q.item for q in bank.questions.values() if q.seed and bank.people(q.item, ["CHN"])]
    assert len(asked) == 32
    assert not {"Q125", "Q132", "Q138", "Q224", "Q233"} & set(asked)


def test_a_culture_of_two_countries_gets_the_mean_of_their_shares() -> None:
    bank = survey.load()
    people = bank.people("Q38", cultures.load("arabic").countries)
    iraq, jordan = bank.answers["IRQ", "Q38"], bank.answers["JOR", "Q38"]
    assert people is not None
    assert people.shares[0] == pytest.approx((iraq.shares["1"] + jordan.shares["1"]) / 2)
    assert people.n == 2403


def test_an_item_asked_in_neither_country_has_no_people() -> None:
    assert survey.load().people("Q36", ["IRQ", "JOR"]) is None


def test_every_country_of_every_culture_is_in_the_figures() -> None:
    countries = {country for country, _ in survey.load().answers}
    for name in cultures.names():
        for country in cultures.load(name).countries:
            assert country in countries
            assert survey.countries()[country].year in range(2017, 2023)


def test_no_question_of_ours_repeats_itself() -> None:
    for question in survey.load().questions.values():
        sentences = [question.question, *question.restatements]
        assert len(set(sentences)) == len(sentences) == 6, question.item
        assert all("{claim}" in stance.says for stance in question.scale.stances)


def write(path: Path, *rows: str) -> Path:
    path.write_text("\n".join(rows) + "\n", "utf-8")
    return path


def items_file(folder: Path, options: dict[str, str] | str) -> Path:
    text = options if isinstance(options, str) else json.dumps(options)
    quoted = text.replace('"', '""')
    return write(folder / "items.csv", "item,theme,question,options_json", f'X1,own,Tea or coffee?,"{quoted}"')


def test_own_questions_and_shares_are_read(tmp_path: Path) -> None:
    items = items_file(tmp_path, {"1": "Tea", "2": "Coffee"})
    shares = write(tmp_path / "shares.csv", "country,item,option,share", "CHN,X1,1,0.75", "CHN,X1,2,0.25")
    people = survey.from_csv(items, shares).people("X1", ["CHN"])
    assert people == survey.People((0.75, 0.25), None, ("CHN",))


@pytest.mark.parametrize(
    ("rows", "complaint"),
    [
        (["CHN,X9,1,1.0"], "line 2, column item: Unknown item 'X9'"),
        (["CHN,X1,7,1.0"], "line 2, column option: X1 has no option '7'"),
        (["CHN,X1,1,0.6", "CHN,X1,2,0.3"], "lines 2, 3, column share: CHN X1: shares sum to 0.900"),
        (["CHN,X1,1,half"], "line 2, column share: 'half'"),
        (["CHN,X1,1,0.5", "CHN,X1,1,0.5"], "line 3, column option: CHN X1 1 stands twice"),
        (["CHN,X1,1"], "line 2: has another number of fields"),
    ],
)
def test_damaged_shares_are_named_with_their_place(tmp_path: Path, rows: list[str], complaint: str) -> None:
    items = items_file(tmp_path, {"1": "Tea", "2": "Coffee"})
    shares = write(tmp_path / "shares.csv", "country,item,option,share", *rows)
    with pytest.raises(BadFile) as error:
        survey.from_csv(items, shares)
    assert "shares.csv" in str(error.value)
    assert complaint in str(error.value)


@pytest.mark.parametrize(
    ("options", "complaint"),
    [
        ({"1": "Tea"}, "1 options; a question needs 2 to 26"),
        ({str(number): f"Kind {number}" for number in range(30)}, "30 options"),
        ({"1": "Tea", "2": " "}, "option 2 has an empty label"),
        ({"1": "Tea", "2": "Tea"}, "two options are both labelled 'Tea'"),
        ('["Tea", "Coffee"]', "expected {"),
        ("{", "not valid JSON"),
    ],
)
def test_damaged_options_are_named_with_their_place(
    tmp_path: Path, options: dict[str, str] | str, complaint: str
) -> None:
    with pytest.raises(BadFile, match="line 2, column options_json") as error:
        survey.from_csv(items_file(tmp_path, options), None)
    assert complaint in str(error.value)


def test_an_item_that_stands_twice_and_a_missing_column_are_named(tmp_path: Path) -> None:
    row = 'X1,own,Tea?,"{""1"": ""Yes"", ""2"": ""No""}"'
    twice = write(tmp_path / "twice.csv", "item,theme,question,options_json", row, row)
    with pytest.raises(BadFile, match="line 3, column item: X1 stands twice"):
        survey.from_csv(twice, None)
    with pytest.raises(BadFile, match="column question, options_json is missing"):
        survey.from_csv(write(tmp_path / "short.csv", "item,theme", "X1,own"), None)


def test_an_unknown_item_names_the_nearest() -> None:
    with pytest.raises(UsageError, match=r"Unknown question 'Q2333'\. Did you mean Q233"):
        survey.load().question("Q2333")
