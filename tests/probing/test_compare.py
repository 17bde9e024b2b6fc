from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest

from culturechat.errors import BadFile, UsageError
from culturechat.probing.compare import compare, read
from tests.probing.stage import run


@pytest.fixture
def saved(tmp_path: Path) -> Path:
    path = tmp_path / "a.json"
    path.write_text(run(["chinese", "german", "base"]).to_json(), "utf-8")
    return path


def changed(path: Path, **by: float) -> Path:
    """The run with every distribution pulled towards the people, or away from them."""
    report = json.loads(path.read_text("utf-8"))
    for row in report["items"]:
        if row["human"] is not None and row["culture"] in by:
            pull = by[row["culture"]]
            row["p"] = [(1 - pull) * p + pull * q for p, q in zip(row["p"], row["human"], strict=True)]
            row["wd"] = row["wd"] * (1 - pull) if row["wd"] is not None else None
    other = path.with_name("b.json")
    other.write_text(json.dumps(report), "utf-8")
    return other


def test_a_run_does_not_differ_from_itself(saved: Path) -> None:
    same = compare(read(saved), read(saved))
    assert all(
        change.wd_difference is None or vars(change.wd_difference) == {"mean": 0, "low": 0, "high": 0}
        for change in same.changes
    )
    assert all(row.total_variation == 0 for row in same.moved)


def test_what_came_nearer_is_found_with_its_sign_and_size(saved: Path) -> None:
    found = compare(read(saved), read(changed(saved, chinese=0.5)))
    by_name = {change.culture: change for change in found.changes}
    chinese = by_name["chinese"]
    assert chinese.wd_a is not None and chinese.wd_b == pytest.approx(chinese.wd_a / 2)
    assert chinese.wd_difference is not None and chinese.wd_difference.high < 0
    assert chinese.nearer == chinese.items and chinese.farther == 0
    assert by_name["german"].wd_difference is not None and by_name["german"].wd_difference.mean == 0
    assert by_name["base"].wd_difference is None
    assert found.moved[0].culture == "chinese"
    assert found.moved == tuple(sorted(found.moved, key=lambda row: -row.total_variation))


def test_the_mean_over_all_columns_weighs_every_pair_alike(saved: Path) -> None:
    found = compare(read(saved), read(changed(saved, chinese=0.3, german=-0.1)))
    every, differences = found.changes[0], [row.wd_difference for row in found.moved if row.wd_difference is not None]
    assert every.culture == "all" and every.wd_difference is not None
    assert every.wd_difference.mean == pytest.approx(np.mean(differences))
    assert found == compare(read(saved), read(changed(saved, chinese=0.3, german=-0.1)))


def test_what_only_one_run_has_is_named(saved: Path, tmp_path: Path) -> None:
    other = tmp_path / "c.json"
    other.write_text(run(["chinese"], ["Q27"]).to_json(), "utf-8")
    found = compare(read(other), read(saved))
    assert found.only_a == () and "german Q27" in found.only_b and "chinese Q27" not in found.only_b
    with pytest.raises(UsageError, match="no question"):
        third = tmp_path / "d.json"
        third.write_text(run(["korean"], ["Q27"]).to_json(), "utf-8")
        compare(read(other), read(third))


@pytest.mark.parametrize("text", ["", "[]", '{"items": [{}]}', '{"items": "x"}', "\x00"])
def test_another_file_is_refused_by_name(tmp_path: Path, text: str) -> None:
    (tmp_path / "x.json").write_text(text)
    with pytest.raises(BadFile, match=r"x\.json"):
        read(tmp_path / "x.json")
    with pytest.raises(BadFile, match="no such file"):
        read(tmp_path / "none.json")
