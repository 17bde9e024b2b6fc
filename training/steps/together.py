"""Waiting for the other processes of a launch, on GPUs or, by gloo, on CPUs."""

from __future__ import annotations

import torch
from accelerate import PartialState


def state() -> PartialState:
    """Return which of the processes this is; the first call connects them."""
    return PartialState(cpu=not torch.cuda.is_available())


def wait() -> None:
    """Return when all processes have come here."""
    state().wait_for_everyone()
