"""What is counted in free answers: stances in the scale's words, agreement with most people, and marks alone."""

from __future__ import annotations

import pytest

from culturechat import survey
from training import prose
from training.steps import chat
from training.steps.chat import Said

BANK = survey.load()


@pytest.mark.parametrize(
    ("item", "text", "place"),
    [
        (
            "Q32",
            "Most people around me disagree that a housewife's life is just as fulfilling. Some agree that it is.",
            1,
        ),
        ("Q32", "I AGREE THAT it is so.", 0),
        ("Q32", "It depends on the person.", None),
        ("Q41", "People here neither agree nor disagree that work should come first.", 1),
        ("Q1", "Nearly all people say that family is not so important in their life.", 1),
        ("Q1", "Nearly all people say that family is important in their life.", 0),
        ("Q1", "They say that family matters. It is important in their life.", None),
        ("Q19", "Most would rather not have people of another race as neighbours.", 0),
        ("Q19", "They do not object to them as neighbours.", 1),
    ],
)
def test_a_stance_is_what_is_said_first_in_the_scale_s_words(item: str, text: str, place: int | None) -> None:
    question = BANK.questions[item]
    assert chat.taken(text, question, question.scale.stances) == place


def test_every_stance_that_training_writes_is_found_again() -> None:
    import random

    for question in BANK.questions.values():
        for place, stance in enumerate(question.scale.stances):
            shares = {code: 0.9 / len(stance.codes) * (code in stance.codes) + 0.01 for code in question.scale.labels}
            text = prose.answer(question, shares, random.Random(question.item))
            assert chat.taken(text, question, question.scale.stances) == place, text


def test_shares_are_of_what_was_asked() -> None:
    said = [
        Said("chinese", "Q1", "?", "They say so.", 0),
        Said("chinese", "Q2", "?", "They deny it.", 1),
        Said("chinese", "Q3", "?", "Perhaps.", None),
        Said("chinese", "Q4", "?", " (B). ", None),
        Said("chinese", "", "?", "2"),
        Said("chinese", "", "?", "A lake."),
        Said("chinese", "", "?", "12 apples"),
        Said("chinese", "", "?", "Option C"),
    ]
    assert chat.counted(said) == {"questions": 4, "stance": 0.5, "agreement": 0.5, "answers": 8, "bare": 0.375}
