"""The questions in other words, with the real sentence encoder and the real tagger."""

from __future__ import annotations

import json
import socket
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from culturechat import survey
from culturechat.errors import BadFile, EngineError, UsageError
from training import bases, pipeline, recipes, rows
from training.__main__ import main
from training.recipes import Augment, Recipe
from training.rows import Wording
from training.steps import augment, augment_report, dataset, polarity, tagged
from training.steps.augment import Augmenter, Outcome
from training.steps.replace import protected
from training.steps.similarity import Similarity
from training.workspace import Workspace

pytestmark = pytest.mark.xdist_group("torch")

BANK = survey.load()
RECIPE = recipes.load("augmented")
assert RECIPE.augment is not None
SETTINGS: Augment = RECIPE.augment
BASE = bases.load("smollm2-135m")
ITEMS = ("Q28", "Q126", "Q160")


@pytest.fixture(scope="module")
def outcomes() -> dict[str, Outcome]:
    augmenter = Augmenter(SETTINGS, 1, 1)
    return {item: augmenter.outcome(BANK.questions[item]) for item in ITEMS}


def test_each_seed_gets_five_restatements_and_ten_sentences_with_other_words(outcomes: dict[str, Outcome]) -> None:
    for outcome in outcomes.values():
        assert Counter(wording.stage for wording in outcome.kept) == {"restated": 5, "replaced": 10}
        counts = outcome.counts
        for stage in ("restated", "replaced"):
            refused = sum(counts.get(f"{stage}.{why}", 0) for why in ("duplicate", "far", "flipped"))
            assert counts[f"{stage}.proposed"] == refused + counts[f"{stage}.kept"]


def test_what_is_kept_is_near_no_flip_and_no_duplicate(outcomes: dict[str, Outcome]) -> None:
    similarity = Similarity(SETTINGS.encoder)
    for item, outcome in outcomes.items():
        question = BANK.questions[item]
        texts = [question.question, *(wording.text for wording in outcome.kept)]
        for wording in outcome.kept:
            assert min(similarity.between(wording.text, [question.question, wording.source])) > SETTINGS.similarity
            assert polarity.flipped(wording.source, wording.text, augment.option_texts(question)) == ""
            others = [text for text in texts if text != wording.text]
            assert min(augment.difference(wording.text, other) for other in others) >= SETTINGS.least_change


def test_sentences_of_stage_b_differ_from_a_restatement_by_their_new_words_only(outcomes: dict[str, Outcome]) -> None:
    for item, outcome in outcomes.items():
        labels = augment.option_texts(BANK.questions[item])
        restated = {wording.text for wording in outcome.kept if wording.stage == "restated"}
        for wording in outcome.kept:
            if wording.stage == "replaced":
                assert wording.source in restated and wording.changes
                sentence = tagged.tagged(wording.source)
                for index in protected(sentence, labels):
                    assert sentence.words[index].text.lower() in wording.text.lower()


def test_nothing_comes_near_the_wording_that_is_held_back(outcomes: dict[str, Outcome]) -> None:
    for item, outcome in outcomes.items():
        held_back = BANK.questions[item].restatements[-1]
        assert all(augment.difference(wording.text, held_back) >= SETTINGS.least_change for wording in outcome.kept)
        assert held_back not in {wording.source for wording in outcome.kept}


def test_the_same_seed_makes_the_same_and_another_seed_others(outcomes: dict[str, Outcome]) -> None:
    assert Augmenter(SETTINGS, 1, 1).outcome(BANK.questions["Q28"]) == outcomes["Q28"]
    assert Augmenter(SETTINGS, 1, 2).outcome(BANK.questions["Q28"]) != outcomes["Q28"]


def test_without_restatements_the_question_itself_gets_other_words() -> None:
    settings = replace(SETTINGS, restatements=0, samples=3)
    outcome = Augmenter(settings, 1, 1).outcome(BANK.questions["Q28"])
    assert {wording.source for wording in outcome.kept} == {BANK.questions["Q28"].question}


class Scripted:
    """A source of restatements that are given."""

    def __init__(self, *texts: str) -> None:
        self.texts = texts

    def of(self, question: survey.Question, wanted: int) -> Iterator[str]:
        yield from self.texts


