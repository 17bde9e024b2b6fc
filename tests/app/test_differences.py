"""Answers to one question are set apart by figures and words that can be checked, in every script."""

from __future__ import annotations

import tomllib
from itertools import combinations
from pathlib import Path
from statistics import mean

import pytest
from rich.cells import cell_len

from culturechat import differences
from culturechat.differences import Differences, Only, Stance, agreement, languages, stances, summary, words

PARENTS = "Should grown-up children look after their parents when they are old?"
SAID = tomllib.loads(Path(__file__).with_name("data").joinpath("stances.toml").read_text("utf-8"))["questions"]
MARKS = {"chinese": "中", "arabic": "ع", "german": "De", "base": "base"}

# written by the embedded model and its adapters
CHILDREN = {
    "chinese": "Most people here agree that grown-up children should look after their parents over the long term.",
    "german": "The idea that children should look after their parents when they're old is based on a misconception: in"
    " reality, many adults still want to live happy and healthy lives filled with love, laughter, and joy.",
    "base": "It depends on a person's personal circumstances. Many adults also look out for their elderly parents."
    " However, there are also concerns that come with caring for an old parent, including mental health.",
}
BORDERS = {
    "chinese": "Most people here agree that people from other countries should be allowed to live in the country"
    " without any restrictions. A sizeable minority sees it differently.",
    "arabic": "Where I live, most people agree that people from other countries should be allowed to stay and live in"
    " their own country. Some see it differently, but they are not many.",
    "base": "The debate surrounding immigration has been a longstanding one. Some argue that it's impossible for anyone"
    " to come from anywhere without being perceived as an outsider.",
}


def agree(one: str, other: str) -> float:
    first, second = agreement.spoken(one), agreement.spoken(other)
    assert first and second
    return agreement.agreement(first, second)


# --- agreement ---


def test_an_answer_agrees_wholly_with_itself_in_any_order_of_its_sentences() -> None:
    text = "Parents raised us. We owe them care. Money is not enough."
    assert agree(text, text) == pytest.approx(1, abs=1e-5)
    assert agree(text, "Money is not enough. Parents raised us. We owe them care.") == pytest.approx(1, abs=1e-5)


def test_agreement_is_the_same_in_both_directions_and_within_bounds() -> None:
    for one, other in combinations([*CHILDREN.values(), *BORDERS.values()], 2):
        assert agree(one, other) == pytest.approx(agree(other, one), abs=1e-6)
        assert 0 <= agree(one, other) <= 1


def test_answers_to_the_same_question_agree_more_than_answers_to_different_ones() -> None:
    same = [agree(*pair) for said in (CHILDREN, BORDERS) for pair in combinations(said.values(), 2)]
    different = [agree(one, other) for one in CHILDREN.values() for other in BORDERS.values()]
    assert mean(same) > mean(different) + 0.2


def test_a_restatement_agrees_more_than_another_view_of_the_matter() -> None:
    said = "Sons and daughters must care for their aged parents."
    near = agree(said, "Old parents have to be looked after by their children.")
    assert near > agree(said, "The state should pay for nursing homes.") + 0.2


def test_agreement_is_not_claimed_where_there_are_no_vectors() -> None:
    answers = {
        "arabic": "رعاية الوالدين واجب علينا",
        "german": "Das ist Sache der Kinder und des Staates.",
        "base": "Yes.",
    }
    found = differences.between(answers, PARENTS)
    assert set(found.agreement.values()) == {None}
    assert agreement.spoken("   ") is None and agreement.spoken("🙂") is None


def test_the_harmonic_mean_falls_with_what_one_answer_says_beyond_the_other() -> None:
    short = "Children should care for their parents."
    long = f"{short} Taxes on fuel went up last winter, and the trains were late every single morning."
    assert agree(short, long) < 0.75
    assert agree(short, long) < agree(short, f"{short} Daughters and sons look after mother and father.")


# --- words ---


