from __future__ import annotations

from collections import Counter
from math import log
from pathlib import Path

import pytest
from scipy.spatial.distance import jensenshannon
from scipy.stats import wasserstein_distance

from culturechat import catalogue, cultures, probing, survey
from culturechat.catalogue import Column
from culturechat.engines import Engine
from culturechat.engines.echo import Echo
from culturechat.errors import UsageError
from culturechat.probing.metrics import jensen_shannon_bits, position, wasserstein
from culturechat.probing.report import as_json
from culturechat.probing.summary import bootstrap, others_pooled, summarise

P, Q = (0.7, 0.2, 0.1, 0.0), (0.1, 0.1, 0.3, 0.5)


def test_the_wasserstein_distance_is_scipys_over_positions() -> None:
    places = [0, 1, 2, 3]
    assert wasserstein(P, Q) == pytest.approx(wasserstein_distance(places, places, P, Q) / 3)
    assert wasserstein((1, 0, 0), (0, 0, 1)) == pytest.approx(1)


def test_the_jensen_shannon_divergence_is_scipys_distance_squared() -> None:
    assert jensen_shannon_bits(P, Q) == pytest.approx(jensenshannon(P, Q, base=2) ** 2)
    assert jensen_shannon_bits((1, 0), (0, 1)) == pytest.approx(1)


def test_the_mean_position_runs_from_first_to_last_option() -> None:
    assert position((1, 0, 0)) == 0
    assert position((0, 0, 1)) == 1
    assert position((0.5, 0, 0.5)) == pytest.approx(0.5)


def test_the_first_two_orders_are_forward_and_reverse() -> None:
    assert probing.orders(4, 2) == [(0, 1, 2, 3), (3, 2, 1, 0)]


@pytest.mark.parametrize("options", [2, 3, 5, 6, 10])
def test_all_orders_are_different_and_put_every_option_everywhere_equally_often(options: int) -> None:
    arranged = probing.orders(options, "all")
    assert len(set(arranged)) == len(arranged)
    places = Counter((place, option) for order in arranged for place, option in enumerate(order))
    assert len(set(places.values())) == 1
    assert len(arranged) == {2: 2, 3: 6, 5: 120, 6: 12, 10: 20}[options]


def column(name: str = "chinese") -> Column:
    return Column(name, cultures.load(name), "prompt", "model", Path("model.gguf"))


def test_position_bias_cancels_between_forward_and_reverse() -> None:
    """A model that only ever looks at the first place has no opinion."""
    engine = Echo(scores={"chinese": (0.8, 0.1, 0.05, 0.05)})
    engine.open([column()])
    (result,) = probing.probe(engine, [column()], survey.load(), ["Q27"], 2)
    assert result.p == pytest.approx((0.425, 0.075, 0.075, 0.425))


def test_probabilities_go_back_to_the_options_they_belong_to() -> None:
    """A model that always wants the label `Agree`, wherever it stands."""

    class Agreeing(Echo):
        def score(self, column, choices):  # type: ignore[no-untyped-def]
            for choice in choices:
                lines = [line for line in choice.messages[-1].text.splitlines() if line[1:3] == ". "]
                yield probing.Scores(tuple(log(0.97) if line[3:] == "Agree" else log(0.01) for line in lines))

    engine = Agreeing()
    engine.open([column()])
    (result,) = probing.probe(engine, [column()], survey.load(), ["Q27"], "all")
    assert result.p == pytest.approx((0.01, 0.97, 0.01, 0.01))
    assert result.option_mass == pytest.approx(1)


def test_the_json_has_the_promised_form() -> None:
    bank = survey.load()
    base = Column("base", None, "base", "model", Path("model.gguf"))
    engine = Echo()
    results = list(probing.probe(engine, [column(), base], bank, ["Q27", "Q42", "Q125"]))
    report = as_json(results, summarise(results, bank))
    assert list(report["items"][0]) == ["item", "culture", "codes", "p", "option_mass", "human", "jsd_bits", "wd"]
    by_key = {(row["item"], row["culture"]): row for row in report["items"]}
    assert by_key["Q27", "chinese"]["human"] == list(bank.people("Q27", ["CHN"]).shares)  # type: ignore[union-attr]
    assert by_key["Q42", "chinese"]["wd"] is None and by_key["Q42", "chinese"]["jsd_bits"] is not None
    assert by_key["Q125", "chinese"]["human"] is None
    assert by_key["Q27", "base"]["human"] is None
    chinese, control = report["summary"]
    assert list(chinese) == ["culture", "items", "jsd_bits", "wd", "uniform", "others_pooled"]
    assert chinese["items"] == 2 and set(chinese["wd"]) == {"mean", "low", "high"}
    assert chinese["wd"] == pytest.approx(chinese["uniform"]["wd"])
    assert control["items"] == 0 and control["wd"] is None


def test_others_pooled_is_the_mean_of_the_other_cultures_only() -> None:
    bank = survey.load()
    others = [cultures.load(name) for name in cultures.names() if name != "german"]
    first = [bank.people("Q27", culture.countries).shares[0] for culture in others]  # type: ignore[union-attr]
    pooled = others_pooled("Q27", "german", bank)
    assert pooled is not None and pooled[0] == pytest.approx(sum(first) / len(first))


def test_the_bootstrap_repeats_by_seed_and_covers_the_mean() -> None:
    values = [0.1, 0.2, 0.4, 0.15, 0.3]
    interval = bootstrap(values, seed=3)
    assert interval == bootstrap(values, seed=3)
    assert interval is not None and interval.low < interval.mean < interval.high
    assert bootstrap([]) is None


def test_the_real_engine_scores_the_same_twice_to_the_last_bit(engine: Engine) -> None:
    columns = catalogue.columns(["chinese", "base"])
    engine.open(columns)
    items = ["Q27", "Q158", "Q151"]
    first = list(probing.probe(engine, columns, survey.load(), items))
    again = list(probing.probe(engine, columns, survey.load(), items))
    assert first == again
    assert [len(result.p) for result in first] == [4, 10, 2] * 2
    assert all(sum(result.p) == pytest.approx(1) and 0 < result.option_mass <= 1 for result in first)


def test_an_unknown_item_is_refused() -> None:
    with pytest.raises(UsageError, match="Unknown question"):
        list(probing.probe(Echo(), [column()], survey.load(), ["Q9999"]))
