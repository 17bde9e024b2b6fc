"""Many columns answering at once, beside one high-level `Llama` object per column in threads.

`python -m benchmarks.engine_speed [COLUMNS] [TOKENS]`: both answer the same prompts on the same embedded default, ours
in the form the app chooses. Rounds alternate, medians of five; the figure to look at is the ratio.
"""

from __future__ import annotations

import os
import statistics
import sys
import threading
import time
from collections.abc import Callable, Sequence

from llama_cpp import Llama

from culturechat import catalogue, cultures, engines, prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines import Engine, Failed, Finished, Request, Sampling
from culturechat.engines.llama_cpp import facts

QUESTION = "What makes a good life, and what would you tell your children about it?"
ROUNDS = 5


def ours(engine: Engine, columns: Sequence[Column], tokens: int, seed: int) -> tuple[int, float]:
    """Return how many tokens were written and the seconds from asking to the last."""
    conversation = Conversation().with_user(QUESTION)
    sampling = Sampling(temperature=1.0, max_tokens=tokens)
    requests = [
        Request(column.id, tuple(prompting.chat(column.culture, conversation)), sampling, seed) for column in columns
    ]
    began, written = time.perf_counter(), 0
    for event in engine.generate(requests):
        assert not isinstance(event, Failed), event
        written += event.tokens if isinstance(event, Finished) else 0
    return written, time.perf_counter() - began


def peers(models: Sequence[Llama], columns: Sequence[Column], tokens: int, seed: int) -> tuple[int, float]:
    """Return the same for one `Llama` object per column, each in a thread."""
    written: list[int] = []

    def answer(model: Llama, column: Column) -> None:
        messages = [
            {"role": message.role, "content": message.text}
            for message in prompting.chat(column.culture, Conversation().with_user(QUESTION))
        ]
        done = model.create_chat_completion(messages, max_tokens=tokens, temperature=1.0, seed=seed)
        written.append(done["usage"]["completion_tokens"])

    threads = [threading.Thread(target=answer, args=pair) for pair in zip(models, columns, strict=True)]
    began = time.perf_counter()
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return sum(written), time.perf_counter() - began


def main(count: int = 9, tokens: int = 64) -> None:
    """Print both speeds and their ratio."""
    names = cultures.names()[:count]
    chosen = catalogue.columns(names)
    engine = engines.load()
    engine.open(chosen)
    threads = max(1, facts.cores() // count)
    models = [
        Llama(str(chosen[0].base_path), n_ctx=2048, n_threads=threads, n_threads_batch=threads, verbose=False)
        for _ in names
    ]
    speeds: dict[str, list[float]] = {"ours": [], "peer": []}
    runs: dict[str, Callable[[int], tuple[int, float]]] = {
        "ours": lambda seed: ours(engine, chosen, tokens, seed),
        "peer": lambda seed: peers(models, chosen, tokens, seed),
    }
    for seed in range(ROUNDS):
        for name, run in runs.items():
            written, seconds = run(seed)
            speeds[name].append(written / seconds)
    engine.close()
    forms = ", ".join(sorted({column.form for column in chosen}))
    print(f"{facts.cores()} cores, load {os.getloadavg()[0]:.1f}, {count} columns ({forms}), {tokens} tokens each")
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    for name, values in speeds.items():
        print(f"{name}: {medians[name]:.1f} tok/s in all ({min(values):.1f} to {max(values):.1f})")
    print(f"ratio: {medians['ours'] / medians['peer']:.2f}")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:]))
