from __future__ import annotations

from pathlib import Path

import pytest

from culturechat import settings
from culturechat.errors import CulturechatError


def test_flag_beats_environment_beats_file_beats_default(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("seed = 11\ntemperature = 0.1\ntop_p = 0.5\n")
    environment = {"CULTURECHAT_SEED": "12", "CULTURECHAT_TEMPERATURE": "0.2"}
    loaded = settings.load({"seed": 13, "temperature": None}, environment)
    assert (loaded.seed, loaded.temperature, loaded.top_p, loaded.min_p) == (13, 0.2, 0.5, 0.05)


@pytest.mark.parametrize(
    ("flags", "environment", "complaint"),
    [
        ({"temperature": 9.0}, {}, "temperature is 9.0; it must be from 0 to 5"),
        ({}, {"CULTURECHAT_SEED": "many"}, "CULTURECHAT_SEED='many' is not a valid seed"),
        ({"max_tokens": 0}, {}, "max_tokens is 0"),
        ({"base": ""}, {}, "base is empty"),
    ],
)
def test_bad_values_are_named(flags: dict[str, object], environment: dict[str, str], complaint: str) -> None:
    with pytest.raises(CulturechatError, match=complaint):
        settings.load(flags, environment)


def test_an_unknown_key_in_the_file_is_named(home: Path) -> None:
    (home / "config").mkdir()
    (home / "config" / "config.toml").write_text("temprature = 0.1\n")
    with pytest.raises(CulturechatError, match="Did you mean temperature"):
        settings.load({}, {})
