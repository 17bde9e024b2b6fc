"""Asks a GGUF file what tokens it makes of texts and what it predicts, in a process of its own: `python -m … FILE`.

For the checks of files that were just written, before anyone relies on them; a file that makes llama.cpp abort costs
this process only.
"""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
from numpy.typing import NDArray

from culturechat.errors import EngineError
from culturechat.terminal import one_line


def tokens(file: Path, texts: Sequence[str]) -> list[list[int]]:
    """Return the tokens of each text, with nothing added; control tokens in it are read as such."""
    found: list[list[int]] = msgspec.msgpack.decode(_ask(file, {"texts": list(texts)}))
    return found


def logits(file: Path, adapter: Path | None, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return the scores of every token to come after each prompt of tokens: prompts × vocabulary."""
    asked = {"adapter": str(adapter) if adapter else None, "prompts": [list(prompt) for prompt in prompts]}
    return np.frombuffer(_ask(file, asked), np.float32).reshape(len(prompts), -1)


def _ask(file: Path, asked: dict[str, Any]) -> bytes:
    done = subprocess.run(
        [sys.executable, "-m", __name__, str(file)],
        input=msgspec.msgpack.encode(asked),
        capture_output=True,
        env={**os.environ, "GGML_NO_BACKTRACE": "1"},
    )
    if done.returncode:
        lines = [one_line(line) for line in done.stderr.decode("utf-8", "replace").splitlines() if line.strip()]
        raise EngineError(f"{file}: llama.cpp cannot use it: {lines[-1] if lines else 'it gave up'}")
    return done.stdout


def _answer(file: str, asked: dict[str, Any]) -> bytes:
    from culturechat.engines.llama_cpp import facts
    from culturechat.engines.llama_cpp.native import Context, Model

    if "texts" in asked:
        model = Model(file, vocabulary_only=True)
        return msgspec.msgpack.encode([model.tokenize(text) for text in asked["texts"]])
    model = Model(file)
    room = max(len(prompt) for prompt in asked["prompts"])
    context = Context(model, room, asked["adapter"], batch_tokens=room)
    context.use_threads(facts.cores())
    found = []
    for prompt in asked["prompts"]:
        context.forget()
        context.decode(prompt, 0)
        found.append(context.logits().tobytes())
    context.close()
    model.close()
    return b"".join(found)


if __name__ == "__main__":
    sys.stdout.buffer.write(_answer(sys.argv[1], msgspec.msgpack.decode(sys.stdin.buffer.read())))
