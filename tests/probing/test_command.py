"""`culturechat probe` and `compare` from their flags to their files, on a scripted engine."""

from __future__ import annotations

import csv
import json
import sys
from pathlib import Path

import pytest

from culturechat import cli, engines
from tests.probing.stage import Moody


@pytest.fixture(autouse=True)
def scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(engines, "load", Moody)


def call(monkeypatch: pytest.MonkeyPatch, *arguments: str) -> int:
    monkeypatch.setattr(sys, "argv", ["culturechat", *arguments])
    with pytest.raises(SystemExit) as ended:
        cli.main()
    return int(ended.value.code or 0)


def refused(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *arguments: str) -> str:
    assert call(monkeypatch, *arguments) == 2
    out, errors = capsys.readouterr()
    assert out == "" and errors.count("\n") == 1 and errors.startswith("culturechat: "), errors
    return errors


def test_every_face_shows_the_same_run(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, home: Path
) -> None:
    pytest.importorskip("polars")
    files = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "parquet", "html")}
    flags = [text for name, path in files.items() for text in (f"--{name}", str(path))]
    wanted = ["-c", "chinese,arabic,base", "--theme", "migration", "--orders", "4", "--styles", "letters,backwards"]
    assert call(monkeypatch, "probe", *wanted, *flags) == 0
    out = capsys.readouterr().out
    report = json.loads(files["json"].read_text("utf-8"))
    with files["csv"].open(encoding="utf-8", newline="") as file:
        table = list(csv.DictReader(file))
    assert len(table) == sum(len(row["codes"]) for row in report["items"])
    assert float(table[0]["p"]) == report["items"][0]["p"][0]
    assert files["parquet"].stat().st_size > 1000 and "<!DOCTYPE html>" in files["html"].read_text("utf-8")
    for shown in ("uniform", "others pooled", "noise floor", "option mass", "first place", "nearest", "correlation"):
        assert shown in out
    assert list((home / "data" / "runs").iterdir()) == []


