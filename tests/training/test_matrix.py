"""Adapters beside all peoples, on made-up answers with known distances."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import pytest

from culturechat import cultures, survey
from training import recipes, rows
from training.__main__ import main
from training.rows import Answer
from training.steps import matrix, seeds
from training.workspace import Workspace

BANK = survey.load()
AGREE, DISAGREE, MIDDLE = (1.0, 0.0, 0.0, 0.0), (0.0, 0.0, 0.0, 1.0), (0.0, 1.0, 0.0, 0.0)
NAMES = ("chinese", "german", "turkish")


def test_a_row_is_an_adapter_and_a_column_a_people() -> None:
    people = {"chinese": {"Q27": AGREE}, "german": {"Q27": DISAGREE}}
    answers = {"chinese": {"Q27": MIDDLE}, "german": {"Q27": DISAGREE}}
    found = matrix.matrix(people, answers, BANK)
    assert [round(distance, 6) for row in found.wd for distance in row] == [0.333333, 0.666667, 1.0, 0.0]
    assert found.gain["chinese"].mean == pytest.approx(2 / 3) and found.gain["german"].mean == pytest.approx(2 / 3)


def test_only_questions_that_all_have_in_common_count() -> None:
    people: Mapping[str, Mapping[str, Sequence[float]]] = {
        "chinese": {"Q27": AGREE, "Q28": AGREE},
        "german": {"Q27": AGREE},
    }
    answers = {"chinese": {"Q27": AGREE, "Q28": DISAGREE}, "german": {"Q27": AGREE}}
    assert matrix.matrix(people, answers, BANK).wd == ((0, 0), (0, 0))


def test_the_command_writes_figures_and_a_picture(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--cultures", ",".join(NAMES), "--recipe", "tiny", "--runs", str(tmp_path)]
    assert main(["seeds", *arguments]) == 0
    for name in NAMES:
        workspace = Workspace.of(tmp_path, "smollm2-135m", "tiny", 1, name)
        asked = rows.read(workspace.seeds, rows.Seed)
        rows.write(workspace.answers, [Answer(name, seed.item, "restated", seed.shares, 1.0) for seed in asked])
    capsys.readouterr()
    assert main(["matrix", *arguments]) == 0
    assert capsys.readouterr().out.startswith("3 adapters in, WD to their own people 0.000, cultural gain 0.")
    run = Workspace.of(tmp_path, "smollm2-135m", "tiny", 1, "chinese").run
    figures = json.loads(run.matrix.read_text("utf-8"))
    assert figures["cultures"] == list(NAMES) and figures["gain"]["german"]["low"] > 0
    assert run.matrix_picture.read_bytes().startswith(b"\x89PNG")


def test_a_culture_that_was_not_evaluated_is_named(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    arguments = ["--cultures", "german,turkish", "--recipe", "tiny", "--runs", str(tmp_path)]
    main(["seeds", *arguments])
    assert main(["matrix", *arguments]) == 2
    assert "answers.jsonl" in (said := capsys.readouterr().err) and "training evaluate" in said
    assert main(["matrix", "--cultures", "german", "--recipe", "tiny", "--runs", str(tmp_path)]) == 2
    assert "two cultures" in capsys.readouterr().err


def test_gain_is_of_the_culture_not_of_the_survey_s_items_alone() -> None:
    """Three cultures with real shares: each adapter that answers as its own people gains, a copied one does not."""
    asked = {name: seeds.asked(cultures.load(name), recipes.load("tiny"), BANK) for name in NAMES}
    people = {name: {seed.item: seed.shares for seed in given} for name, given in asked.items()}
    assert all(found.low > 0 for found in matrix.matrix(people, people, BANK).gain.values())
    copied = dict.fromkeys(NAMES, people["german"])
    assert all(found.mean == pytest.approx(0) for found in matrix.matrix(people, copied, BANK).gain.values())
