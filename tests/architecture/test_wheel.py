"""What is published: the wheel and the source archive, built here without a tool around hatchling."""

from __future__ import annotations

import json
import subprocess
import sys
import zipfile
from email.parser import Parser
from pathlib import Path

import pytest
from hatchling.builders.sdist import SdistBuilder
from hatchling.builders.wheel import WheelBuilder

from culturechat import __version__

ROOT = Path(__file__).parents[2]
MODELS = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("models/*/*") if path.is_file()}
MOST_BYTES = 40_000_000


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return Path(next(WheelBuilder(str(ROOT)).build(directory=str(tmp_path_factory.mktemp("wheel")))))


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel's packages where nothing else of the checkout is."""
    folder = tmp_path_factory.mktemp("installed")
    zipfile.ZipFile(wheel).extractall(folder)
    return folder


def test_the_wheel_holds_the_app_with_its_data_and_nothing_else(wheel: Path) -> None:
    names = set(zipfile.ZipFile(wheel).namelist())
    own = {path.relative_to(ROOT).as_posix() for path in ROOT.glob("culturechat/**/*") if path.is_file()}
    own = {name for name in own if "__pycache__" not in name}
    assert {"culturechat/py.typed", "culturechat/survey/shares.csv", "culturechat/tui/app.tcss"} <= own
    assert names >= own | {f"culturechat/{name}" for name in MODELS}
    about = f"culturechat-{__version__}"
    assert {name.partition("/")[0] for name in names} == {"culturechat", f"{about}.dist-info", f"{about}.data"}
    assert f"{about}.data/data/share/man/man1/culturechat.1" in names
    assert {f"{about}.dist-info/licenses/{name}" for name in ("LICENSE", "NOTICE")} <= names
    assert wheel.stat().st_size < MOST_BYTES


def test_the_wheel_says_what_it_is_and_what_it_needs(wheel: Path) -> None:
    archive = zipfile.ZipFile(wheel)
    about = f"culturechat-{__version__}.dist-info"
    fields = Parser().parsestr(archive.read(f"{about}/METADATA").decode())
    needed = [text for text in fields.get_all("Requires-Dist", []) if "extra ==" not in text]
    assert fields["Version"] == __version__ and fields["Requires-Python"] == ">=3.11"
    assert any(text.startswith("llama-cpp-python") for text in needed)
    assert not [text for text in needed if text.startswith(("torch", "transformers", "pytest", "mkdocs"))]
    assert "culturechat = culturechat.__main__:main" in archive.read(f"{about}/entry_points.txt").decode()


def test_what_is_installed_from_the_wheel_finds_its_models_cultures_and_survey(installed: Path) -> None:
    start = f"import sys; sys.path.insert(0, {str(installed)!r}); from culturechat.__main__ import main; main()"
    doctor = [sys.executable, "-P", "-c", start, "doctor", "--json"]
    found = json.loads(subprocess.run(doctor, check=True, capture_output=True, encoding="utf-8", cwd=installed).stdout)
    findings = {check["what"]: check["finding"] for check in found}
    assert findings["culturechat"].startswith(f"{__version__} ")
    assert findings["adapter smollm2-135m.chinese"] == findings["adapter smollm2-135m.arabic"] == "ok"
    assert findings["cultures"] == "9 files"
    assert findings["survey"].startswith("84 questions")


def test_the_source_archive_holds_what_a_checkout_has() -> None:
    names = {file.distribution_path for file in SdistBuilder(str(ROOT)).recurse_included_files()}
    assert MODELS | {"README.md", "NOTICE", "Makefile", "constraints.txt", "mkdocs.yml", "docs/commands.md"} <= names
    for needed in ("training/recipes/tiny.toml", "benchmarks/app.py", "tests/conftest.py", "culturechat/py.typed"):
        assert needed in names
    assert not [name for name in names if name.startswith(("runs/", "site/", "dist/", ".venv/"))]
