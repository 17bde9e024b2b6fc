"""Made-up texts in the forms of the public files; the words of a made-up text say what class it is of."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import replace
from importlib import import_module
from math import log
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from culturechat import cultures
from culturechat.engines import Choice, Scores
from culturechat.engines.echo import Echo
from culturechat.errors import BadFile, UsageError
from training import bases, f1, textsets
from training.__main__ import main
from training.f1 import Labelled
from training.steps import downstream
from training.textsets import Kind, TextSet
from training.workspace import Workspace

TURKISH = textsets.catalogue().of("turkish")
YESNO = Kind("Is it?", {"yes": "It is", "no": "It is not"})
PLAIN = TextSet("turkish", "plain", "plain", "plain.jsonl", "tweet", "label", {"OFF": "yes", "NOT": "no"})


def made_up(one: TextSet, count: int = 12) -> list[dict[str, Any]]:
    """Rows of a set, its labels in turn; every text is a little different."""
    labels = list(one.classes)
    return [
        {one.text: f"made-up {one.name} {number}: {one.classes[label]}!", one.label: label}
        for number, label in enumerate(labels * count)
    ]


def write(folder: Path, one: TextSet, rows: Sequence[Any]) -> Path:
    path = folder / one.file
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text("".join(json.dumps(row) + "\n" for row in rows), "utf-8")
    return folder


class Reader(Echo):
    """The culture's model reads the class off the text; the others take the first option, wherever it comes from."""

    asked = 0

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        for choice in choices:
            self.asked += 1
            text = choice.messages[-1].text
            labels = [line[3:] for line in text.splitlines() if line[1:3] == ". "]
            chances = [0.6, *[0.4] * (len(labels) - 1)]
            if column == "culture":
                kind = next(kind for kind in textsets.catalogue().kinds.values() if text.startswith(kind.question))
                truth = kind.classes[text.partition("!")[0].rpartition(": ")[2]]
                chances = [0.9 if label == truth else 0.1 for label in labels]
            yield Scores(tuple(map(log, chances)))


def score(folder: Path, engine: Echo, **more: Any) -> tuple[str, Workspace]:
    workspace = Workspace(folder / "run" / "turkish")
    data = folder / "data"
    line = downstream.run(workspace, cultures.load("turkish"), bases.load("smollm2-135m"), data, engine=engine, **more)
    return line, workspace


def test_the_catalogue_has_58_sets_in_the_languages_of_nine_cultures() -> None:
    sets = textsets.catalogue().sets
    assert len(sets) == 58
    assert set(Counter(one.culture for one in sets)) == set(cultures.names())
    assert {one.kind for one in sets} == set(textsets.catalogue().kinds)


@pytest.mark.parametrize("culture", cultures.names())
def test_a_file_of_every_set_is_read_by_its_keys_and_labels(tmp_path: Path, culture: str) -> None:
    for one in textsets.catalogue().of(culture):
        kind = textsets.catalogue().kind(one)
        reading = textsets.read(one, kind, write(tmp_path, one, made_up(one, 2)))
        names = list(kind.classes)
        assert len(reading.texts) == 2 * len(one.classes) and not reading.left_out
        assert all(text.words.endswith(f"{names[text.of_class]}!") for text in reading.texts)


@pytest.mark.parametrize(("label", "expected"), [("OFF", 0), (" off ", 0), ("NOT", 1)])
def test_case_and_spaces_around_a_label_do_not_matter(tmp_path: Path, label: str, expected: int) -> None:
    (text,) = textsets.read(PLAIN, YESNO, write(tmp_path, PLAIN, [{"tweet": "x", "label": label}])).texts
    assert text.of_class == expected


@pytest.mark.parametrize("label", ["1", 1, 1.0])
def test_a_label_may_be_a_number(tmp_path: Path, label: Any) -> None:
    numbered = TextSet("turkish", "n", "plain", "n.jsonl", "data", "label", {"1": "yes", "0": "no"})
    (text,) = textsets.read(numbered, YESNO, write(tmp_path, numbered, [{"data": 1.0, "label": label}])).texts
    assert (text.words, text.of_class) == ("1", 0)


