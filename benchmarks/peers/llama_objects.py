"""One high-level `llama_cpp.Llama` per column, each in a thread of one process: the usual way in Python."""

from __future__ import annotations

import multiprocessing
import threading
import time
from collections.abc import Sequence
from multiprocessing.connection import Connection
from pathlib import Path

from benchmarks.peers import Prompts, Round


class LlamaObjects:
    """The objects live in a process of their own, so that its memory can be told apart."""

    def __init__(self, base: Path, adapters: Sequence[Path | None], context_tokens: int, threads: int) -> None:
        context = multiprocessing.get_context("spawn")
        self._pipe, theirs = context.Pipe()
        paths = [str(adapter) if adapter else None for adapter in adapters]
        self._process = context.Process(target=_serve, args=(theirs, str(base), paths, context_tokens, threads))
        self._process.start()
        self._pipe.recv()

    def ask(self, prompts: Prompts, tokens: int, seed: int) -> Round:
        """Let every object answer."""
        plain = [[{"role": message.role, "content": message.text} for message in messages] for messages in prompts]
        self._pipe.send((plain, tokens, seed))
        written, seconds = self._pipe.recv()
        return Round(written, seconds)

    def pids(self) -> list[int]:
        """Return the process."""
        return [self._process.pid or 0]

    def close(self) -> None:
        """End the process."""
        self._pipe.send(None)
        self._process.join()


def _serve(pipe: Connection, base: str, adapters: list[str | None], context_tokens: int, threads: int) -> None:
    from llama_cpp import Llama

    models = [
        Llama(base, lora_path=adapter, n_ctx=context_tokens, n_threads=threads, n_threads_batch=threads, verbose=False)
        for adapter in adapters
    ]
    pipe.send("ready")
    while (job := pipe.recv()) is not None:
        prompts, tokens, seed = job
        counts: list[int] = []

        def answer(model: Llama, messages: list[dict[str, str]], tokens: int, seed: int, counts: list[int]) -> None:
            done = model.create_chat_completion(
                messages,
                max_tokens=tokens,
                seed=seed,
                temperature=1.0,
                top_k=40,
                top_p=0.95,
                min_p=0.05,
                repeat_penalty=1.1,
            )
            counts.append(done["usage"]["completion_tokens"])

        workers = [
            threading.Thread(target=answer, args=(model, messages, tokens, seed, counts))
            for model, messages in zip(models, prompts, strict=True)
        ]
        began = time.perf_counter()
        for worker in workers:
            worker.start()
        for worker in workers:
            worker.join()
        pipe.send((sum(counts), time.perf_counter() - began))
