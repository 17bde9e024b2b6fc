"""The official survey file, made up with known answers."""

from __future__ import annotations

import csv
import random
import time
import tracemalloc
from pathlib import Path

import pytest

from culturechat import cultures, survey
from culturechat.errors import BadFile, UsageError
from culturechat.probing import banks
from culturechat.survey import wvs

QUESTIONS = {item: survey.load().questions[item] for item in ("Q27", "Q36", "Q125", "Q158")}
HEADS = ["version", "B_COUNTRY_ALPHA", "W_WEIGHT", "Q27", "Q36", "Q125", "Q158"]
ROWS = [
    ["6-0-0", "CHN", "1.5", "1", "2", "-4", "10"],
    ["6-0-0", "CHN", "0.5", "2", "-2", "-4", "1"],
    ["6-0-0", "CHN", "1.0", "-1", "2", "-4", "-1"],
    ["6-0-0", "DEU", "1.0", "4", "5", "2", "7"],
    ["6-0-0", "FRA", "x", "99", "", "", ""],
]


def written(
    path: Path, rows: list[list[str]] = ROWS, delimiter: str = ",", heads: list[str] = HEADS, mark: str = ""
) -> Path:
    with path.open("w", newline="", encoding="utf-8") as file:
        file.write(mark)
        writer = csv.writer(file, delimiter=delimiter)
        writer.writerows([heads, *rows])
    return path


def read(path: Path) -> wvs.Reading:
    return wvs.read(path, QUESTIONS, ["CHN", "DEU", "TUR"])


def test_weights_are_applied_and_negative_codes_are_missing(tmp_path: Path) -> None:
    reading = read(written(tmp_path / "w.csv"))
    q27 = reading.bank.answers["CHN", "Q27"]
    assert q27.shares == pytest.approx({"1": 0.75, "2": 0.25}) and q27.n == 2
    assert reading.bank.answers["CHN", "Q36"].shares == {"2": 1.0}
    people = reading.bank.people("Q158", ["CHN"])
    assert people is not None and people.shares[0] == pytest.approx(0.25) and people.shares[9] == pytest.approx(0.75)
    assert reading.rows == 5


def test_what_was_not_asked_is_left_out_and_named(tmp_path: Path) -> None:
    reading = read(written(tmp_path / "w.csv"))
    assert ("CHN", "Q125") not in reading.bank.answers
    assert "China was not asked Q125." in reading.notes
    assert "Turkey is not in the file." in reading.notes


def test_semicolons_decimal_commas_titles_and_a_utf8_mark_are_read_alike(tmp_path: Path) -> None:
    plain = read(written(tmp_path / "a.csv")).bank.answers
    rows = [[row[0], row[1], row[2].replace(".", ","), *row[3:]] for row in ROWS]
    heads = ["version", "B_COUNTRY_ALPHA: ISO code", "W_WEIGHT", "Q27: Goal", "Q36", "Q125", "Q158"]
    assert read(written(tmp_path / "b.csv", rows, ";", heads, "\ufeff")).bank.answers == plain
    floats = [[*row[:3], *(f"{cell}.0" if cell else cell for cell in row[3:])] for row in ROWS]
    assert read(written(tmp_path / "c.csv", floats)).bank.answers == plain


def test_a_code_the_bank_lacks_leaves_the_item_out_with_its_line(tmp_path: Path) -> None:
    reading = read(written(tmp_path / "w.csv", [*ROWS, ["6-0-0", "CHN", "1", "8", "1", "1", "1"]]))
    assert ("CHN", "Q27") not in reading.bank.answers
    assert any("Q27 left out: line 7 has 8" in note for note in reading.notes)


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        (["6", "CHN", "heavy", "1", "1", "1", "1"], "line 7, column W_WEIGHT: 'heavy'"),
        (["6", "CHN", "-1", "1", "1", "1", "1"], "line 7, column W_WEIGHT"),
        (["6", "CHN", "1", "1", "yes", "1", "1"], "line 7, column Q36: 'yes'"),
        (["6", "CHN", "nan", "1", "1", "1", "1"], "line 7, column W_WEIGHT"),
        (["6", "CHN", "1"], "line 7: 3 fields"),
    ],
)
def test_a_bad_cell_is_named_by_line_and_column(tmp_path: Path, row: list[str], complaint: str) -> None:
    with pytest.raises(BadFile, match=complaint):
        read(written(tmp_path / "w.csv", [*ROWS, row]))


def test_another_file_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="B_COUNTRY_ALPHA is missing"):
        read(written(tmp_path / "w.csv", heads=["a", "b", "c", "d", "e", "f", "g"]))
    with pytest.raises(BadFile, match="none of the bank's questions"):
        read(written(tmp_path / "w.csv", heads=[*HEADS[:3], "d", "e", "f", "g"]))
    with pytest.raises(BadFile, match="no such file"):
        read(tmp_path / "none.csv")
    (tmp_path / "empty.csv").write_text("")
    with pytest.raises(BadFile, match="line 1"):
        read(tmp_path / "empty.csv")


def test_an_spss_file_gives_the_same(tmp_path: Path) -> None:
    spss = pytest.importorskip("pyreadstat")
    pandas = pytest.importorskip("pandas")
    columns = {head: [row[place] for row in ROWS[:4]] for place, head in enumerate(HEADS)}
    frame = pandas.DataFrame(
        {
            head: cells if place < 2 else [float(cell) for cell in cells]
            for place, (head, cells) in enumerate(columns.items())
        }
    )
    spss.write_sav(frame, str(tmp_path / "w.sav"))
    assert read(tmp_path / "w.sav").bank.answers == read(written(tmp_path / "w.csv")).bank.answers
    (tmp_path / "bad.sav").write_bytes(b"no spss")
    with pytest.raises(BadFile, match="SPSS"):
        read(tmp_path / "bad.sav")


def test_spss_without_its_library_says_what_to_install(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(wvs, "import_module", missing)
    with pytest.raises(UsageError, match="pip install pyreadstat"):
        read(tmp_path / "w.sav")


@pytest.mark.slow
def test_a_file_of_full_size_is_read_in_time_and_little_memory(tmp_path: Path) -> None:
    """97,000 people × 300 columns: under 20 seconds and far under 1 GB."""
    chance = random.Random(1)
    codes = sorted({code for name in cultures.names() for code in cultures.load(name).countries})
    places = [*codes, *(f"X{number:02d}" for number in range(54))]
    cells = [[str(chance.choice([-1, 1, 1, 2])) for _ in range(294)] for _ in range(300)]
    heads = ["version", "doi", "A_WAVE", "B_COUNTRY", "B_COUNTRY_ALPHA", "W_WEIGHT", *(f"Q{n}" for n in range(1, 295))]
    rows = [["6", "doi", "7", "1", places[n % len(places)], "1.0", *cells[n % 300]] for n in range(97_000)]
    path = written(tmp_path / "full.csv", rows, heads=heads)
    del rows
    began = time.monotonic()
    bank, source = banks.load(survey_file=path)
    assert time.monotonic() - began < 20
    assert len(bank.answers) == len(codes) * len(survey.load().questions)
    assert "weighted by W_WEIGHT" in source.people
    tracemalloc.start()
    banks.load(survey_file=written(path, [["6", "doi", "7", "1", "CHN", "1.0", *cells[0]]] * 5000, heads=heads))
    assert tracemalloc.get_traced_memory()[1] < 50e6
    tracemalloc.stop()