def test_texts_are_cleaned_and_what_cannot_be_scored_is_counted(tmp_path: Path) -> None:
    rows = [
        {"tweet": "  you &amp; me\n\\nagain ", "label": "OFF"},
        {"tweet": "y" * 5000, "label": "NOT"},
        {"tweet": None, "label": "NOT"},
        {"tweet": float("nan"), "label": "NOT"},
        {"tweet": "unlabelled", "label": ""},
    ]
    reading = textsets.read(PLAIN, YESNO, write(tmp_path, PLAIN, rows))
    assert [text.words for text in reading.texts] == ["you & me again", "y" * textsets.MOST_CHARACTERS]
    assert reading.left_out == {"without a text": 2, "without a label": 1}


@pytest.mark.parametrize(
    ("content", "complaint"),
    [
        ('{"tweet": "a", "label": "OFF"}\n{"tweet": "a"', r"line 2: is not valid JSON"),
        ('{"tweet": "a"}', r"line 1: has no key 'label'"),
        ("[1]", r"line 1: has no key 'tweet'"),
        ('{"tweet": "a", "label": "MAYBE"}', r"line 1, key label: label 'MAYBE' is none of OFF, NOT"),
        ('\n{"tweet": "", "label": "OFF"}', r"holds no text that can be scored"),
    ],
)
def test_a_wrong_file_is_named_with_the_line(tmp_path: Path, content: str, complaint: str) -> None:
    (tmp_path / PLAIN.file).write_text(content, "utf-8")
    with pytest.raises(BadFile, match=complaint) as caught:
        textsets.read(PLAIN, YESNO, tmp_path)
    assert PLAIN.file in str(caught.value)


def test_sets_that_share_texts_draw_the_same_ones(tmp_path: Path) -> None:
    rows = made_up(PLAIN, 50)
    other = [{**row, "tweet": f" {row['tweet'].upper()}"} for row in reversed(rows)]
    texts = textsets.read(PLAIN, YESNO, write(tmp_path, PLAIN, rows)).texts
    same = textsets.read(PLAIN, YESNO, write(tmp_path, PLAIN, other)).texts
    drawn = {text.cluster for text in textsets.sample(texts, 20, 1)}
    assert len(drawn) == 20 and drawn == {text.cluster for text in textsets.sample(same, 20, 1)}
    assert drawn != {text.cluster for text in textsets.sample(texts, 20, 2)}


def test_f1_by_class_and_its_mean_are_those_of_scikit_learn() -> None:
    f1_score = import_module("sklearn.metrics").f1_score
    chance = np.random.default_rng(3)
    truth, predicted = chance.integers(0, 3, 200).tolist(), chance.integers(0, 3, 200).tolist()
    own = f1.by_class(truth, predicted, np.ones((1, 200)))
    assert own[0] == pytest.approx(f1_score(truth, predicted, average=None))
    scores = f1.score([Labelled("a", tuple(map(str, range(200))), tuple(truth), {"m": tuple(predicted)})], [], 0, 50)
    assert scores.sets["a"]["m"].macro.mean == pytest.approx(f1_score(truth, predicted, average="macro"))


def test_texts_that_stand_twice_do_not_make_the_interval_narrower() -> None:
    chance = np.random.default_rng(5)
    truth = tuple(chance.integers(0, 2, 100).tolist())
    given = tuple(one if chance.random() < 0.7 else 1 - one for one in truth)
    names = tuple(map(str, range(100)))
    once = f1.score([Labelled("a", names, truth, {"m": given})], [], 0).sets["a"]["m"].macro
    twice = f1.score([Labelled("a", names * 2, truth * 2, {"m": given * 2})], [], 0).sets["a"]["m"].macro
    apart = tuple(map(str, range(200)))
    as_if_new = f1.score([Labelled("a", apart, truth * 2, {"m": given * 2})], [], 0).sets["a"]["m"].macro
    assert (twice.low, twice.high) == pytest.approx((once.low, once.high))
    assert as_if_new.high - as_if_new.low < 0.85 * (once.high - once.low)


