from __future__ import annotations

import re
from collections import Counter
from dataclasses import replace

import numpy as np
import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from culturechat import catalogue, probing, prompting, survey
from culturechat.engines import Engine
from culturechat.engines.echo import Echo
from culturechat.errors import UsageError
from culturechat.probing import Plan, banks, distances
from culturechat.probing.metrics import jensen_shannon_bits, position, wasserstein
from culturechat.probing.plan import check_labels, plan
from culturechat.survey import Question, Scale
from tests.probing.stage import Rule, column, run

P, Q = (0.7, 0.2, 0.1, 0.0), (0.1, 0.1, 0.3, 0.5)


def test_the_wasserstein_distance_is_scipys_over_positions() -> None:
    places = [0, 1, 2, 3]
    assert wasserstein(P, Q) == pytest.approx(wasserstein_distance(places, places, P, Q) / 3)
    assert wasserstein((1, 0, 0), (0, 0, 1)) == pytest.approx(1)


def test_the_jensen_shannon_divergence_is_scipys_distance_squared() -> None:
    assert jensen_shannon_bits(P, Q) == pytest.approx(jensenshannon(P, Q, base=2) ** 2)
    assert jensen_shannon_bits((1, 0), (0, 1)) == pytest.approx(1)


def test_the_distances_of_arrays_are_those_of_single_distributions() -> None:
    many = np.random.default_rng(1).dirichlet([0.3] * 4, (50, 2))
    many[0] = (P, Q)
    for one, other, wd, jsd in zip(
        many[:, 0],
        many[:, 1],
        distances.wasserstein(many[:, 0], many[:, 1]),
        distances.jensen_shannon_bits(many[:, 0], many[:, 1]),
        strict=True,
    ):
        assert wd == pytest.approx(wasserstein(one, other))
        assert jsd == pytest.approx(jensen_shannon_bits(one, other))


def test_the_mean_position_runs_from_first_to_last_option() -> None:
    assert position((1, 0, 0)) == 0
    assert position((0, 0, 1)) == 1
    assert position((0.5, 0, 0.5)) == pytest.approx(0.5)


def test_the_first_two_orders_are_forward_and_reverse() -> None:
    assert probing.orders(4, 2) == [(0, 1, 2, 3), (3, 2, 1, 0)]


@pytest.mark.parametrize("count", [2, 4, 6])
@pytest.mark.parametrize("options", [4, 5, 10])
def test_an_even_number_of_orders_holds_every_order_with_its_reverse(options: int, count: int) -> None:
    arranged = probing.orders(options, count)
    assert len(arranged) == count and all(order[::-1] in arranged for order in arranged)


@pytest.mark.parametrize("options", [2, 3, 5, 6, 10])
def test_all_orders_are_different_and_put_every_option_everywhere_equally_often(options: int) -> None:
    arranged = probing.orders(options, "all")
    assert len(set(arranged)) == len(arranged)
    places = Counter((place, option) for order in arranged for place, option in enumerate(order))
    assert len(set(places.values())) == 1
    assert len(arranged) == {2: 2, 3: 6, 5: 120, 6: 12, 10: 20}[options]


def test_position_bias_cancels_between_forward_and_reverse() -> None:
    """A model that only ever looks at the first place has no opinion."""
    engine = Echo(scores={"chinese": (0.8, 0.1, 0.05, 0.05)})
    (result,) = probing.stream(engine, [column()], survey.load(), ["Q27"])
    assert result.p == pytest.approx((0.425, 0.075, 0.075, 0.425))


@pytest.mark.parametrize("style", ["letters", "backwards", "digits"])
def test_probabilities_go_back_to_the_options_they_belong_to(style: prompting.Style) -> None:
    """A model that always wants the label `Agree`, wherever it stands and whatever its mark."""

    class Agreeing(Rule):
        def weight(self, column: str, place: int, line: tuple[str, str]) -> float:
            return 0.97 if line[1] == "Agree" else 0.01

    (result,) = probing.stream(Agreeing(), [column()], survey.load(), ["Q27"], Plan("all", (style,)))
    assert result.p == pytest.approx((0.01, 0.97, 0.01, 0.01))
    assert result.option_mass == pytest.approx(0.8)
    assert len(result.readings) == 24


