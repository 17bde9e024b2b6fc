"""Intervals, controls, bias, matrix and map against known cases and scipy."""

from __future__ import annotations

import dataclasses

import numpy as np
import pytest
from scipy.spatial import procrustes
from scipy.spatial.distance import pdist, squareform
from scipy.stats import bootstrap as scipy_bootstrap
from scipy.stats import pearsonr

from culturechat import cultures, survey
from culturechat.probing import Plan, ProbeRun
from culturechat.probing.bias import biases, item_excess
from culturechat.probing.controls import noise_floor, others_pooled
from culturechat.probing.plane import ellipse, onto, plane, scale
from culturechat.probing.resample import RESAMPLES, bootstrap, bootstrap_items, reading_draws
from culturechat.probing.stream import stream
from culturechat.probing.summary import pearson, summarise
from culturechat.survey import Answers, Bank, Question, Scale
from tests.probing.stage import Rule, column, run


def test_the_bootstrap_repeats_by_seed_and_covers_the_mean() -> None:
    values = [0.1, 0.2, 0.4, 0.15, 0.3]
    interval = bootstrap(values, seed=3)
    assert interval == bootstrap(values, seed=3)
    assert interval is not None and interval.low < interval.mean < interval.high
    assert bootstrap([]) is None


def test_the_bootstrap_is_scipys_within_its_own_noise() -> None:
    values = np.random.default_rng(5).gamma(2, 0.1, 60)
    ours = bootstrap(list(values))
    theirs = scipy_bootstrap((values,), np.mean, method="percentile", rng=np.random.default_rng(0)).confidence_interval
    assert ours is not None
    assert (ours.low, ours.high) == pytest.approx((theirs.low, theirs.high), abs=0.003)


def test_readings_that_agree_leave_an_interval_over_items_alone() -> None:
    values = [0.1, 0.2, 0.4, 0.15]
    still = [np.full(RESAMPLES, value) for value in values]
    assert vars(bootstrap_items(values, still) or 0) == pytest.approx(vars(bootstrap(values) or 0))


def test_noise_of_readings_widens_the_interval_and_leaves_the_mean() -> None:
    values = [0.2] * 10
    noisy = [np.random.default_rng(place).normal(0.3, 0.1, RESAMPLES) for place in range(10)]
    interval = bootstrap_items(values, noisy)
    assert interval is not None and interval.mean == pytest.approx(0.2)
    assert interval.low < 0.2 < interval.high


def test_one_pair_of_orders_and_one_wording_have_nothing_to_resample() -> None:
    (result,) = run(["chinese"], ["Q27"]).items
    assert reading_draws(result) == pytest.approx(np.tile(result.p, (RESAMPLES, 1)))


def test_resampled_readings_scatter_around_the_mean() -> None:
    (result,) = run(["chinese"], ["Q27"], Plan(8, restatements=True)).items
    drawn = reading_draws(result)
    assert drawn.mean(axis=0) == pytest.approx(result.p, abs=0.01)
    assert drawn.sum(axis=1) == pytest.approx(np.ones(RESAMPLES))


def test_a_uniform_model_scores_like_the_uniform_control_with_its_interval() -> None:
    class Even(Rule):
        def weight(self, column: str, place: int, line: tuple[str, str]) -> float:
            return 1.0

    bank = survey.load()
    (summary,) = summarise(stream(Even(), [column()], bank), bank)
    assert summary.model.wd and summary.uniform.wd and summary.noise_floor.wd
    assert vars(summary.model.wd) == pytest.approx(vars(summary.uniform.wd))
    assert summary.correlation is None or abs(summary.correlation.mean) < 1e-6
    assert summary.noise_floor.wd.mean < summary.others_pooled.wd.mean < summary.uniform.wd.mean  # type: ignore[union-attr]
    assert sum(own.items for own in summary.themes.values()) == summary.items


