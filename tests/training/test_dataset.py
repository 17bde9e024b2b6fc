from __future__ import annotations

import hashlib
import random
from collections import Counter
from dataclasses import replace
from itertools import groupby
from pathlib import Path

import msgspec
import pytest

from culturechat import cultures, survey
from culturechat.conversation import Message
from training import prose, recipes
from training.recipes import Data
from training.rows import Reply, Row, Seed, read
from training.rows import write as write_rows
from training.steps import dataset, seeds
from training.workspace import Workspace

BANK = survey.load()
TINY = recipes.load("tiny")
RECIPE = replace(TINY, data=replace(TINY.data, items="all"))
DATA = replace(RECIPE.data, options_per_item=60, rotated=0.2, prose_per_item=8)
REPLY = Reply((Message("user", "Hello!"),), "Hello there.", True)


def made(culture: str = "chinese", seed: int = 1, data: Data = DATA) -> list[Row]:
    record = cultures.load(culture)
    return dataset.build(seeds.asked(record, RECIPE, BANK), [REPLY], data, BANK, seed)


def test_china_was_asked_32_of_the_50_seeds() -> None:
    recipe = replace(RECIPE, data=replace(RECIPE.data, items="seeds"))
    assert len(seeds.asked(cultures.load("chinese"), recipe, BANK)) == 32
    assert len(seeds.asked(cultures.load("english"), recipe, BANK)) == 50


@pytest.mark.parametrize("culture", cultures.names())
def test_seed_shares_are_the_mean_of_the_countries_and_sum_to_1(culture: str) -> None:
    record = cultures.load(culture)
    for seed in seeds.asked(record, RECIPE, BANK):
        people = BANK.people(seed.item, record.countries)
        assert people is not None
        assert sum(seed.shares) == pytest.approx(1, abs=1e-9)
        assert seed.shares == pytest.approx(people.shares, abs=0.01)


def test_the_same_seed_makes_the_same_rows_and_another_seed_others() -> None:
    assert made(seed=1) == made(seed=1)
    assert made(seed=1) != made(seed=2)


def test_targets_sum_to_1_and_follow_the_order_shown() -> None:
    record = cultures.load("chinese")
    shares = {seed.item: seed.shares for seed in seeds.asked(record, RECIPE, BANK)}
    orders = set()
    for row in (row for row in made() if row.kind == "option"):
        question = BANK.questions[row.item]
        shown = [line.split(". ", 1)[1] for line in row.messages[-1].text.splitlines() if line[1:3] == ". "]
        labels = next(
            names for names in (question.labels, *question.scale.alternates) if sorted(names) == sorted(shown)
        )
        assert sum(row.target) == pytest.approx(1)
        assert row.target == tuple(shares[row.item][labels.index(label)] for label in shown)
        assert len(row.marks) == len(shown)
        orders.add(tuple(labels.index(label) for label in shown))
    assert {(0, 1, 2, 3), (3, 2, 1, 0), (1, 2, 3, 0)} <= orders


def test_the_last_wording_and_the_last_labels_are_never_shown() -> None:
    for row in made():
        if row.item:
            question = BANK.questions[row.item]
            text = row.messages[-1].text
            assert question.restatements[-1] not in text
            if row.kind == "option":
                assert not all(f". {label}\n" in text for label in question.scale.alternates[-1])


def test_training_uses_every_other_wording_and_label_set() -> None:
    rows = [row for row in made() if row.kind == "option" and row.item == "Q38"]
    question = BANK.questions["Q38"]
    assert {row.wording for row in rows} == {question.question, *question.restatements[:-1]}
    assert {row.messages[-1].text.split("A. ")[1].split("\n")[0] for row in rows} >= {
        question.labels[0],
        question.scale.alternates[0][0],
    }


@pytest.mark.parametrize("culture", cultures.names())
def test_prose_is_sentences_that_take_the_surveys_side(culture: str) -> None:
    record = cultures.load(culture)
    shares = {seed.item: dict(zip(seed.codes, seed.shares, strict=True)) for seed in seeds.asked(record, RECIPE, BANK)}
    answers = [row for row in made(culture) if row.kind == "prose"]
    assert {row.item for row in answers} == set(shares)
    for row in answers:
        question = BANK.questions[row.item]
        sides = {stance: sum(shares[row.item][code] for code in stance.codes) for stance in question.scale.stances}
        largest = max(sides, key=lambda stance: sides[stance]).says.format(claim=question.claim)
        assert len(row.answer.split()) > 5 and row.answer.endswith(".")
        assert largest in row.answer.split(". ")[0] + row.answer.split(". ")[1]
        assert "%" not in row.answer and "{" not in row.answer


