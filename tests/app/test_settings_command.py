"""`culturechat settings`: what holds and why, and a file that is changed with care."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from culturechat import cultures, settings
from culturechat.cli import app
from culturechat.errors import UsageError
from culturechat.settings import file
from culturechat.tui import options

COMMENTED = """\
# my settings
seed = 3   # lucky

[prompts]  # mine
chinese = 'Answer in one word.'

[keys.chat]
survey = "f12"
"""


@pytest.fixture
def config(home: Path) -> Path:
    (home / "config").mkdir()
    path = home / "config" / "config.toml"
    path.write_text(COMMENTED)
    return path


def run(*arguments: str, **environment: str) -> Result:
    return CliRunner().invoke(app, ["settings", *arguments], env=environment, catch_exceptions=True)


def told(result: Result) -> str:
    """The complaint of a command that was refused."""
    assert isinstance(result.exception, UsageError), result.output
    return str(result.exception)


def listed(**environment: str) -> dict[str, dict[str, object]]:
    result = run("--json", **environment)
    assert result.exit_code == 0, result.exception
    return {row["key"]: row for row in json.loads(result.output)}


def test_every_value_is_listed_with_its_origin(config: Path) -> None:
    rows = listed(CULTURECHAT_TOP_P="0.5", CULTURECHAT_PROMPTS_GERMAN="Kurz.")
    assert set(settings.flat(settings.Settings())) <= set(rows)
    assert {f"prompts.{name}" for name in cultures.names()} <= set(rows)
    found = {key: (row["value"], row["from"], row["place"]) for key, row in rows.items()}
    assert found["seed"] == (3, "file", str(config))
    assert found["top_p"] == (0.5, "environment", "CULTURECHAT_TOP_P")
    assert found["prompts.german"] == ("Kurz.", "environment", "CULTURECHAT_PROMPTS_GERMAN")
    assert found["prompts.chinese"] == ("Answer in one word.", "file", str(config))
    assert found["prompts.korean"] == (cultures.load("korean").prompt.english, "default", None)
    assert found["keys.chat.survey"] == ("f12", "file", str(config))
    assert found["keys.chat.stop"] == ("escape", "default", None)
    text = run().output
    assert "seed" in text and str(config) in text and "default" in text


def test_setting_changes_one_line_and_keeps_the_comments(config: Path) -> None:
    result = run("set", "seed", "7")
    assert result.exit_code == 0 and str(config) in result.output
    assert config.read_text() == COMMENTED.replace("seed = 3", "seed = 7")
    assert run("set", "temperature", "0").exit_code == 0
    assert run("set", "prompts.arabic", "Be brief.\nBe kind.").exit_code == 0
    assert run("set", "keys.chat.stop", "f10").exit_code == 0
    held = settings.load({}, {})
    assert (held.seed, held.temperature) == (7, 0)
    assert held.prompts == {"chinese": "Answer in one word.", "arabic": "Be brief.\nBe kind."}
    assert held.keys == {"chat": {"survey": "f12", "stop": "f10"}}
    for line in ("# my settings", "# lucky", "[prompts]  # mine"):
        assert line in config.read_text()


def test_a_file_is_made_where_there_is_none(home: Path) -> None:
    assert run("set", "survey", "false").exit_code == 0
    assert settings.load({}, {}).survey is False
    assert [path.name for path in (home / "config").iterdir()] == ["config.toml"]


def test_unsetting_brings_the_default_back_and_clears_up(config: Path) -> None:
    assert "seed is 1 now" in run("unset", "seed").output
    assert "ctrl+s now" in run("unset", "keys.chat.survey").output
    assert run("unset", "prompts.chinese").exit_code == 0
    assert settings.load({}, {}) == settings.Settings()
    assert config.read_text().startswith("# my settings") and "keys" not in config.read_text()
    assert "nothing to unset" in told(run("unset", "seed"))


def test_a_key_that_is_no_setting_can_be_taken_out_of_the_file(config: Path) -> None:
    config.write_text("sed = 1\nseed = 2\n")
    assert "Did you mean seed?" in told(run("set", "temperature", "1"))
    assert run("unset", "sed").exit_code == 0
    assert config.read_text() == "seed = 2\n"


@pytest.mark.parametrize(
    ("key", "value", "complaint"),
    [
        ("sead", "1", "Did you mean seed?"),
        ("prompts.chines", "x", "Did you mean prompts.chinese?"),
        ("keys.chat.survy", "f12", "Did you mean keys.chat.survey?"),
        ("seed", "many", "expected a whole number from 0 to"),
        ("temperature", "9", "must be from 0 to 5"),
        ("history", "maybe", "expected true or false"),
        ("layout", "diagonal", "expected auto, beside, grid or tabs"),
        ("theme", "grubox", "Did you mean gruvbox?"),
        ("prompts.chinese", " ", "unset prompts.chinese"),
        ("keys.chat.stop", "f99", "there is no key 'f99'. Did you mean f9?"),
        ("keys.chat.stop", "ctl+x", "Did you mean ctrl?"),
        ("keys.chat.stop", "ctrl+r", "is the key of keys.chat.again already"),
        ("keys.chat.stop", "f4", "is the key of keys.app.probe already"),
        ("keys.chat.again", "s", "could not be typed any more"),
        ("base", "", "name a base model"),
    ],
)
def test_what_cannot_be_is_refused_and_nothing_is_written(config: Path, key: str, value: str, complaint: str) -> None:
    assert complaint in told(run("set", key, value))
    assert config.read_text() == COMMENTED


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("seed = ", "not valid TOML"),
        ("seed = -1", "`int` >= 0 at `seed`"),
        ("[prompts]\nchines = 'x'", "prompts.chines`: Unknown culture 'chines'. Did you mean chinese?"),
        ("[prompts]\nchinese = ''", "prompts.chinese`: is empty"),
        ("prompts = 3", "Expected `object`"),
    ],
)
def test_a_wrong_file_is_named_and_left_as_it_is(config: Path, text: str, complaint: str) -> None:
    config.write_text(text)
    with pytest.raises(UsageError) as refused:
        settings.load({}, {})
    assert complaint in str(refused.value) and str(config) in str(refused.value)
    with pytest.raises(UsageError):
        file.put({"temperature": 0.5})
    assert config.read_text() == text


def test_a_theme_that_there_is_not_is_refused_with_the_place(config: Path) -> None:
    config.write_text("theme = 'grubox'\n")
    assert told(run()) == f"{config}: Unknown theme 'grubox'. Did you mean gruvbox?"


def test_a_file_that_is_a_link_stays_one(config: Path, tmp_path: Path) -> None:
    own = tmp_path / "dotfiles.toml"
    config.rename(own)
    config.symlink_to(own)
    assert run("set", "seed", "9").exit_code == 0
    assert config.is_symlink() and "seed = 9" in own.read_text()


def test_it_is_said_when_the_environment_beats_the_file(config: Path) -> None:
    result = run("set", "seed", "7", CULTURECHAT_SEED="5")
    assert "CULTURECHAT_SEED" in result.stderr


def test_no_key_means_two_things_at_once() -> None:
    for place in options.active_together():
        taken: dict[str, str] = {}
        for binding in place:
            for key in binding.key.split(","):
                assert taken.setdefault(key, binding.action) == binding.action, key