def test_the_correlation_is_scipys() -> None:
    pairs = np.random.default_rng(2).normal(size=(30, 2)) @ [[1, 0.5], [0, 1]]
    assert pearson(pairs[None])[0] == pytest.approx(pearsonr(pairs[:, 0], pairs[:, 1]).statistic)
    assert np.isnan(pearson(np.ones((1, 5, 2)))[0])


def test_others_pooled_is_the_mean_of_the_other_cultures_only() -> None:
    bank = survey.load()
    others = [cultures.load(name) for name in cultures.names() if name != "german"]
    first = [bank.people("Q27", culture.countries).shares[0] for culture in others]  # type: ignore[union-attr]
    pooled = others_pooled("Q27", "german", bank)
    assert pooled is not None and pooled[0] == pytest.approx(sum(first) / len(first))


def two_option_bank(n: int | None, country: str = "CHN") -> Bank:
    question = Question("T1", "test", "?", Scale({"a": "Tea", "b": "Coffee"}))
    return Bank({"T1": question}, {(country, "T1"): Answers({"a": 0.5, "b": 0.5}, n)})


def test_the_noise_floor_is_that_of_theory() -> None:
    """Two halves of n/2 yes-no answers differ by |N(0, 4·p(1−p)/n)|, of which the mean is 2·√(p(1−p)/n)·√(2/π)."""
    floor = noise_floor("T1", ("CHN",), two_option_bank(1000))
    assert floor is not None and floor.n_known
    assert floor.wd == pytest.approx(2 * np.sqrt(0.25 / 1000) * np.sqrt(2 / np.pi), rel=0.1)
    assert floor == noise_floor("T1", ("CHN",), two_option_bank(1000))


def test_the_noise_floor_takes_the_interviews_where_n_is_not_given_and_nothing_where_those_are_unknown() -> None:
    floor = noise_floor("T1", ("CHN",), two_option_bank(None))
    assert floor is not None and not floor.n_known
    assert noise_floor("T1", ("ZZZ",), two_option_bank(None, "ZZZ")) is None


def test_the_shipped_figures_have_the_noise_floor_of_real_halves() -> None:
    """Real split halves of the respondents gave a mean WD of .014 over the 50 seeds."""
    bank = survey.load()
    seeds = [item for item, question in bank.questions.items() if question.seed and question.ordered]
    found = [
        floor.wd
        for name in cultures.names()
        for item in seeds
        if (people := bank.people(item, cultures.load(name).countries))
        and (floor := noise_floor(item, people.countries, bank))
    ]
    assert np.mean(found) == pytest.approx(0.014, abs=0.003)


def test_a_model_that_looks_at_places_alone_has_exactly_that_bias() -> None:
    class First(Rule):
        def weight(self, column: str, place: int, line: tuple[str, str]) -> float:
            return 0.7 if place == 0 else 0.1

    bank = survey.load()
    (bias,) = biases(stream(First(), [column()], bank, ["Q27"], Plan("all", ("letters", "backwards"))))
    (places,) = bias.places
    assert places.by_place == pytest.approx((0.7, 0.1, 0.1, 0.1))
    assert places.excess == pytest.approx((0.45, -0.15, -0.15, -0.15))
    assert bias.size is not None and bias.size.mean == pytest.approx(0.45)
    assert places.by_mark == pytest.approx({"A": 0, "B": 0, "C": 0, "D": 0}, abs=1e-9)


def test_a_model_that_loves_a_mark_has_a_label_bias_and_no_position_bias() -> None:
    class LovesA(Rule):
        def weight(self, column: str, place: int, line: tuple[str, str]) -> float:
            return {"A": 0.8, "D": 0.2}.get(line[0], 0.5)

    bank = survey.load()
    (bias,) = biases(stream(LovesA(), [column()], bank, ["Q27"], Plan("all", ("letters", "backwards"))))
    (places,) = bias.places
    assert places.excess == pytest.approx((0, 0, 0, 0), abs=1e-9)
    assert places.by_mark == pytest.approx({"A": 0.15, "B": 0.0, "C": 0.0, "D": -0.15}, abs=1e-9)


