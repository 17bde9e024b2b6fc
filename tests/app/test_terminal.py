from __future__ import annotations

import random

import pytest

from culturechat.terminal import Cleaner, clean, one_line

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
        assert cleaner.feed(whole[:cut]) + cleaner.feed(whole[cut:]) + cleaner.flush() == clean(whole)


def test_random_hostile_streams_never_let_a_control_through() -> None:
    rng = random.Random(7)
    alphabet = [*HOSTILE, "\x1b", "\x1b[", "\x1b]", "\x9b", "text", "世界", "\n", "\t", "👩‍👩‍👧"]
    for _ in range(500):
        cleaner = Cleaner()
        out = "".join(cleaner.feed(rng.choice(alphabet)) for _ in range(30)) + cleaner.flush()
        assert all(char in "\n\t" or ord(char) >= 32 for char in out)
        assert not any(0x7F <= ord(char) <= 0x9F for char in out)


def test_scripts_and_emoji_pass_untouched() -> None:
    text = "العربية 中文 বাংলা 한국어 ñ ü 👩‍👩‍👧\n\tend"
    assert clean(text) == text
    assert one_line(text) == "العربية 中文 বাংলা 한국어 ñ ü 👩‍👩‍👧 end"
