from __future__ import annotations

import hashlib
import time
import tomllib
from pathlib import Path

import numpy as np
import pytest

from culturechat import survey
from culturechat.survey import search

QUESTIONS = tomllib.loads((Path(__file__).parent / "data" / "search_questions.toml").read_text(encoding="utf-8"))


def held_out(text: str) -> bool:
    # The other half chose the threshold, so it can prove nothing.
    return hashlib.sha256(text.encode()).digest()[0] % 2 == 1


def test_most_free_questions_find_their_survey_question() -> None:
    asked = [row for row in QUESTIONS["related"] if held_out(row["text"])]
    found = [(search.closest(row["text"], survey.load()), row["items"]) for row in asked]
    assert len(asked) >= 80
    assert sum(match is not None and match.item in items for match, items in found) / len(found) >= 0.6
    assert sum(match is not None and match.item not in items for match, items in found) / len(found) <= 0.12


def test_few_everyday_questions_find_any() -> None:
    asked = [text for text in QUESTIONS["unrelated"]["texts"] if held_out(text)]
    assert len(asked) >= 60
    assert sum(search.closest(text, survey.load()) is not None for text in asked) / len(asked) <= 0.1


def test_every_survey_question_is_asked_for() -> None:
    assert {item for row in QUESTIONS["related"] for item in row["items"]} == set(survey.load().questions)


def test_a_question_of_the_bank_finds_itself() -> None:
    bank = survey.load()
    for question in bank.questions.values():
        match = search.closest(question.open, bank)
        assert match is not None
        assert match.item == question.item
        assert 0.75 < match.similarity <= 1


@pytest.mark.parametrize(
    "text", ["", " \n", "?!", "今晚吃什么?", "成年子女应该照顾父母吗?", "هل يجب رعاية الوالدين؟", "🙂"]
)
def test_text_without_english_words_finds_none(text: str) -> None:
    assert search.closest(text, survey.load()) is None


def test_a_very_long_text_is_judged_by_its_beginning() -> None:
    start = time.perf_counter()
    match = search.closest("Should grown children look after their old parents? " * 20_000, survey.load())
    assert match is not None and match.item == "Q38"
    assert time.perf_counter() - start < 2


def test_a_search_repeats_itself() -> None:
    first, again = (search.closest("do guys make better bosses than women", survey.load()) for _ in range(2))
    assert first is not None and first.item == "Q31"
    assert first == again
    search.encoder.cache_clear()
    search._index_of.cache_clear()
    assert search.closest("do guys make better bosses than women", survey.load()) == first


def test_case_and_accents_do_not_matter() -> None:
    plain, loud = search.encoder().encode(["a cafe for everyone", "A CAFÉ for Everyone"])
    assert np.array_equal(plain, loud)


def test_a_vector_does_not_depend_on_its_company() -> None:
    texts = ["family", "Does family matter?", "How much do your loved ones matter to you?"]
    together = search.encoder().encode(texts)
    alone = np.concatenate([search.encoder().encode([text]) for text in texts])
    assert together == pytest.approx(alone, abs=1e-5)


def test_a_bank_of_ones_own_is_searched_instead() -> None:
    scale = survey.Scale({"1": "Yes", "2": "No"})
    own = survey.Bank({"A1": survey.Question("A1", "animals", "Do you keep a dog or a cat at home?", scale)}, {})
    match = search.closest("do you have a cat or a dog at home", own)
    assert match is not None and match.item == "A1"
    assert search.closest("Should grown children look after their old parents?", own) is None
    assert search.closest("do you have a cat", survey.Bank({}, {})) is None


@pytest.mark.slow
@pytest.mark.xdist_group("torch")
def test_the_app_computes_what_was_trained() -> None:
    torch = pytest.importorskip("torch")
    from training.steps import words

    encoder = search.encoder()
    rows = search.pieces("Should grown children look after their parents?", encoder.rows)
    parts = {name: torch.tensor(part) for name, part in encoder.parts.items()}
    full = encoder.words * encoder.parts["scale"] / np.float32(np.sqrt(words.DIMENSIONS) * 0.3)
    one = torch.eye(words.DIMENSIONS)
    parts |= {"seen": torch.tensor(full), "turn": one, "moved": torch.zeros(full.shape)}
    # A padded row must come out as the bare one.
    padded = torch.tensor([[*rows, 0, 0]])
    trained = words._encode(parts, padded, torch.arange(len(rows) + 2)[None] < len(rows))
    given = encoder.encode(["Should grown children look after their parents?"])
    assert trained.numpy() == pytest.approx(given, abs=1e-5)