def test_prose_hedges_by_the_size_of_the_side() -> None:
    question = BANK.questions["Q38"]

    def said(*shares: float) -> str:
        return prose.answer(question, dict(zip(question.codes, shares, strict=True)), random.Random(1))

    assert "Nearly" in said(0.6, 0.35, 0.05, 0, 0) or "verybody" in said(0.6, 0.35, 0.05, 0, 0)
    assert any(word in said(0.3, 0.26, 0.04, 0.2, 0.2) for word in ("little over half", "more than half", "narrow"))
    assert any(word in said(0.2, 0.25, 0.2, 0.2, 0.15) for word in ("divided", "split", "same about this"))


def test_replay_keeps_the_bases_own_words() -> None:
    assert made()[-1] == Row("replay", "", REPLY.messages, answer=REPLY.answer, ended=True)


def test_one_more_question_changes_no_other_rows() -> None:
    record = cultures.load("chinese")
    asked = seeds.asked(record, RECIPE, BANK)
    some = dataset.build(asked[:5], [], DATA, BANK, 1)
    more = dataset.build(asked[:6], [], DATA, BANK, 1)
    assert [row for row in more if row.item != asked[5].item] == some and len(more) > len(some)


def test_rows_of_one_wording_follow_each_other_and_then_comes_another_question() -> None:
    options = [row for row in made() if row.kind == "option"]
    runs = [len(list(run)) for _, run in groupby(options, key=lambda row: row.item)]
    assert set(runs) == {DATA.options_per_wording}
    for first, second in zip(options[::2], options[1::2], strict=True):
        assert first.wording == second.wording and first.messages != second.messages


def test_the_rows_of_tiny_are_to_the_byte_what_they_were() -> None:
    """Only a change of the bank, of the prompts or of `tiny` may change the hash."""
    record = cultures.load("chinese")
    rows = dataset.build(seeds.asked(record, TINY, BANK), [REPLY], TINY.data, BANK, 1)
    assert len(rows) == 2753
    encoded = b"".join(msgspec.json.encode(row) + b"\n" for row in rows)
    assert hashlib.sha256(encoded).hexdigest() == "2b3fa850fd617b4e177ae86fe75cc15f2e55281f2c429832a8fa6141ecd73bff"


def test_other_wordings_take_the_place_of_the_bank_s() -> None:
    record = cultures.load("chinese")
    given = seeds.asked(record, RECIPE, BANK)[:4]
    others = {given[0].item: ["Put otherwise?", "Put otherwise again?"]}
    rows = dataset.build(given, [], DATA, BANK, 1, others)
    shown = {row.wording for row in rows if row.kind == "option" and row.item == given[0].item}
    question = BANK.questions[given[0].item]
    assert shown == {question.question, "Put otherwise?", "Put otherwise again?"}
    prose_shown = {row.messages[-1].text for row in rows if row.kind == "prose" and row.item == given[0].item}
    assert prose_shown == {question.open, *shown}
    for row in rows:
        if row.kind == "option" and row.item == given[1].item:
            assert row.wording == BANK.questions[given[1].item].question


def test_cultures_that_are_trained_together_are_asked_the_same_in_rows_of_their_own() -> None:
    both = [cultures.load("chinese"), cultures.load("arabic")]
    given = [seed for culture in both for seed in seeds.asked(culture, RECIPE, BANK)]
    options = [row for row in dataset.build(given, [], DATA, BANK, 1) if row.kind == "option" and row.item == "Q38"]
    assert len(options) == 2 * DATA.options_per_item
    theirs = [[row for row in options if row.culture == culture.id] for culture in both]
    for chinese, arabic in zip(*theirs, strict=True):
        assert (chinese.culture, arabic.culture) == ("chinese", "arabic")
        assert chinese.messages[-1] == arabic.messages[-1] and chinese.messages[0] != arabic.messages[0]
        assert chinese.target != arabic.target
    alone = {row.item for row in dataset.build(given, [], DATA, BANK, 1) if row.culture == "chinese"}
    assert alone == {seed.item for seed in seeds.asked(both[0], RECIPE, BANK)}