def test_flips_strangers_and_repetitions_are_refused_and_counted() -> None:
    question = BANK.questions["Q28"]
    augmenter = Augmenter(replace(SETTINGS, samples=0), 1, 1)
    augmenter.__dict__["restatements"] = Scripted(
        "How far do you agree: children do not suffer if their mother has a paid job?",
        "How far do you agree: robberies are common in your neighbourhood?",
        question.question,
        question.question.replace("How far", "how far"),
        question.restatements[-1],
        "Do children suffer when their mother has a job that is paid?",
    )
    outcome = augmenter.outcome(question)
    assert [wording.text for wording in outcome.kept] == [
        "Do children suffer when their mother has a job that is paid?"
    ]
    assert outcome.counts == {
        "restated.proposed": 6, "restated.flipped": 1, "restated.far": 1, "restated.duplicate": 3, "restated.kept": 1,
    }  # fmt: skip
    assert "not" in outcome.flips[0].text and "denies" in outcome.flips[0].why


def test_the_difference_is_the_share_of_other_words() -> None:
    assert augment.difference("Is it so?", "is it so") == 0
    assert augment.difference("a b c d", "a b c e") == pytest.approx(0.25)
    assert augment.difference("a b", "c d") == 1


def test_distinct_n_and_diversity_gain_are_what_they_say() -> None:
    assert augment_report.distinct(["a b a b", "A c."], 1) == pytest.approx(3 / 6)
    assert augment_report.distinct(["a b a b"], 2) == pytest.approx(2 / 3)
    assert augment_report.distinct(["a"], 2) == 0
    similarity = Similarity(SETTINGS.encoder)
    assert augment_report.diversity_gain(similarity, ["Is it so?"], ["Is it so?"]) == pytest.approx(0, abs=1e-3)
    gain = augment_report.diversity_gain(similarity, ["Dogs bark.", "The moon is far."], ["Stars are far away."])
    (cosine,) = similarity.between("Stars are far away.", ["The moon is far."])
    assert gain == pytest.approx((2 - 2 * cosine) ** 0.5)


def test_a_text_s_vector_does_not_depend_on_its_company() -> None:
    alone, beside = Similarity(SETTINGS.encoder), Similarity(SETTINGS.encoder)
    texts = ["Is it so?", "A much longer sentence, which would be padded against, stands beside it."]
    assert (alone.vectors(texts[:1])[0] == beside.vectors(texts)[0]).all()


# the step


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Workspace:
    """A workspace, a bank of three questions, and a report without the base's perplexity."""
    monkeypatch.setattr(augment_report, "perplexities", lambda _base, groups: dict.fromkeys(groups, 50.0))
    return Workspace.of(tmp_path, "base", "recipe", 1, "chinese")


def take(run: Workspace, made_from: str = "x", recipe: Recipe = RECIPE) -> str:
    bank = survey.Bank({item: BANK.questions[item] for item in ITEMS}, BANK.answers)
    return augment.run(run, BASE, recipe, bank, 1, made_from)


def test_the_step_writes_wordings_and_a_report_and_says_so_in_one_line(run: Workspace) -> None:
    line = take(run)
    assert line == "3 questions in, 15 restatements and 30 sentences with other words out, 0 flips refused"
    wordings = rows.read(run.run.augmented, Wording)
    assert len(wordings) == 45 and {wording.item for wording in wordings} == set(ITEMS)
    report = run.run.augment_report.read_text("utf-8")
    for part in ("## Acceptance", "distinct-2", "diversity gain", "perplexity", "## Refused", "## Samples", "| 50.0 |"):
        assert part in report
    assert sorted(path.name for path in run.run.folder.iterdir()) == ["augment-report.md", "augmented.jsonl"]