def test_a_question_is_put_in_every_wording_style_and_order() -> None:
    bank = survey.load()
    question = bank.question("Q27")
    how = Plan(2, ("letters", "digits"), restatements=True)
    choices = how.choices(column(), question)
    assert len(choices) == len(how.settings(question)) == (1 + len(question.restatements)) * 2 * 2
    assert choices[0].options == ("A", "B", "C", "D") and choices[2].options == ("1", "2", "3", "4")
    assert question.restatements[-1] in choices[-1].messages[-1].text
    assert "one digit" in choices[-1].messages[-1].text and "one letter" in choices[0].messages[-1].text


@pytest.mark.parametrize("item", ["Q33", "Q38", "Q164"])
def test_the_number_of_ways_is_that_of_the_settings(item: str) -> None:
    question = survey.load().question(item)
    for how in (Plan(), Plan(4, ("letters", "digits")), Plan("all", ("letters", "backwards", "digits"), True)):
        assert how.ways(question) == len(how.settings(question))


def test_digits_are_left_out_where_a_tenth_option_would_need_two() -> None:
    bank = survey.load()
    assert {s.style for s in Plan(styles=("letters", "digits")).settings(bank.question("Q158"))} == {"letters"}
    assert {s.style for s in Plan(styles=("digits",)).settings(bank.question("Q158"))} == {"letters"}


def test_letters_from_the_bottom_give_the_last_place_an_a() -> None:
    assert prompting.marks(["x"] * 3, "backwards") == ("C", "B", "A")


def test_a_culture_can_be_asked_in_its_own_language_while_the_base_is_asked_in_english() -> None:
    question = survey.load().question("Q27")
    how = Plan(language="own", restatements=True)
    system, user = how.choices(column(), question)[0].messages
    assert "中国" in system.text and "父母" in user.text and "A. 非常同意" in user.text and "字母" in user.text
    assert not re.search("[a-z]", user.text)
    (same,) = how.choices(column("base"), question)[0].messages
    assert same.text == prompting.survey(None, question.question, question.labels)[0].text


def test_in_its_own_language_a_culture_gets_its_one_wording_in_every_order_and_style() -> None:
    how = Plan(2, ("letters", "words"), restatements=True, language="own")
    own, base = probing.stream(Echo(), [column(), column("base")], survey.load(), ["Q27"], how)
    assert len(own.readings) == 4 and len(base.readings) == 4 * 6
    assert own.codes == base.codes and own.people is not None


def test_a_question_of_ones_own_stays_as_typed_in_any_language() -> None:
    bank, _ = banks.typed("Tea?", "Yes|No")
    text = Plan(language="own").choices(column("german"), bank.question("own"))[0].messages[1].text
    assert text.startswith("Tea?\n\nA. Yes\nB. No\n\nAntworten Sie mit")


def test_the_words_of_the_labels_are_the_answer_where_there_are_no_marks() -> None:
    question = survey.load().question("Q27")
    forward, reverse = Plan(styles=("words",)).choices(column(), question)
    assert forward.options == question.labels and reverse.options == question.labels[::-1]
    text = forward.messages[-1].text
    assert text.endswith("- Disagree\n- Strongly disagree\n\nAnswer with the words of one option.")


def test_whole_labels_are_not_asked_of_a_server_that_names_single_tokens() -> None:
    served = replace(column(), server="http://127.0.0.1:8080/v1")
    with pytest.raises(UsageError, match=r"chinese is at a server.*Leave out words"):
        probing.probe_columns(Echo(), [served], survey.load(), ["Q27"], Plan(styles=("words",)))


def test_a_wrong_plan_is_refused() -> None:
    with pytest.raises(UsageError, match="Did you mean letters"):
        plan(styles=["letter"])
    with pytest.raises(UsageError, match="once"):
        plan(styles=["letters", "letters"])
    with pytest.raises(UsageError, match="language"):
        plan(language="klingon")


