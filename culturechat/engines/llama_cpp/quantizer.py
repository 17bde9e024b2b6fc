"""Writes a GGUF file in another number format, in a process of its own: `python -m … SOURCE TARGET TYPE THREADS`.

llama.cpp does the work; a file that makes it abort costs this process only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from contextlib import suppress
from pathlib import Path

from culturechat import records
from culturechat.errors import BadFile, EngineError, unknown
from culturechat.terminal import one_line

TYPES = {"q4_0": 2, "q8_0": 7, "q4_k_m": 15, "bf16": 32}
"""Name of a number format to llama.cpp's number for it."""


def quantize(source: Path, target: Path, kind: str, threads: int) -> None:
    """Write `source` as `target` in a number format of `TYPES`, whole or not at all.

    Raises:
        UsageError: the format is unknown.
        EngineError: llama.cpp cannot read or write it; the text carries its last words.
    """
    if kind not in TYPES:
        raise unknown("type", kind, TYPES)
    try:
        with records.replacing(target) as temporary:
            _run_child(source, temporary, kind, threads)
    except OSError as error:
        raise BadFile(target, f"cannot be written ({error.strerror}).") from None


def _run_child(source: Path, target: Path, kind: str, threads: int) -> None:
    child = subprocess.Popen(
        [sys.executable, "-m", __name__, str(source), str(target), kind, str(threads)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},
    )
    try:
        _, errors = child.communicate()
    finally:
        with suppress(ProcessLookupError):
            child.kill()
        child.wait()
    if child.returncode:
        lines = [one_line(line) for line in errors.decode("utf-8", "replace").splitlines() if line.strip()]
        raise EngineError(f"{source}: cannot be written as {kind}: {lines[-1] if lines else 'llama.cpp gave up'}.")


def _main(source: str, target: str, kind: str, threads: str) -> int:
    import llama_cpp

    params = llama_cpp.llama_model_quantize_default_params()
    params.ftype = TYPES[kind]
    params.nthread = int(threads)
    params.allow_requantize = True
    return int(llama_cpp.llama_model_quantize(source.encode(), target.encode(), params))


if __name__ == "__main__":
    sys.exit(_main(*sys.argv[1:]))