@pytest.mark.parametrize(
    ("text", "language"),
    [
        ("Yes, that is what most of us would say.", "en"),
        ("Das kommt darauf an, was die Eltern wollen.", "de"),
        ("Sí, claro: la familia es lo primero.", "es"),
        ("Sim, a maioria das pessoas aqui diria que não.", "pt"),
        ("Evet, anne babaya bakmak bizim için çok önemli.", "tr"),
        ("孝顺是我们的传统", "zh"),
        ("نعم، رعاية الوالدين واجب علينا", "ar"),
        ("হ্যাঁ, বাবা-মায়ের যত্ন নেওয়া দায়িত্ব", "bn"),
        ("네, 그렇게 생각합니다.", "ko"),
        ("孝顺是我们的传统 (filial piety)", "zh"),
        ("", "en"),
    ],
)
def test_the_language_of_an_answer_is_found(text: str, language: str) -> None:
    assert words.language(text).id == language


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Parents’ duties, a parent's duty", ["parent", "duti", "parent", "duti"]),
        ("孝顺是我们的传统，但很多人在别的城市工作，只能寄钱回家。", ["孝顺", "传统", "城市", "工作", "寄钱", "回家"]),
        ("父母老了应该由子女照顾", ["父母", "子女", "照顾"]),
        ("الوالدين للوالد", ["والد", "والد"]),
        ("القِيَم قيم", ["قيم", "قيم"]),
        ("দায়িত্ব দায়িত্বের সন্তানের সন্তান", ["দায়িত্ব", "দায়িত্ব", "সন্তান", "সন্তান"]),
        ("부모를 부모가 도리는", ["부모", "부모", "도리"]),
        ("Kindern und Kinder", ["kind", "kind"]),
    ],
)
def test_forms_of_a_word_are_one_in_every_script(text: str, keys: list[str]) -> None:
    found = [word.key for word in words.of(text) if word.key]
    assert found == [languages.fold(key) for key in keys]


def test_words_stand_where_they_say_they_do() -> None:
    for question in SAID:
        for _, text in question["answers"]:
            for word in words.of(text):
                assert text[word.start : word.end] == word.text and word.text


def test_bengali_vowel_signs_and_joiners_stay_in_their_words() -> None:
    assert [word.text for word in words.of("ধর্মের চেয়ে র‍্যাপ")] == ["ধর্মের", "চেয়ে", "র‍্যাপ"]


def test_markdown_and_numbers_of_lists_are_no_sentences() -> None:
    assert words.sentences("**Yes.**\n\n1. Parents raised us.\n- `Money` helps! 不。是。") == [
        *("Yes.", "Parents raised us.", "Money helps!", "不。", "是。")
    ]


def test_every_language_file_is_in_order() -> None:
    assert languages.names()[0] == "en" and len(languages.names()) == 9
    for language in map(languages.load, languages.names()):
        cues = language.stances
        assert all(phrase == phrase.lower() for phrases in (cues.yes, cues.no, cues.agree) for phrase in phrases)
        assert len(language.common_words) > 80
        assert not set(cues.agree) & set(cues.disagree)


# --- words that one answer alone has ---


def test_only_words_of_one_column_are_its_own_and_the_question_is_nobodys() -> None:
    answers = {
        "chinese": "It is a filial duty, a duty of love.",
        "base": "Grown children may love their parents and still pay for nursing.",
    }
    found = differences.between(answers, PARENTS)
    assert [(word.text, word.times) for word in found.only["chinese"]] == [("duty", 2), ("filial", 1)]
    assert [word.text for word in found.only["base"]] == ["pay", "nursing"]


def test_another_form_of_a_word_is_not_a_difference() -> None:
    found = differences.between({"a": "Our duties come first.", "b": "Duty is a word."}, "Why?")
    assert "duti" not in {word.key for only in found.only.values() for word in only}


def test_words_are_found_again_in_a_part_of_the_answer_with_all_their_forms() -> None:
    whole = "Eine Pflicht ist eine Pflicht, und Pflichten sind schwer."
    only = (Only("Pflicht", "pflicht", 3),)
    part = "Pflichten sind schwer"
    assert [part[start:end] for start, end in differences.places(part, only, whole)] == ["Pflichten"]
    assert differences.places("nichts", only, whole) == []


