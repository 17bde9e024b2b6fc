"""What the installed llama.cpp can do on this machine."""

from __future__ import annotations

import os


def cores() -> int:
    """Return how many cores this process may use."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def supports_gpu() -> bool:
    """Return whether this build of llama.cpp can use a GPU that is there."""
    from culturechat.engines.llama_cpp import native

    return native.supports_gpu()


def cpu_features() -> str:
    """Return the CPU features that this build of llama.cpp uses, in its own words."""
    from culturechat.engines.llama_cpp import native

    return native.system_info()