def test_the_language_asked_stands_in_table_and_file(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    wanted = ["-c", "turkish,base", "--item", "Q27", "--language", "own", "--styles", "letters,words"]
    assert call(monkeypatch, "probe", *wanted, "--json", str(tmp_path / "a.json")) == 0
    assert "Asked in the culture's own language: turkish tr, base en." in capsys.readouterr().out
    report = json.loads((tmp_path / "a.json").read_text("utf-8"))
    asked = {row["culture"]: row["asked"] for row in report["items"]}
    assert asked["base"].startswith("How far do you agree") and asked["turkish"].startswith("Şu ifadeye")
    assert report["method"]["unreviewed_translations"] == ["tr"]
    assert [row["style"] for row in report["items"][0]["readings"]] == ["letters"] * 2 + ["words"] * 2


def test_the_same_command_writes_the_same_bytes(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("a", "b"):
        call(monkeypatch, "probe", "-c", "german", "--item", "Q27,Q33", "--json", str(tmp_path / name), "--seed", "5")
    assert (tmp_path / "a").read_bytes() == (tmp_path / "b").read_bytes()


def test_a_question_can_be_typed_in(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    typed = ["--question", "Is tea better than coffee?", "--options", "Agree|Neither|Disagree"]
    assert call(monkeypatch, "probe", "-c", "chinese,base", *typed, "--orders", "all", "--json", "-") == 0
    rows = json.loads(capsys.readouterr().out)["items"]
    assert [row["codes"] for row in rows] == [["1", "2", "3"]] * 2
    assert len(rows[0]["readings"]) == 6 and rows[0]["human"] is None
    assert call(monkeypatch, "probe", "-c", "chinese,base", *typed) == 0
    assert "Is tea better than coffee?" in capsys.readouterr().out


def test_the_survey_file_gives_the_people(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    (tmp_path / "wvs.csv").write_text("B_COUNTRY_ALPHA;W_WEIGHT;Q27;Q28\nCHN;0,5;1;-1\nCHN;1,5;4;-2\n")
    wanted = ["probe", "-c", "chinese", "--item", "Q27,Q28", "--wvs", str(tmp_path / "wvs.csv")]
    assert call(monkeypatch, *wanted, "--json", str(tmp_path / "out.json")) == 0
    report = json.loads((tmp_path / "out.json").read_text("utf-8"))
    assert report["items"][0]["human"] == [0.25, 0, 0, 0.75] and report["items"][1]["human"] is None
    assert "wvs.csv, weighted by W_WEIGHT" in report["method"]["source"]["people"]
    assert "China was not asked" in capsys.readouterr().out


def test_two_runs_are_compared(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    a, b = str(tmp_path / "a.json"), str(tmp_path / "b.json")
    call(monkeypatch, "probe", "-c", "chinese,german", "--theme", "migration", "--json", a)
    call(monkeypatch, "probe", "-c", "chinese,german", "--theme", "migration", "--json", b, "--styles", "digits")
    capsys.readouterr()
    assert call(monkeypatch, "compare", a, b) == 0
    assert "ΔWD" in capsys.readouterr().out
    assert call(monkeypatch, "compare", a, b, "--json") == 0
    assert [row["culture"] for row in json.loads(capsys.readouterr().out)["changes"]] == ["all", "chinese", "german"]


def test_the_bank_is_exported_without_any_model(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    folder = tmp_path / "tasks"
    flags = ["--base", "smollm2-135m", "--item", "Q27", "--export-lm-eval", str(folder)]
    assert call(monkeypatch, "probe", "-c", "chinese,turkish", *flags) == 0
    assert "lm_eval --model hf" in capsys.readouterr().out
    assert (folder / "culturechat_turkish.yaml").is_file() and not (tmp_path / "home" / "data").exists()


def items_csv(path: Path, *rows: str) -> str:
    path.write_text("\n".join(["item,theme,question,options_json", *rows]) + "\n", "utf-8")
    return str(path)


MANY = 'T2,x,Many?,"{' + ", ".join(f'""{number}"": ""Label {number}""' for number in range(30)) + '}"'
GOOD = 'T1,x,Tea or coffee?,"{""a"": ""Tea"", ""b"": ""Coffee""}"'


@pytest.mark.parametrize(
    ("row", "complaint"),
    [
        ('T2,x,One?,"{""a"": ""Tea""}"', "line 3, column options_json: 1 options"),
        (MANY, "line 3, column options_json: 30 options"),
        ('T2,x,Empty?,"{""a"": ""Tea"", ""b"": "" ""}"', "line 3, column options_json: option 2"),
        ('T2,x,Same?,"{""a"": ""Tea"", ""b"": ""Tea""}"', "line 3, column options_json: two options"),
        ('T2,x,Alike?,"{""a"": ""Tea"", ""b"": ""Te\u200ba""}"', "line 3, column options_json: options 'Tea'"),
        ('T10,x,Fine?,"{""a"": ""Yes"", ""b"": ""No""}"\nT1,x,Twice?,"{}"', "line 4, column item: T1 stands twice"),
        (
            'T10,x,Fine?,"{""a"": ""Yes"", ""b"": ""No""}"\nT,x,Y?,"{""a"": ""Y"", ""b"": ""Ｙ""}"',
            "line 4, column options_json",
        ),
        (
            'T2,x,Codes?,"{""a"": ""Tea"", ""a"": ""Milk""}"',
            "line 3, column options_json: option code 'a' stands twice",
        ),
        ('T2,x,Code?,"{""a"": ""Tea"", """": ""Milk""}"', "line 3, column options_json: option code '' is empty"),
        ('T1,x,Twice?,"{""a"": ""Tea"", ""b"": ""Milk""}"', "line 3, column item: T1 stands twice"),
        ("T2,x,No JSON?,oops", "line 3, column options_json: is not valid JSON"),
    ],
)
def test_a_bad_question_is_named_by_line_and_column(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, row: str, complaint: str
) -> None:
    path = items_csv(tmp_path / "items.csv", GOOD, row)
    error = refused(monkeypatch, capsys, "probe", "-c", "chinese", "--items", path)
    assert "items.csv" in error and complaint in error


@pytest.mark.parametrize(
    ("shares", "complaint"),
    [
        ("CHN,T1,a,0.9\nCHN,T1,c,0.1", "line 3, column option: T1 has no option 'c'"),
        ("CHN,T1,a,0.9\nCHN,T9,b,0.1", "line 3, column item"),
        ("CHN,T1,a,0.9\nCHN,T1,b,0.2", "CHN T1: shares sum to 1.100"),
        ("CHN,T1,a,0.9\nCHN,T1,b,x", "line 3, column share: 'x'"),
        ("CHN,T1,a,0.9\nCHN,T1,a,0.1", "line 3, column option: CHN T1 a stands twice"),
    ],
)
def test_bad_shares_are_named_by_place(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path, shares: str, complaint: str
) -> None:
    items = items_csv(tmp_path / "items.csv", GOOD)
    (tmp_path / "shares.csv").write_text(f"country,item,option,share\n{shares}\n")
    flags = ["--items", items, "--shares", str(tmp_path / "shares.csv")]
    error = refused(monkeypatch, capsys, "probe", "-c", "chinese", *flags)
    assert "shares.csv" in error and complaint in error


@pytest.mark.parametrize(
    ("flags", "complaint"),
    [
        (["--question", "Tea?"], "--question and --options belong together"),
        (["--question", "Tea?", "--options", "Yes"], "--options: 1 options"),
        (["--question", "Tea?", "--options", "Yes|Yes"], "--options: two options"),
        (["--question", "Tea?", "--options", "Yes||No"], "--options: option 2 has an empty label"),
        (["--question", " ", "--options", "Yes|No"], "--question is empty"),
        (["--question", "Tea?", "--options", "Yes|No", "--wvs", "x"], "without --items or --wvs"),
        (["--wvs", "none.csv"], "none.csv: no such file"),
        (["--styles", "roman"], "Unknown style"),
        (["--language", "latin"], "Unknown language"),
        (["--orders", "0"], "--orders 0"),
        (["--item", "Q27,q27"], "Q27 is named twice"),
        (["--json", "/"], "is a folder"),
        (["--html", "/proc/none/x.html"], "cannot be written"),
    ],
)
def test_a_wrong_request_is_one_line_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], flags: list[str], complaint: str
) -> None:
    assert complaint in refused(monkeypatch, capsys, "probe", "-c", "chinese", *flags)


def test_parquet_without_polars_says_what_to_install_before_any_work(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], tmp_path: Path
) -> None:
    monkeypatch.setitem(sys.modules, "polars", None)
    error = refused(monkeypatch, capsys, "probe", "-c", "chinese", "--parquet", str(tmp_path / "x.parquet"))
    assert "pip install 'culturechat[probe]'" in error