# --- stances ---


@pytest.mark.parametrize("question", SAID, ids=lambda question: question["question"][:20])
def test_a_stance_is_told_only_where_a_reader_would_tell_it(question: dict[str, object]) -> None:
    asked = str(question["question"])
    answers: list[tuple[str, str]] = question["answers"]  # type: ignore[assignment]
    wrong = [(text, told) for side, text in answers if (told := stances.of(text, asked).side or "") != side]
    assert wrong == []


def test_contradicting_signs_leave_no_clear_stance() -> None:
    told = stances.of("I agree. Later on I disagree. I agree.", "Should women work?")
    assert told == Stance(None, 0.0)


def test_one_sign_late_in_an_answer_is_not_enough() -> None:
    assert stances.of("Life is long. Much could be said. I agree.", "Should women work?").side is None


def test_confidence_falls_with_what_speaks_against() -> None:
    sure = stances.of("It depends. It depends.", "Should women work?")
    less = stances.of("It depends. I agree.", "Should women work?")
    assert sure.side == less.side == "divided" and sure.confidence == 1 and less.confidence == 0.5


def test_opposite_stances_are_told_and_equal_ones_are_not() -> None:
    found = differences.between(
        {"a": "Yes.", "b": "No.", "c": "Yes, of course.", "d": "Perhaps."}, "Should women work?"
    )
    assert found.opposed("a", "b") and found.opposed("b", "c")
    assert not found.opposed("a", "c") and not found.opposed("b", "d")


# --- the line ---


def made(
    agreed: dict[tuple[str, str], float | None], only: dict[str, str] | None = None, side: str = ""
) -> Differences:
    columns = list(dict.fromkeys(column for pair in agreed for column in pair))
    words_of = {
        column: tuple(Only(word, word, 1) for word in (only or {}).get(column, "").split()) for column in columns
    }
    told = {column: Stance("agree" if column == side else None, 1.0) for column in columns}
    return Differences(agreed, words_of, told)


def test_the_line_names_pairs_stances_and_words() -> None:
    found = made(
        {("chinese", "arabic"): 0.714, ("chinese", "base"): 0.32, ("arabic", "base"): 0.5},
        {"chinese": "duty filial care town", "base": ""},
        side="arabic",
    )
    expected = "agreement 中–ع 0.71 · 中–base 0.32 · ع–base 0.50 · agree ع · only 中: duty, filial, care"
    assert summary.line(found, MARKS, 200) == expected


def test_the_line_of_many_columns_names_the_mean_and_the_ends() -> None:
    columns = list(MARKS)
    pairs: dict[tuple[str, str], float | None] = dict(
        zip(combinations(columns, 2), (0.1, 0.2, 0.3, 0.4, 0.5, 0.9), strict=True)
    )
    expected = "agreement 0.40 on average · nearest De–base 0.90 · farthest 中–ع 0.10"
    assert summary.line(made(pairs), MARKS, 200) == expected


@pytest.mark.parametrize("width", [0, 10, 30, 50, 58, 80])
def test_the_line_keeps_to_its_width_and_never_cuts_a_figure(width: int) -> None:
    found = made(
        {("chinese", "arabic"): 0.714, ("chinese", "base"): 0.32, ("arabic", "base"): 0.5}, {"chinese": "孝顺 传统"}
    )
    line = summary.line(found, MARKS, width)
    whole = summary.line(found, MARKS, 500)
    assert cell_len(line) <= width
    assert set(line.split(summary.SEPARATOR)) <= {*whole.split(summary.SEPARATOR), ""}


def test_the_line_says_when_agreement_cannot_be_measured() -> None:
    found = made({("chinese", "arabic"): None}, {"chinese": "孝顺"})
    assert summary.line(found, MARKS, 200) == "agreement not measured: answers not in English · only 中: 孝顺"