def test_the_words_of_labels_are_no_marks_and_leave_the_label_bias_alone() -> None:
    class LovesA(Rule):
        def weight(self, column: str, place: int, line: tuple[str, str]) -> float:
            return {"A": 0.8, "D": 0.2}.get(line[0], 0.5)

    bank = survey.load()
    (bias,) = biases(stream(LovesA(), [column()], bank, ["Q27"], Plan("all", ("letters", "backwards", "words"))))
    assert bias.places[0].by_mark == pytest.approx({"A": 0.15, "B": 0.0, "C": 0.0, "D": -0.15}, abs=1e-9)
    (alone,) = biases(stream(LovesA(), [column()], bank, ["Q27"], Plan("all", ("letters", "words"))))
    assert alone.places[0].by_mark is None


def test_with_one_style_the_label_bias_is_not_claimed() -> None:
    (bias,) = run(["chinese"], ["Q27"]).bias
    assert bias.places[0].by_mark is None
    assert item_excess(run(["chinese"], ["Q27"]).items[0]).sum() == pytest.approx(0)


def test_a_model_that_answers_like_a_people_is_nearest_to_it() -> None:
    """Each column repeats the shares of another culture's people."""
    bank = survey.load()
    done = run(["chinese", "base"])
    items = []
    for result in done.items:
        people = bank.people(result.item, cultures.load("turkish").countries)
        shares = people.shares if people and result.culture == "base" else result.p
        items.append(dataclasses.replace(result, p=shares))
    copied = ProbeRun(tuple(items), bank, done.columns)
    assert copied.nearest is not None and copied.plane is not None
    base = copied.nearest.rows[1]
    assert base.nearest == "turkish" and base.share_of_resamples == 1
    assert base.wd[copied.nearest.peoples.index("turkish")].mean == pytest.approx(0)
    point = {(p.kind, p.culture): (p.x, p.y) for p in copied.plane.points}
    assert point["model", "base"] == pytest.approx(point["people", "turkish"], abs=1e-6)
    assert all(bank.people(item, cultures.load(n).countries) for item in copied.nearest.items for n in cultures.names())


def test_scaling_finds_a_plane_again() -> None:
    points = np.random.default_rng(7).normal(size=(9, 2))
    found, explained = scale(squareform(pdist(points)) ** 2)
    assert explained == pytest.approx(1)
    assert squareform(pdist(found)) == pytest.approx(squareform(pdist(points)))


def test_the_alignment_is_scipys_procrustes_without_scaling() -> None:
    target = np.random.default_rng(1).normal(size=(6, 2))
    turn = np.array([[0.6, -0.8], [0.8, 0.6]])
    assert onto(target @ turn * [1, -1] + 3, target) == pytest.approx(target)
    other = np.random.default_rng(2).normal(size=(6, 2))
    norm = np.linalg.norm(other - other.mean(0)) / np.linalg.norm(target - target.mean(0))
    assert norm > 0 and procrustes(target, other)[2] <= ((onto(other, target) - target) ** 2).sum()


def test_the_ellipse_holds_95_percent_of_a_cloud() -> None:
    cloud = np.random.default_rng(3).normal(size=(20_000, 2)) * [3, 1]
    long, short, angle = ellipse(cloud)
    inside = (cloud[:, 0] / long) ** 2 + (cloud[:, 1] / short) ** 2 <= 1
    assert inside.mean() == pytest.approx(0.95, abs=0.01)
    assert min(abs(angle), 180 - abs(angle)) < 2


def test_too_few_points_or_items_give_no_map() -> None:
    done = run(["chinese"], ["Q27", "Q28"])
    assert plane(done.items, done.bank) is None


def test_a_bank_without_people_still_gives_results() -> None:
    question = Question("T1", "test", "Tea or coffee?", Scale({"a": "Tea", "b": "Coffee"}))
    done = run(["chinese"], bank=Bank({"T1": question}, {}))
    assert done.nearest is None and done.plane is None and done.summary[0].model.wd is None
    assert done.to_html() and done.to_json()