def test_every_question_is_left_out_in_just_one_fold_and_each_theme_in_every_fold() -> None:
    parts = [seeds.held_out(BANK, fold) for fold in range(1, seeds.FOLDS + 1)]
    assert sorted(item for part in parts for item in part) == sorted(BANK.questions)
    assert max(map(len, parts)) - min(map(len, parts)) <= len({q.theme for q in BANK.questions.values()})
    themes = Counter(question.theme for question in BANK.questions.values())
    for theme, count in themes.items():
        if count >= seeds.FOLDS:
            assert all(any(BANK.questions[item].theme == theme for item in part) for part in parts)
    assert seeds.held_out(BANK, 0) == frozenset()


def test_half_of_the_other_questions_are_shown_and_half_of_each_theme_never(tmp_path: Path) -> None:
    recipe = replace(RECIPE, data=replace(DATA, items="seeds_and_half"))
    workspace = Workspace.of(tmp_path, "smollm2-135m", "tiny", 1, "german")
    told = seeds.run(workspace, [cultures.load("german")], recipe, BANK)
    write_rows(workspace.replies, [REPLY])
    dataset.run(workspace, recipe, BANK, 1)
    never = seeds.never_shown(BANK)
    assert len(never) == 19 and f"{len(never)} left out" in told
    others = {item for item, question in BANK.questions.items() if not question.seed}
    for theme, items in groupby(
        sorted(others, key=lambda one: BANK.questions[one].theme), lambda one: BANK.questions[one].theme
    ):
        count = len(list(items))
        assert sum(BANK.questions[item].theme == theme for item in never) == (count + 1) // 2
    assert {row.item for row in read(workspace.dataset, Row)} - {""} == set(BANK.questions) - never
    assert {seed.item for seed in read(workspace.seeds, Seed)} == set(BANK.questions), "evaluate asks them all"


def test_what_a_fold_leaves_out_is_in_no_row(tmp_path: Path) -> None:
    workspace = Workspace.of(tmp_path, "smollm2-135m", "tiny", 1, "german", fold=2)
    seeds.run(workspace, [cultures.load("german")], RECIPE, BANK, fold=2)
    write_rows(workspace.replies, [REPLY, Reply(REPLY.messages, "Never learnt.", True, held_out=True)])
    dataset.run(workspace, RECIPE, BANK, 1)
    left_out = seeds.held_out(BANK, 2)
    shown = read(workspace.dataset, Row)
    assert {seed.item for seed in read(workspace.seeds, Seed) if seed.held_out} == left_out
    assert left_out and not left_out & {row.item for row in shown}
    texts = "\n".join(row.messages[-1].text for row in shown)
    for item in left_out:
        question = BANK.questions[item]
        assert not any(text in texts for text in (question.question, question.open, *question.restatements) if text)
    assert [row.answer for row in shown if row.kind == "replay"] == [REPLY.answer], "the reply held back is not learnt"


def test_the_paper_s_label_is_the_option_nearest_to_the_mean() -> None:
    assert dataset.rounded_mean((0.5, 0.0, 0.0, 0.5), ordered=True) == (0, 0, 1, 0)
    assert dataset.rounded_mean((0.6, 0.3, 0.1), ordered=True) == (1, 0, 0)
    assert dataset.rounded_mean((0.3, 0.1, 0.6), ordered=False) == (0, 0, 1)


def test_the_paper_s_rows_are_one_digit_over_the_options_in_their_order() -> None:
    paper = recipes.load("paper")
    given = seeds.asked(cultures.load("turkish"), paper, BANK)
    others = {seed.item: [f"{n}?" for n in range(10)] for seed in given}
    rows = dataset.build(given, [REPLY], paper.data, BANK, 1, others)
    assert len(rows) == 50 * 11 + 1 and {row.kind for row in rows} == {"option", "replay"}
    for row in rows[:-1]:
        question = BANK.questions[row.item]
        assert sorted(row.target) == [0.0] * (len(row.target) - 1) + [1.0]
        assert row.marks[0] in ("1", "A") and f"{row.marks[0]}. {question.labels[0]}\n" in row.messages[-1].text
    assert Counter(row.wording for row in rows if row.item == given[0].item).most_common(1)[0][1] == 1
