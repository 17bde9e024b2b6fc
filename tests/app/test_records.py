from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

import pytest

from culturechat import cultures, records
from culturechat.errors import BadFile, UsageError


@dataclass(frozen=True)
class Inner:
    depth: int
    kind: Literal["sea", "lake"] = "sea"


@dataclass(frozen=True)
class Outer:
    name: str
    inner: Inner


def write(path: Path, text: str) -> Path:
    path.write_text(text, "utf-8")
    return path


def test_an_unknown_key_is_refused_with_file_place_and_nearest_key(tmp_path: Path) -> None:
    path = write(tmp_path / "x.toml", 'name = "a"\n[inner]\ndept = 1\n')
    with pytest.raises(BadFile) as error:
        records.read(path, Outer)
    assert str(error.value).startswith(f"{path}: key `inner.dept`")
    assert "Did you mean depth?" in str(error.value)


def test_a_value_that_is_none_of_those_allowed_is_refused_with_its_place_and_all_of_them(tmp_path: Path) -> None:
    path = write(tmp_path / "x.toml", 'name = "a"\n[inner]\ndepth = 1\nkind = "see"\n')
    with pytest.raises(BadFile, match=r"'see' at `inner\.kind`\. Known: sea, lake\.$"):
        records.read(path, Outer)


@pytest.mark.parametrize("text", ['name = "a"\n', "name = 3\n[inner]\ndepth = 1\n", "name =", "\x00"])
def test_missing_wrong_and_broken_values_name_the_file(tmp_path: Path, text: str) -> None:
    path = write(tmp_path / "x.toml", text)
    with pytest.raises(BadFile, match=r"x\.toml"):
        records.read(path, Outer)


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_else(tmp_path: Path) -> None:
    folder = tmp_path / "folder"
    folder.mkdir()
    path = write(folder / "kept.txt", "old")
    with pytest.raises(RuntimeError), records.replacing(path) as temporary:
        temporary.write_text("new")
        raise RuntimeError
    assert path.read_text() == "old"
    assert list(folder.iterdir()) == [path]


def test_nine_cultures_load_and_say_who_stands_for_them() -> None:
    loaded = [cultures.load(name) for name in cultures.names()]
    assert [culture.id for culture in loaded] == [
        "arabic",
        "bengali",
        "chinese",
        "english",
        "german",
        "korean",
        "portuguese",
        "spanish",
        "turkish",
    ]
    assert [culture.id for culture in loaded if culture.direction == "rtl"] == ["arabic"]
    assert cultures.load("spanish").countries == ("ARG", "MEX")


def test_an_unknown_culture_names_the_nearest() -> None:
    with pytest.raises(UsageError, match="Did you mean chinese"):
        cultures.load("chines")
