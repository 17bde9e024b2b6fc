"""Which of several processes this one is, and waiting for the others. Loads no torch unless there are others.

`accelerate launch` and `torchrun` start a process for each device and say so in the environment.
"""

from __future__ import annotations

import os


def rank() -> int:
    """Return this process's number; the first is 0, and so is the only one."""
    return int(os.environ.get("RANK", "0"))


def count() -> int:
    """Return how many processes there are."""
    return int(os.environ.get("WORLD_SIZE", "1"))


def sharded() -> bool:
    """Return whether the processes share one model (`accelerate launch --use_fsdp`) and have no copy each."""
    return os.environ.get("ACCELERATE_USE_FSDP", "").lower() == "true"


def wait() -> None:
    """Return when all processes have come here."""
    if count() > 1:
        from training.steps import together

        together.wait()