def test_sets_of_one_class_are_left_out_of_means_and_differences_are_paired() -> None:
    names = tuple(map(str, range(40)))
    truth = (0, 1) * 20
    good, bad = truth, (0,) * 40
    both = Labelled("both", names, truth, {"a": good, "b": bad})
    one_class = Labelled("one", names, bad, {"a": (1,) * 40, "b": bad})
    scores = f1.score([both, one_class], [("a", "b"), ("a", "nobody")], 0)
    assert scores.means["a"].mean == 1 and scores.means["b"].mean == pytest.approx(1 / 3)
    assert scores.differences["a", "b"].mean == pytest.approx(2 / 3)
    assert ("a", "nobody") not in scores.differences
    assert scores.sets["one"]["b"].macro.mean == 1


def test_every_set_that_is_there_is_scored_side_by_side(tmp_path: Path) -> None:
    for one in TURKISH[:3]:
        write(tmp_path / "data", one, made_up(one))
    (tmp_path / "run" / "turkish").mkdir(parents=True)
    line, workspace = score(tmp_path, Reader(), texts=20)
    found = json.loads((workspace.folder / "downstream.json").read_text("utf-8"))
    assert set(found["sets"]) == {one.name for one in TURKISH[:3]}
    assert len(found["missing"]) == len(TURKISH) - 3
    models = found["sets"][TURKISH[0].name]["models"]
    assert list(models)[:3] == ["commonest", "base", "prompted"]
    page = (workspace.folder / "downstream.md").read_text("utf-8")
    assert f"| {TURKISH[0].name} | 20 |" in page and "is not there" in page
    assert line.startswith("3 sets, macro-F1 commonest 0.3")


def test_a_model_that_knows_scores_one_and_a_model_of_one_mind_as_the_control(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    one = next(texts for texts in TURKISH if texts.kind == "offensive_target")
    write(tmp_path / "data", one, made_up(one))
    columns = downstream.models(Workspace(tmp_path), cultures.load("turkish"), bases.load("smollm2-135m"))
    prompted = next(column for column in columns if column.id == "prompted")
    trained = replace(prompted, id="culture")
    monkeypatch.setattr(downstream, "models", lambda *_: [prompted, trained])
    _, workspace = score(tmp_path, Reader(), texts=1000)
    models = json.loads((workspace.folder / "downstream.json").read_text("utf-8"))["sets"][one.name]["models"]
    assert models["culture"]["macro_f1"]["mean"] == 1
    assert models["prompted"] == models["commonest"]
    assert set(models["culture"]["f1"]) == set(textsets.catalogue().kind(one).classes)


def test_a_run_that_was_stopped_asks_only_what_is_left_and_keeps_no_text(tmp_path: Path) -> None:
    first, second = TURKISH[:2]
    write(tmp_path / "data", first, made_up(first))
    engine = Reader()
    _, workspace = score(tmp_path, engine)
    once = engine.asked
    score(tmp_path, engine)
    assert engine.asked == once > 0
    write(tmp_path / "data", second, made_up(second))
    score(tmp_path, engine)
    assert engine.asked == 2 * once
    kept = "".join(path.read_text("utf-8") for path in workspace.folder.rglob("*.*"))
    assert "made-up" not in kept and first.name in kept


def test_a_folder_without_the_files_is_refused_with_an_example(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    arguments = ["evaluate", "--cultures", "turkish", "--runs", str(tmp_path), "--downstream", str(tmp_path)]
    assert main(arguments) == 2
    complaint = capsys.readouterr().err
    assert "none of the 7 test sets of turkish" in complaint and "Turkey/ATC/fold_0_test.jsonl" in complaint


def test_fewer_than_one_text_is_refused(tmp_path: Path) -> None:
    with pytest.raises(UsageError, match="--texts 0"):
        score(tmp_path, Reader(), texts=0)
