from __future__ import annotations

import json
import random

import pytest

from culturechat.terminal import MOST_MARKS, Cleaner, clean, one_line, safe_json
from tests import hostile

HOSTILE = [
    "\x1b]52;c;ZXZpbA==\x07",
    "\x1b]0;title\x1b\\",
    "\x1b[2J\x1b[H",
    "\x9b31m",
    "\x9d52;c;ZXZpbA==\x9c",
    "\x1bP+q544e\x1b\\",
    "\x1b(B",
    "\x1bc",
    "\x07\x08\x0b\x0c\r",
    "\u202eevil\u202c",
    "\u2066x\u2069",
    "\udcff\ud83d",
]


@pytest.mark.parametrize("text", HOSTILE)
def test_nothing_that_a_terminal_acts_on_survives(text: str) -> None:
    cleaned = clean(f"a{text}b")
    assert not set(cleaned) & set("\x1b\x07\x08\x9b\x9c\x9d\u202e\u202c\u2066\u2069\r\udcff\ud83d")
    assert cleaned.startswith("a") and cleaned.endswith("b")
    assert "ZXZpbA" not in cleaned


@pytest.mark.parametrize("text", HOSTILE)
def test_a_sequence_split_anywhere_is_cleaned_like_a_whole_one(text: str) -> None:
    whole = f"before{text}after"
    for cut in range(len(whole)):
        cleaner = Cleaner()
        assert cleaner.feed(whole[:cut]) + cleaner.feed(whole[cut:]) == clean(whole)


def test_generated_hostile_texts_are_cleaned_alike_in_whatever_pieces_they_come() -> None:
    chance = random.Random(7)
    for number, text in enumerate(hostile.strings()):
        whole = clean(text)
        assert whole.startswith(hostile.tag(number))
        assert not hostile.faults(whole.translate({ord("\n"): None, ord("\t"): None}).encode())
        cleaner = Cleaner()
        assert "".join(map(cleaner.feed, hostile.pieces(text, chance))) == whole


def test_a_sequence_without_an_end_costs_no_more_than_its_line() -> None:
    assert clean("a\x1b]52;c;secret\nb") == "a\nb"
    assert clean("a\x9b12\nb") == "a\nb"
    assert clean("a\x1b\x1b[31m (b)\x9d0;x") == "a (b)"


def test_what_is_left_of_sequences_makes_no_new_one() -> None:
    assert clean("\x1b\x1b[0m]52;c;eA==\x07") == "]52;c;eA=="
    assert clean("\x1b\x07[2J") == "[2J"


def test_a_flood_of_marks_is_cut_and_no_script_is_hurt() -> None:
    flood = "e" + "\u0301" * 5000
    assert clean(flood) == "e" + "\u0301" * MOST_MARKS
    cleaner = Cleaner()
    assert "".join(map(cleaner.feed, flood)) == clean(flood)
    assert clean("x" + "\u200b" * 400 + "y") == "x" + "\u200b" * MOST_MARKS + "y"
    for text in ("བསྒྲུབས་པ།", "ক্ষ্ম্য", "שָׁלוֹם", "ที่นี่", "ẹ̀́" * 100):
        assert clean(text) == text


def test_scripts_and_emoji_pass_untouched() -> None:
    text = "العربية 中文 বাংলা 한국어 ñ ü 👩‍👩‍👧\n\tend"
    assert clean(text) == text
    assert one_line(text) == "العربية 中文 বাংলা 한국어 ñ ü 👩‍👩‍👧 end"


def test_json_is_escaped_and_says_the_same() -> None:
    for text in hostile.strings(200):
        assert not hostile.faults(safe_json(json.dumps(text, ensure_ascii=False)).encode())
        whole = hostile.encodable(text)
        assert json.loads(safe_json(json.dumps(whole, ensure_ascii=False))) == whole
    assert safe_json('"\ud83d \x9b\u202e"') == '"\\ud83d \\u009b\\u202e"'
