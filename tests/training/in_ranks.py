"""`accelerate launch` with two processes that train on CPUs, without loading torch three times over.

The launcher is a fork of this process, and so are the processes that it starts. They train in 32-bit floats: in 16
bits any other order of sums shows. With `--use_fsdp` they split the model, which torch can do over gloo; accelerate
takes FSDP up only for processes with a GPU each, so here it takes them for such.
"""

from __future__ import annotations

import dataclasses
import os
import sys
import traceback
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from unittest.mock import patch

import torch
from accelerate.commands import launch
from accelerate.state import AcceleratorState, DistributedType, PartialState
from torch.distributed import run

from training import processes
from training.__main__ import main
from training.steps import together, weights

LAUNCH = ("--num_processes", "2", "--num_machines", "1", "--mixed_precision", "no", "--dynamo_backend", "no")

configure = run.config_from_args
begin = AcceleratorState.__init__


def start(way: str, arguments: Sequence[str], folder: Path) -> int:
    """Return the number of the launcher's process; what is said goes to `log` in the folder.

    Args:
        way: How the processes share a model: `--multi_gpu` (a copy each) or `--use_fsdp` (a part each).
        arguments: Those of `python -m training`.
        folder: There each process also leaves its number, in a file that is called as its rank.
    """
    launcher = os.fork()
    if launcher:
        return launcher
    code = 1
    try:
        log = os.open(folder / "log", os.O_CREAT | os.O_TRUNC | os.O_WRONLY)
        os.dup2(log, 1), os.dup2(log, 2)
        sys.stdout, sys.stderr = open(1, "w", closefd=False), open(2, "w", closefd=False)  # noqa: SIM115
        with patch.object(run, "config_from_args", lambda options: _forked(options, folder)):
            sys.argv = ["launch", *LAUNCH, "--main_process_port", "0", way, "-m", "training", *arguments]
            launch.main()
        code = 0
    except BaseException:
        traceback.print_exc()
    finally:
        sys.stdout.flush(), sys.stderr.flush()
        os._exit(code)


@contextmanager
def exact() -> Iterator[None]:
    """Train in 32-bit floats, and without taking gigabytes for a tiny model."""
    with patch.object(weights, "number_type", return_value=torch.float32), patch.object(weights, "keep_memory"):
        yield


def _forked(options: Any, folder: Path) -> tuple[Any, Any, list[Any]]:
    config, _, _ = configure(options)
    return dataclasses.replace(config, start_method="fork"), _train, [folder, options.training_script_args]


def _train(folder: Path, arguments: Sequence[str]) -> None:
    torch.set_num_threads(1)  # threads do not outlive a fork
    AcceleratorState._reset_state(reset_partial_state=True)  # which says that there is one process
    (folder / str(processes.rank())).write_text(str(os.getpid()), "utf-8")
    with exact(), patch.object(AcceleratorState, "__init__", _begin_as_on_gpus), patch.object(together, "check"):
        if code := main(arguments):
            sys.exit(code)


def _begin_as_on_gpus(state: AcceleratorState, *arguments: Any, **named: Any) -> None:
    if processes.sharded():
        PartialState().distributed_type = DistributedType.MULTI_GPU
    begin(state, *arguments, **named)