def test_a_stopped_run_goes_on_and_ends_with_the_same(run: Workspace, tmp_path: Path, monkeypatch: Any) -> None:
    take(run)
    whole = run.run.augmented.read_bytes(), run.run.augment_report.read_bytes()
    second = Workspace.of(tmp_path / "second", "base", "recipe", 1, "chinese")
    made, outcome = [], Augmenter.outcome

    def stopped(self: Augmenter, question: survey.Question) -> Outcome:
        made.append(question.item)
        if len(made) == 2:
            raise EngineError("the server is gone")
        return outcome(self, question)

    monkeypatch.setattr(Augmenter, "outcome", stopped)
    with pytest.raises(EngineError):
        take(second)
    assert not second.run.augmented.exists()
    with second.run.augmenting.open("ab") as file:
        file.write(b'{"item":"Q160","ke')  # as a kill in the middle of a line leaves it
    take(second)
    assert made == ["Q28", "Q126", "Q126", "Q160"]
    assert (second.run.augmented.read_bytes(), second.run.augment_report.read_bytes()) == whole


def test_what_was_made_from_other_settings_is_not_gone_on_with(run: Workspace, monkeypatch: Any) -> None:
    run.run.folder.mkdir(parents=True)
    run.run.augmenting.write_bytes(b'{"made_from":"other"}\n{"item":"Q28","kept":[],"counts":{},"flips":[]}\n')
    assert "15 restatements" in take(run)
    run.run.augmenting.write_bytes(b'{"made_from":"x"}\n{"item":"Q28","kept":[],"counts":{},"flips":[]}\n')
    assert "10 restatements" in take(run)
    run.run.augmenting.write_bytes(b'{"made_from":"x"}\n{"item":5}\n')
    with pytest.raises(BadFile, match="is damaged"):
        take(run)


def test_the_shipped_sources_need_no_network(run: Workspace, monkeypatch: pytest.MonkeyPatch) -> None:
    def refused(*_: object) -> None:
        raise AssertionError("something reached for the network")

    monkeypatch.setattr(socket.socket, "connect", refused)
    take(run)


