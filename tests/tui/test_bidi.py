"""Lines in the order of seeing: what a terminal that orders nothing itself has to print."""

from __future__ import annotations

import random
import subprocess
import sys
import unicodedata

import pytest
from bidi import get_display
from bidi.mirror import MIRRORED
from rich.cells import cell_len

from culturechat.tui import bidi
from culturechat.tui.bidi import paragraph, prints_visual, visual


def unshaped(text: str) -> str:
    """Return Arabic letters without the forms in which they join."""
    return "".join(unicodedata.normalize("NFKC", c) if "\ufb50" <= c <= "\ufefc" else c for c in text)


@pytest.mark.parametrize(
    ("text", "printed"),
    [
        ("plain text", "plain text"),
        ("שלום", "םולש"),
        ("abc שלום def", "abc םולש def"),
        ("שלום abc עולם", "םלוע abc םולש"),
        ("שנת 2018 היתה", "התיה 2018 תנש"),
        ("מחיר 1,234.50", "1,234.50 ריחמ"),
        ("שלום (עולם) abc", "abc (םלוע) םולש"),
        ("a (שלום) [b]", "a (םולש) [b]"),
        ("abc (עולם) שלום!", "abc (םלוע) םולש!"),
        ("שלום (hello)!", "!(hello) םולש"),
        ("האם < או >?", "?< וא > םאה"),
        ("שלום 👩‍👩‍👧 中文", "中文 👩‍👩‍👧 םולש"),
    ],
)
def test_mixed_text_is_put_in_the_order_of_seeing(text: str, printed: str) -> None:
    assert visual(text) == printed


def test_arabic_is_ordered_and_its_letters_join() -> None:
    assert visual("سلام") == "\ufee1\ufe8e\ufee0\ufeb3"
    assert unshaped(visual("نعم، هذا صحيح (2018).")) == ".(2018) حيحص اذه ،معن"


def test_vowel_signs_stay_on_their_letters() -> None:
    printed = visual("مرحبًا")
    assert [unshaped(part) for part in (printed[0], printed[1:3])] == ["ا", "بً"]


def test_letters_do_not_join_over_a_non_joiner() -> None:
    joined, apart = visual("می"), visual("م\u200cی")
    assert len(joined) == 2 and joined[1] != apart.replace("\u200c", "")[1]


def test_the_order_is_that_of_the_unicode_algorithm() -> None:
    """On lines of anything, the cells come in the very order that python-bidi gives their characters."""
    rng = random.Random(3)
    alphabet = [*"abcאבגدلمی", *"0123٣٤", *"+-.,:/%$# ()[]<>{}!?«»", "中", "ü"]
    for _ in range(3000):
        text = "".join(rng.choice(alphabet) for _ in range(rng.randint(1, 30)))
        right = rng.random() < 0.5
        found = paragraph(text, right)
        order = sorted(range(len(text)), key=found.places.__getitem__)
        assert "".join(text[cell] for cell in order) == get_display(text, base_dir="R" if right else "L"), ascii(text)
        assert sorted(found.places) == list(range(len(text)))


def test_brackets_face_the_way_they_are_read() -> None:
    rng = random.Random(5)
    for _ in range(300):
        inner = "".join(rng.choice(["אב", "cd", "12", " ", "דם"]) for _ in range(4))
        text = f"אב ({inner}) [ab] {{אב}}"
        printed = visual(text)
        depth = 0
        for character in printed:
            depth += character in "([{"
            depth -= character in ")]}"
            assert depth >= 0, printed
        assert depth == 0


def test_each_line_of_a_wrapped_paragraph_is_ordered_as_part_of_the_whole() -> None:
    text = "בשנת (hello world) 50% שלום"
    found = paragraph(text)
    first, second = (0, 11), (12, len(text))
    lines = ["".join(found.shown[cell] for cell in found.line(*part)) for part in (first, second)]
    assert lines == ["hello) תנשב", "םולש 50% (world"]
    assert {cell for part in (first, second) for cell in found.line(*part)} == set(range(len(text))) - {11}


def test_spaces_at_the_end_of_a_line_go_where_the_line_ends() -> None:
    found = paragraph("אב גד  ")
    assert "".join(found.shown[cell] for cell in found.line(0, 7)) == "  דג בא"


@pytest.mark.parametrize(
    "text", ["نعم، رعاية الوالدين واجب.", "مرحبًا! abc (50%)", "لا إله إلا", "שָׁלוֹם 12", "a\u202eb\u2067א"]
)
def test_nothing_is_added_and_every_cell_stays_as_wide_as_it_was(text: str) -> None:
    printed = visual(text)
    assert cell_len(printed) == cell_len(text)
    assert len(printed) == len(text)
    added = set(printed) - set(text) - set(MIRRORED)
    assert all("\ufe70" <= character <= "\ufefc" for character in added), ascii(added)


def test_no_steering_character_ever_comes_out_that_did_not_go_in() -> None:
    rng = random.Random(9)
    for _ in range(1000):
        text = "".join(
            chr(rng.choice([*range(0x20, 0x7F), *range(0x5D0, 0x5EA), *range(0x620, 0x64A)])) for _ in range(40)
        )
        assert not set(visual(text)) & set("\u061c\u200e\u200f\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")


@pytest.mark.parametrize(
    "text",
    [
        "",
        " ",
        "\u0301א",
        "\U000e0100א",
        "א\u2029ב",
        "1,א,2",
        "א1,2,3ב",
        "+1-א",
        ",",
        "א" * 20_000,
        "🇸🇦א👍🏽",
        "\u202eא",
        "\u2067",
        "\u200fa",
    ],
)
def test_odd_paragraphs_keep_all_their_cells(text: str) -> None:
    found = paragraph(text)
    assert sorted(found.line(0, len(text))) == list(range(len(found.cells)))


@pytest.mark.parametrize(
    ("chosen", "environment", "ordered_here"),
    [
        ("auto", {}, True),
        ("auto", {"TERM": "xterm-256color", "TERM_PROGRAM": "vscode"}, True),
        ("auto", {"VTE_VERSION": "7600"}, False),
        ("auto", {"KONSOLE_VERSION": "230804"}, False),
        ("auto", {"MLTERM": "3.9.0"}, False),
        ("auto", {"TERM_PROGRAM": "Apple_Terminal"}, False),
        ("auto", {"TERM_PROGRAM": "mintty"}, False),
        ("visual", {"VTE_VERSION": "7600"}, True),
        ("logical", {}, False),
    ],
)
def test_who_orders_is_chosen_by_the_terminal(chosen: str, environment: dict[str, str], ordered_here: bool) -> None:
    assert prints_visual(chosen, environment) is ordered_here  # type: ignore[arg-type]


def test_a_growing_text_costs_only_its_last_paragraph() -> None:
    paragraph.cache_clear()
    text = "\n".join(f"פסקה {number}" for number in range(50))
    for end in range(len(text) - 40, len(text)):
        for line in text[:end].split("\n"):
            paragraph(line)
    assert paragraph.cache_info().misses < 50 + 40


def test_nothing_of_it_is_loaded_for_text_from_left_to_right() -> None:
    code = (
        "import sys; from culturechat.tui import bidi; bidi.has_right_to_left('中文 ü'); "
        "print(any(name in sys.modules for name in ('bidi', 'arabic_reshaper')))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
    assert bidi.has_right_to_left("a א")
