from __future__ import annotations

import re
from pathlib import Path

import pytest

from culturechat import cultures, prompting, survey
from culturechat.errors import BadFile, UsageError
from culturechat.survey import translations
from culturechat.survey.translations import Translation

LANGUAGES = translations.names()
OTHER_SCRIPTS = ("ar", "bn", "ko", "zh")


def asked(culture: str, item: str, style: prompting.Style = "letters") -> str:
    """The user's message."""
    chosen = cultures.load(culture)
    question = prompting.asked(chosen, survey.load().question(item), "own")
    return prompting.survey(chosen, question.question, question.labels, "own", style)[-1].text


def ends(translation: Translation, scale: str) -> tuple[str, str]:
    """The words at the two ends of a scale of ten, without their numbers and brackets."""
    first, *_, last = translation.scales[scale]
    return first.removeprefix("1").strip(" ()（）"), last.removeprefix("10").strip(" ()（）")


def test_every_culture_but_the_english_has_its_language() -> None:
    spoken = {cultures.load(name).language for name in cultures.names()}
    assert spoken - {"en"} == set(LANGUAGES)


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_language_has_a_sentence_of_its_own_for_every_question(language: str) -> None:
    sentences = list(translations.load(language).questions.values())
    english = {question.question for question in survey.load().questions.values()}
    assert len(set(sentences)) == len(sentences) == 84
    assert not set(sentences) & english
    if language in OTHER_SCRIPTS:
        labels = [label for scale in translations.load(language).scales.values() for label in scale]
        assert not re.search("[A-Za-z]", " ".join(sentences + labels))


@pytest.mark.parametrize("language", LANGUAGES)
def test_a_scale_of_ten_runs_in_the_question_as_it_does_in_the_labels(language: str) -> None:
    translation = translations.load(language)
    for item, question in survey.load().questions.items():
        if len(question.codes) == 10:
            text = translation.questions[item]
            low, high = ends(translation, question.scale.name)
            assert 0 <= text.index("1") < text.index(low) < text.index("10") < text.rindex(high), item


@pytest.mark.parametrize("language", LANGUAGES)
def test_scales_with_the_same_words_have_them_in_the_english_order(language: str) -> None:
    translation = translations.load(language)
    assert ends(translation, "disagree10") == ends(translation, "agree10")[::-1]
    four, five = translation.scales["agree4"], translation.scales["agree5"]
    assert four == (*five[:2], *five[3:])
    assert [label[0] for label in translation.scales["important10"]] == list("1234567891")


@pytest.mark.parametrize("name", cultures.names())
@pytest.mark.parametrize("style", ["letters", "digits", "words"])
def test_the_last_sentence_is_in_the_language_of_the_question(name: str, style: prompting.Style) -> None:
    last = asked(name, "Q27", style).splitlines()[-1]
    language = cultures.load(name).language
    known = prompting.ENGLISH if language == "en" else translations.load(language).answer
    assert last == vars(known)[style]


def test_the_english_are_asked_the_same_in_both_languages() -> None:
    culture, question = cultures.load("english"), survey.load().question("Q27")
    assert prompting.asked(culture, question, "own") is question
    english, own = (prompting.survey(culture, question.question, question.labels, way) for way in ("english", "own"))
    assert english == own


def test_a_translated_question_keeps_codes_and_meaning_and_has_nothing_left_in_english() -> None:
    question = survey.load().question("Q122")
    own = translations.translated(question, "de")
    assert own is not None
    assert own.codes == question.codes == ("0", "1", "2")
    assert own.labels == ("Stimme nicht zu", "Schwer zu sagen", "Stimme zu")
    assert own.ordered and own.theme == question.theme
    assert not own.restatements and not own.open and not own.claim and not own.scale.alternates


def test_a_question_of_ones_own_is_not_taken_for_one_of_the_bank(tmp_path: Path) -> None:
    file = tmp_path / "items.csv"
    file.write_text('item,theme,question,options_json\nQ27,own,Tea?,"{""1"": ""Yes"", ""2"": ""No""}"\n', "utf-8")
    question = survey.from_csv(file, None).question("Q27")
    assert translations.translated(question, "de") is None
    assert prompting.asked(cultures.load("german"), question, "own") is question


def test_an_unknown_language_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="Did you mean de"):
        translations.load("dee")


@pytest.mark.parametrize(
    ("old", "new", "complaint"),
    [
        (r'Q28 = ".*"\n', "", r"\[questions\] lacks Q28"),
        (r"Q28 = ", "Q28x = ", r"\[questions\] .*Q28x.*Did you mean Q28"),
        (r'Q28 = ".*"', 'Q28 = " "', r"\[questions\] Q28: is empty"),
        (r'words = ".*"', 'words = ""', r"\[answer\] words: is empty"),
        (r"yesno2 = .*\n", "", r"\[scales\] lacks yesno2"),
        (r"yesno2 = .*", 'yesno2 = ["Ja"]', r"\[scales\] yesno2: has 1 labels, the bank has 2"),
        (r"yesno2 = .*", 'yesno2 = ["Ja", ""]', r"\[scales\] yesno2: option 2 has an empty label"),
        (r"yesno2 = .*", 'yesno2 = ["Ja", "Ja "]', r"\[scales\] yesno2: two options are both labelled"),
        (r"reviewed = .*", "checked = false", "checked"),
    ],
)
def test_a_file_that_does_not_fit_the_bank_is_named_with_the_place(
    tmp_path: Path, old: str, new: str, complaint: str
) -> None:
    text = (translations.FOLDER / "de.toml").read_text("utf-8")
    file = tmp_path / "xx.toml"
    file.write_text(re.sub(old, new, text, count=1), "utf-8")
    with pytest.raises(BadFile, match=complaint) as caught:
        translations.read(file)
    assert str(file) in str(caught.value)
