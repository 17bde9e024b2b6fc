"""Several processes that train one adapter: waiting for each other, on GPUs or, by gloo, on CPUs, and joining parts."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import torch
from accelerate import PartialState
from torch.distributed.tensor import DTensor

from culturechat.errors import UsageError
from training import processes

_PATIENCE = timedelta(days=1)
"""Longest that a process waits; the first takes the steps between two trainings alone. The launcher ends them all as
soon as one is lost."""


def on_cpus() -> bool:
    """Return whether the processes compute on CPUs."""
    return processes.count() > 1 and not torch.cuda.is_available()


def check() -> None:
    """Refuse what would be done otherwise than it was asked for.

    Raises:
        UsageError: the model shall be split among CPUs, and accelerate would give each process a copy without a word.
    """
    if processes.sharded() and not torch.cuda.is_available():
        raise UsageError(
            "accelerate splits a model among GPUs only. On CPUs launch with --multi_gpu, without --use_fsdp."
        )


def wait() -> None:
    """Return when all processes have come here; the first call connects them."""
    PartialState(cpu=on_cpus(), timeout=_PATIENCE).wait_for_everyone()


def trained(model: Any) -> dict[str, torch.Tensor]:
    """Return what was trained, whole, also where each process holds a part; all must come here."""
    return {name: _whole(values.detach()) for name, values in model.named_parameters() if values.requires_grad}


def _whole(values: torch.Tensor) -> torch.Tensor:
    return values.full_tensor() if isinstance(values, DTensor) else values
