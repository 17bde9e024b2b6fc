"""Writes a GGUF file in another number format, in a process of its own: `python -m … SOURCE TARGET TYPE THREADS`.

llama.cpp does the work; a file that makes it abort costs this process only.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path

from culturechat import records
from culturechat.errors import BadFile, EngineError, unknown
from culturechat.terminal import one_line

TYPES = {"f16": 1, "q4_0": 2, "q8_0": 7, "q4_k_m": 15, "bf16": 32}
"""Name of a number format to llama.cpp's number for it."""

_TENSOR_OF = re.compile(r"\[ *(\d+)/ *(\d+)\]")
"""Where llama.cpp says how many tensors of all are done."""

FULL_BYTES = 1_000_000
"""Room that a disk without room still has, less than what is written at once."""


def quantize(
    source: Path, target: Path, kind: str, threads: int, progress: Callable[[float], None] = lambda done: None
) -> None:
    """Write `source` as `target` in a number format of `TYPES`, whole or not at all.

    Args:
        source: A GGUF file.
        target: Where it goes.
        kind: A name in `TYPES`.
        threads: How many work at it.
        progress: Told the share that is done, from 0 to 1; what it raises ends the work.

    Raises:
        UsageError: the format is unknown.
        EngineError: llama.cpp cannot read or write it; the text carries its last words.
    """
    if kind not in TYPES:
        raise unknown("type", kind, TYPES)
    try:
        with records.replacing(target) as temporary:
            _run_child(source, temporary, kind, threads, progress)
    except OSError as error:
        raise BadFile(target, f"cannot be written ({error.strerror}).") from None


def _run_child(source: Path, target: Path, kind: str, threads: int, progress: Callable[[float], None]) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", __name__, str(source), str(target), kind, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},
    )
    last = ""
    try:
        assert child.stderr is not None
        for line in child.stderr:
            said = one_line(line.decode("utf-8", "replace"))
            last = said or last
            if counted := _TENSOR_OF.search(said):
                progress(int(counted[1]) / int(counted[2]))
        child.wait()
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        child.communicate()
    if child.returncode:
        if shutil.disk_usage(target.parent).free < FULL_BYTES:  # llama.cpp's own words do not say so
            raise EngineError(f"{target.parent}: the disk is full.")
        raise EngineError(f"{source}: cannot be written as {kind}: {last or 'llama.cpp gave up'}.")


def _main(source: str, target: str, kind: str, threads: str) -> int:
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = TYPES[kind]
    params.nthread = int(threads)
    params.allow_requantize = True
    return int(llama_cpp.llama_model_quantize(source.encode(), target.encode(), params))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
