"""What the installed llama.cpp can do on this machine."""

from __future__ import annotations

import os
import sys
from contextlib import suppress
from importlib import metadata
from pathlib import Path

from culturechat import __version__


def cores() -> int:
    """Return how many cores this process may use; `OMP_NUM_THREADS` can make them fewer, as clusters do."""
    there = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    given = os.environ.get("OMP_NUM_THREADS", "")
    return min(there, int(given)) if given.isdecimal() and int(given) else there


def version() -> str:
    """Return what runs the models: llama.cpp's binding, and this program, which chooses how weights are prepared."""
    return f"llama-cpp-python {metadata.version('llama-cpp-python')}, culturechat {__version__}"


def supports_gpu() -> bool:
    """Return whether this build of llama.cpp can use a GPU that is there."""
    from culturechat.engines.llama_cpp import native

    return native.supports_gpu()


def cpu_features() -> str:
    """Return the CPU features that this build of llama.cpp uses, in its own words."""
    from culturechat.engines.llama_cpp import native

    return native.system_info()


def memory_bytes() -> int | None:
    """Return the machine's memory, or None where that cannot be known."""
    if not hasattr(os, "sysconf") or sys.platform == "win32":
        return None
    return os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")


def free_bytes(but: int | None = None) -> int | None:
    """Return the memory that programs can still have, within a container's limit too, or None where it is unknown.

    Args:
        but: A process whose own memory counts as free, because it is about to let go of it.
    """
    found = []
    with suppress(OSError, ValueError, KeyError):
        found.append(_kilobytes(Path("/proc/meminfo"))["MemAvailable"] * 1024)
    with suppress(OSError, ValueError):  # "max" where there is no limit
        group = Path("/sys/fs/cgroup")
        limit = int((group / "memory.max").read_text("ascii"))
        found.append(limit - int((group / "memory.current").read_text("ascii")))
    if not found:
        return None
    held = 0
    with suppress(OSError, ValueError, KeyError):
        held = _kilobytes(Path(f"/proc/{but}/status"))["RssAnon"] * 1024 if but else 0
    return max(0, min(found)) + held


def _kilobytes(table: Path) -> dict[str, int]:
    pairs = (line.split() for line in table.read_text("utf-8", "replace").splitlines())
    return {pair[0].rstrip(":"): int(pair[1]) for pair in pairs if len(pair) == 3 and pair[2] == "kB"}
