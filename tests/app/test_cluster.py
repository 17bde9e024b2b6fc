from __future__ import annotations

import sys

import pytest

from culturechat import cluster
from culturechat.cluster import Outcome, Task
from culturechat.errors import EngineError, UsageError
from tests.architecture.test_imports import loaded_by


def fails() -> str:
    raise EngineError("The engine failed.")


def breaks() -> str:
    raise ZeroDivisionError


def test_tasks_are_done_here_where_no_cluster_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    tasks = [
        Task("one", fails),
        Task("chinese", lambda: "zh", after=("one",)),
        Task("german", lambda: "de"),
        Task("odd", breaks),
    ]
    assert list(cluster.run(tasks, None)) == [
        Outcome("one", error="The engine failed."),
        Outcome("chinese", error="was not begun, because one failed."),
        Outcome("german", "de"),
        Outcome("odd", error="ZeroDivisionError: ZeroDivisionError"),
    ]
    assert "in breaks" in capsys.readouterr().err, "a fault of the program is shown whole"


@pytest.mark.parametrize(
    ("on", "each", "complaint"),
    [
        ("dask", None, "--on dask: write ray"),
        ("ray://", None, "--on ray://: write ray"),
        ("ray", "cores=2", "--each cores=2: write it as cpus=2"),
        ("ray", "cpus=many", "--each cpus=many"),
        ("ray", "gpus=1.5", "whole above 1"),
        (None, "cpus=2", "name it with --on ray"),
    ],
)
def test_what_cannot_be_meant_is_refused(on: str | None, each: str | None, complaint: str) -> None:
    if on == "ray":
        pytest.importorskip("ray", reason="Ray is not installed: pip install 'culturechat[cluster]'")
    with pytest.raises(UsageError, match=complaint):
        cluster.named(on, each)


def test_without_ray_the_way_to_it_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(UsageError, match=r"pip install 'culturechat\[cluster\]'"):
        cluster.named("ray", None)
    assert cluster.named(None, None) is None


def test_only_the_flag_loads_ray() -> None:
    assert "ray" not in loaded_by("import culturechat.cli, culturechat.probing, culturechat.cluster, training.__main__")