@pytest.mark.parametrize("other", ["Agree ", "Agree\u200b", "Ａｇｒｅｅ", "Ag\u00adree"])
def test_labels_that_nobody_can_tell_apart_are_refused(other: str) -> None:
    question = Question("T1", "test", "?", Scale({"a": "Agree", "b": other}))
    with pytest.raises(UsageError, match=r"T1.*(cannot be told apart|both labelled)"):
        check_labels(question)


def test_the_json_has_the_promised_form_and_says_how_it_was_made() -> None:
    report = run(["chinese", "base"], ["Q27", "Q42", "Q125"]).to_dict()
    promised = ["item", "culture", "codes", "p", "option_mass", "human", "jsd_bits", "wd"]
    assert list(report["items"][0])[: len(promised)] == promised
    by_key = {(row["item"], row["culture"]): row for row in report["items"]}
    people = survey.load().people("Q27", ["CHN"])
    assert people is not None and by_key["Q27", "chinese"]["human"] == list(people.shares)
    assert by_key["Q42", "chinese"]["wd"] is None and by_key["Q42", "chinese"]["jsd_bits"] is not None
    assert by_key["Q125", "chinese"]["human"] is None
    assert by_key["Q27", "base"]["human"] is None
    chinese, control = report["summary"]
    assert list(chinese)[:6] == ["culture", "items", "jsd_bits", "wd", "uniform", "others_pooled"]
    assert chinese["items"] == 2 and set(chinese["wd"]) == {"mean", "low", "high"}
    assert control["items"] == 0 and control["wd"] is None
    assert report["method"]["plan"]["orders"] == 2 and report["method"]["seed"] == 0


def test_the_mean_of_the_readings_is_the_result() -> None:
    (row,) = run(["german"], ["Q33"], Plan(4, ("letters", "backwards"), True)).to_dict()["items"]
    assert np.mean([reading["p"] for reading in row["readings"]], axis=0) == pytest.approx(row["p"])
    assert np.mean([reading["option_mass"] for reading in row["readings"]]) == pytest.approx(row["option_mass"])


def test_the_real_engine_scores_the_same_twice_to_the_last_bit(engine: Engine) -> None:
    columns = catalogue.columns(["chinese", "base"])
    engine.open(columns)
    items = ["Q27", "Q158", "Q151"]
    first = list(probing.stream(engine, columns, survey.load(), items))
    again = list(probing.stream(engine, columns, survey.load(), items))
    assert first == again
    assert [len(result.p) for result in first] == [4, 10, 2] * 2
    assert all(sum(result.p) == pytest.approx(1) and 0 < result.option_mass <= 1 for result in first)


def test_an_unknown_item_is_refused() -> None:
    with pytest.raises(UsageError, match="Unknown question"):
        list(probing.stream(Echo(), [column()], survey.load(), ["Q9999"]))


def test_the_api_runs_from_names_to_frames() -> None:
    polars = pytest.importorskip("polars")
    done = probing.probe("chinese, base", ["q27", "Q42"], engine=Echo())
    frame = done.to_polars()
    assert len(frame) == sum(len(result.codes) for result in done.items)
    sums = frame.group_by("culture", "item").agg(polars.col("p").sum(), polars.col("human").sum())
    assert sums["p"].to_list() == pytest.approx([1] * 4)
    assert frame.filter(polars.col("culture") == "base")["human"].null_count() == len(frame) // 2
    assert done.columns[0].files and all(len(digest) == 64 for digest in done.columns[0].files.values())


def test_the_frame_of_pandas_has_the_same_cells() -> None:
    pytest.importorskip("pandas")
    done = run(["chinese"], ["Q27"])
    assert done.to_pandas()["p"].tolist() == list(done.items[0].p)


def test_a_question_named_twice_and_an_empty_choice_are_refused() -> None:
    with pytest.raises(UsageError, match="Q27 is named twice"):
        probing.probe("chinese", ["Q27", "q27"], engine=Echo())
    with pytest.raises(UsageError, match="None of Q27"):
        probing.probe("chinese", ["Q27"], theme="migration", engine=Echo())
