"""Means of a run that is still going on."""

from __future__ import annotations

import pytest

from culturechat import survey
from culturechat.probing import Plan, Tally, stream
from culturechat.probing.summary import item_controls, summarise
from tests.probing.stage import Moody, column

BANK = survey.load()
ITEMS = [item for item, question in BANK.questions.items() if question.theme == "religious values"]


def tally(*names: str) -> Tally:
    counted = Tally()
    for result in stream(Moody(), [column(name) for name in names], BANK, ITEMS, Plan()):
        assert counted.add(result, item_controls(result, BANK))
    return counted


def test_the_means_of_a_whole_run_are_those_of_its_summary() -> None:
    counted = tally("chinese", "arabic")
    for summary in summarise(counted, BANK):
        means = counted.means(summary.culture, ITEMS)
        pairs = [
            (means.jsd_bits, summary.model.jsd_bits),
            (means.wd, summary.model.wd),
            (means.uniform, summary.uniform.wd),
            (means.others_pooled, summary.others_pooled.wd),
            (means.noise_floor, summary.noise_floor.wd),
            (means.option_mass, summary.option_mass),
        ]
        for mean, interval in pairs:
            assert interval and mean == pytest.approx(interval.mean)


def test_means_are_over_what_is_known_and_asked_for() -> None:
    counted = tally("chinese")
    one = counted.result("chinese", ITEMS[0])
    assert one
    assert counted.means("chinese", ITEMS[:1]).wd == one.wd
    assert counted.means("chinese", ITEMS).done == len(ITEMS) == len(counted)
    assert counted.means("arabic", ITEMS).done == 0 and counted.means("arabic", ITEMS).wd is None
    assert not counted.add(one, None), "it was known before"
    assert len(counted) == len(ITEMS)


def test_without_people_there_is_no_distance_but_an_option_mass() -> None:
    means = tally("base").means("base", ITEMS)
    assert (means.wd, means.jsd_bits, means.uniform, means.noise_floor) == (None, None, None, None)
    assert means.option_mass == pytest.approx(0.8)