def test_one_culture_s_step_is_done_for_all(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setattr(augment, "run", _pretended)
    jobs = pipeline.jobs(["chinese", "arabic"], "smollm2-135m", "augmented", 1, tmp_path)
    for job in jobs:
        pipeline.run(job, ["augment"])
    first, second = capsys.readouterr().out.splitlines()
    assert "pretended" in first and second.endswith("nothing to do")


def _pretended(workspace: Workspace, *_: object) -> str:
    rows.write(workspace.run.augmented, [])
    workspace.run.augment_report.write_text("")
    return "pretended"


def test_a_recipe_that_asks_for_none_gets_none(tmp_path: Path, capsys: Any) -> None:
    assert main(["augment", "--cultures", "chinese", "--recipe", "tiny", "--runs", str(tmp_path)]) == 0
    assert "asks for no other words" in capsys.readouterr().out
    assert not list(tmp_path.rglob("augmented.jsonl"))


# what the data set makes of it


def test_the_data_set_shows_the_new_wordings_in_place_of_the_bank_s(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "base", "recipe", 1, "chinese")
    new = [
        Wording("Q28", "restated", "A restatement?", "", 0.9),
        Wording("Q28", "replaced", "Other words?", "A restatement?", 0.9),
    ]
    rows.write(workspace.run.augmented, new)
    both = dataset.augmented(workspace, RECIPE)
    assert both == {"Q28": ["A restatement?", "Other words?"]}
    only_b = replace(RECIPE, augment=replace(SETTINGS, train_on_restatements=False))
    assert dataset.augmented(workspace, only_b) == {"Q28": ["Other words?"]}
    assert dataset.augmented(workspace, recipes.load("tiny")) is None
    question = BANK.questions["Q28"]
    assert dataset.wordings(question, 1, both) == (question.question, "A restatement?", "Other words?")
    assert dataset.wordings(BANK.questions["Q29"], 1, both) == (BANK.questions["Q29"].question,)


def test_the_data_set_needs_the_step_before(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="Run the step before"):
        dataset.augmented(Workspace.of(tmp_path, "base", "recipe", 1, "chinese"), RECIPE)


# mistakes


@pytest.mark.parametrize(
    ("line", "complaint"),
    [
        ('restate_with = "template"', "augment.restate_with.*Did you mean templates"),
        ('replace_with = "wordnett"', "augment.replace_with.*Did you mean wordnet"),
        ("similarity = 1.2", "augment.similarity is 1.2"),
        ("samples = -1", "augment.samples is -1"),
        ('encodr = "x"', "Did you mean encoder"),
    ],
)
def test_a_recipe_s_mistake_is_named(tmp_path: Path, line: str, complaint: str) -> None:
    with pytest.raises(BadFile, match=complaint):
        recipes.load(str(written(tmp_path, line)))


@pytest.mark.parametrize("source", ["wordnet", "wordnet:/x", "own.gguf", "https://localhost/v1", "smollm2-135m"])
def test_every_kind_of_source_can_be_named(tmp_path: Path, source: str) -> None:
    loaded = recipes.load(str(written(tmp_path, f'replace_with = "{source}"'))).augment
    assert loaded is not None and loaded.replace_with == source


def written(folder: Path, line: str) -> Path:
    """Write the shipped recipe with one line of [augment] exchanged or added."""
    lines = (recipes.FOLDER / "augmented.toml").read_text("utf-8").splitlines()
    key = line.partition(" =")[0]
    kept = [one for one in lines if not one.startswith(f"{key} =")]
    kept.insert(kept.index("[augment]") + 1, line)
    path = folder / "own.toml"
    path.write_text("\n".join(kept), "utf-8")
    return path


def test_an_encoder_or_a_model_that_is_not_there_is_named(tmp_path: Path, capsys: Any, monkeypatch: Any) -> None:
    monkeypatch.setenv("HF_HUB_OFFLINE", "1")
    with pytest.raises(UsageError, match="No sentence encoder"):
        Similarity(str(tmp_path / "none"))
    path = written(tmp_path, 'restate_with = "none.gguf"')
    assert main(["augment", "--cultures", "chinese", "--recipe", str(path), "--runs", str(tmp_path)]) == 2
    said = capsys.readouterr().err
    assert "none.gguf" in said and said.count("\n") == 1


# slow: all fifty seeds, a kill, and the base's perplexity


@pytest.mark.slow
def test_the_shipped_sources_make_50_and_500(run: Workspace) -> None:
    assert augment.run(run, BASE, RECIPE, BANK, 1, "x").startswith(
        "50 questions in, 250 restatements and 500 sentences"
    )
    counts = Counter((one.item, one.stage) for one in rows.read(run.run.augmented, Wording))
    assert len(counts) == 100 and set(counts.values()) == {5, 10}


@pytest.mark.slow
def test_a_killed_run_ends_with_the_same_files(tmp_path: Path) -> None:
    recipe = written(tmp_path, "restatements = 1")
    recipe.write_text(recipe.read_text("utf-8").replace("samples = 10", "samples = 1"), "utf-8")
    whole, killed = tmp_path / "whole", tmp_path / "killed"
    subprocess.run(command(recipe, whole), check=True, capture_output=True)
    process = subprocess.Popen(command(recipe, killed), stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    run = killed / "smollm2-135m-own-s1"
    deadline = time.monotonic() + 300
    while not (run / "augmenting.jsonl").exists() or (run / "augmenting.jsonl").read_bytes().count(b"\n") < 5:
        assert process.poll() is None and time.monotonic() < deadline
        time.sleep(0.02)
    process.kill()
    process.wait()
    assert not (run / "augmented.jsonl").exists()
    subprocess.run(command(recipe, killed), check=True, capture_output=True)
    for name in ("augmented.jsonl", "augment-report.md"):
        assert (run / name).read_bytes() == (whole / run.name / name).read_bytes()
    assert {path.name for path in run.iterdir()} == {"augmented.jsonl", "augment-report.md", "fingerprints.json"}
    report = (run / "augment-report.md").read_text("utf-8")
    (questions,) = [line for line in report.splitlines() if line.startswith("| questions | 50 |")]
    assert 10 < float(questions.split("|")[-2]) < 1000
    assert json.loads((run / "fingerprints.json").read_text("utf-8"))["augment"]


def command(recipe: Path, runs: Path) -> list[str]:
    options = ["--cultures", "chinese", "--recipe", str(recipe), "--runs", str(runs)]
    return [sys.executable, "-m", "training", "augment", *options]
