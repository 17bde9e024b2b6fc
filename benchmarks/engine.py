"""How fast, lean and prompt the engine is beside its peers: `python -m benchmarks.engine --llama-cpp FOLDER`.

All answer the same questions for nine cultures on the embedded default: (a) nine high-level `Llama` objects in threads,
(b) `llama-server` with an adapter per request, (d) `llama-bench`, which decodes and does nothing else. FOLDER holds the
last two programs; without it they are left out. Rounds alternate, every round asks another question, medians of five;
what counts are the ratios of one run. The nine adapters have the shape of the shipped ones and hardly any effect (their
alpha is tiny), so that all contestants write equally long answers.
"""

from __future__ import annotations

import json
import os
import shutil
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from dataclasses import replace
from importlib import metadata
from pathlib import Path
from typing import Annotated

import typer
from gguf import GGUFReader

from benchmarks.peers import Contestant, Prompts, Round, peak_bytes
from benchmarks.peers.culturechat_engine import Ours
from benchmarks.peers.llama_objects import LlamaObjects
from benchmarks.peers.llama_server import LlamaServer
from culturechat import catalogue, cultures, prompting
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.engines.llama_cpp import facts, prepared
from culturechat.engines.llama_cpp.quantizer import quantize

QUESTIONS = (
    "Write a long story about a family that moves to another country.",
    "Describe a wedding from the first preparations to the last guest leaving, in great detail.",
    "Tell the story of a village by the sea over a hundred years.",
    "Describe a day in the life of a teacher, hour by hour, in great detail.",
    "Write a long letter from a grandmother to her grandchildren about what matters in life.",
    "Explain in great detail how to cook a meal for twenty guests.",
)
"""The first warms everything up; answers run longer than what is measured."""

CONTEXT = 2048
PORT = 18431


def main(
    llama_cpp: Annotated[Path | None, typer.Option(help="Folder with llama-server and llama-bench.")] = None,
    tokens: int = 128,
) -> None:
    """Print the table."""
    base = catalogue.columns(["base"])[0]
    fast, _ = prepared.fastest(base.base_path, None)
    print(
        f"{facts.cores()} cores, load {os.getloadavg()[0]:.1f}, llama-cpp-python {metadata.version('llama-cpp-python')}"
    )
    print(f"{_cpu()}; {base.base_path.name} for the peers, {fast.name} for us where not said otherwise")
    with tempfile.TemporaryDirectory() as folder:
        adapters = adapters_like_shipped(Path(folder), len(cultures.names()))
        columns = [
            Column(name, cultures.load(name), "adapter", name, base.base_path, adapter)
            for name, adapter in zip(cultures.names(), adapters, strict=True)
        ]
        compare_nine(columns, base.base_path, adapters, tokens, llama_cpp)
        same = Path(folder) / "base-q8_0.gguf"
        quantize(base.base_path, same, "q8_0", facts.cores())
        print(f"\nall on the very same file, {same.name}")
        compare_nine([replace(one, base_path=same) for one in columns], same, adapters, tokens, llama_cpp)
        if llama_cpp:
            compare_single(same, llama_cpp)
    follow_ups(base)
    start(base)


def compare_nine(
    columns: Sequence[Column], base: Path, adapters: Sequence[Path], tokens: int, programs: Path | None
) -> None:
    """Nine cultures at once: total speed, first tokens, memory."""
    every: dict[str, Callable[[], Contestant]] = {
        "ours": lambda: Ours(columns),
        "ours, one adapter": lambda: Ours(
            [replace(column, form="one", adapter_path=adapters[0]) for column in columns]
        ),
        "(a) Llama objects": lambda: LlamaObjects(base, adapters, CONTEXT, max(1, facts.cores() // len(columns))),
    }
    if programs:
        every["(b) llama-server"] = lambda: LlamaServer(
            programs / "llama-server", base, adapters, CONTEXT, facts.cores(), PORT
        )
    prompts = [
        [prompting.chat(column.culture, Conversation().with_user(question)) for column in columns]
        for question in QUESTIONS
    ]
    rounds = measure(every, prompts, tokens)
    print(f"\n{len(columns)} columns, {tokens} tokens each{'':15} tok/s (min to max)      last first token  peak MB")
    for name, (those, peak) in rounds.items():
        speeds = [one.speed for one in those]
        waits = [max(one.first_tokens) for one in those if one.first_tokens]
        wait = f"{statistics.median(waits):.2f} s" if waits else "-"
        print(
            f"{name:40} {statistics.median(speeds):6.1f} ({min(speeds):5.1f} to {max(speeds):5.1f}) {wait:>18} "
            f"{peak / 1e6:8.0f}   {statistics.mean(one.tokens for one in those):.0f} tokens"
        )
    ours = statistics.median(one.speed for one in rounds["ours"][0])
    for name, (those, peak) in rounds.items():
        if name != "ours":
            ratio = ours / statistics.median(one.speed for one in those)
            print(f"ours / {name:33} {ratio:5.2f} × speed, {rounds['ours'][1] / peak:.2f} × memory")


def measure(
    every: dict[str, Callable[[], Contestant]], prompts: Sequence[Prompts], tokens: int
) -> dict[str, tuple[list[Round], int]]:
    """Return the rounds after the first of each contestant, taken in turn, and its peak memory in bytes."""
    contestants = {name: begin() for name, begin in every.items()}
    rounds: dict[str, list[Round]] = {name: [] for name in contestants}
    for seed, question in enumerate(prompts):
        for name, contestant in contestants.items():
            rounds[name].append(contestant.ask(question, tokens, seed))
    found = {name: (rounds[name][1:], peak_bytes(one.pids())) for name, one in contestants.items()}
    for contestant in contestants.values():
        contestant.close()
    return found


def compare_single(file: Path, programs: Path) -> None:
    """One column beside llama-bench on the very same file, in a format that is used as it is."""
    ours, ceiling = [], []
    contestant = Ours([Column("base", None, "base", "q8_0", file)])
    for seed, question in enumerate(QUESTIONS):
        began = contestant.ask([prompting.chat(None, Conversation().with_user(question))], 128, seed)
        ours.append((began.tokens - 1) / (began.seconds - began.first_tokens[0]))
        ceiling.append(bench(programs / "llama-bench", file, "-p", "0", "-n", "128"))
    contestant.close()
    mine, most = statistics.median(ours[1:]), statistics.median(ceiling[1:])
    print(f"\none column, decode: ours {mine:.1f} tok/s, llama-bench {most:.1f}, ratio {mine / most:.2f}")


def bench(program: Path, file: Path, *arguments: str) -> float:
    """Return llama-bench's tokens per second."""
    done = subprocess.run(
        [str(program), "-m", str(file), "-t", str(facts.cores()), "-r", "1", "-o", "json", *arguments],
        check=True,
        capture_output=True,
    )
    return float(json.loads(done.stdout)[0]["avg_ts"])


def follow_ups(base: Column) -> None:
    """First token of the fifth turn beside that of the first."""
    ratios = []
    contestant = Ours([base])
    for seed in range(6):
        conversation, waits = Conversation(), []
        for question in (QUESTIONS * 2)[:5]:
            conversation = conversation.with_user(question)
            one = contestant.ask([prompting.chat(None, conversation)], 48, seed)
            waits.append(one.first_tokens[0])
            conversation = conversation.with_answer(contestant.texts["base"])
        ratios.append(waits[4] / waits[0])
    contestant.close()
    print(f"\nfirst token of turn 5 / of turn 1: {statistics.median(ratios[1:]):.2f}")


def start(base: Column) -> None:
    """Seconds from starting the worker to the first token."""
    times = []
    for seed in range(6):
        began = time.perf_counter()
        contestant = Ours([base])
        contestant.ask([prompting.chat(None, Conversation().with_user("Hello"))], 1, seed)
        times.append(time.perf_counter() - began)
        contestant.close()
    print(f"worker start to first token: {statistics.median(times[1:]):.2f} s")


def adapters_like_shipped(folder: Path, count: int) -> list[Path]:
    """Write adapters of the shipped ones' shape and cost that hardly change what the model says."""
    shipped = next(card.path for card in catalogue.cards().values() if card.form == "adapter" and card.path)
    files = []
    for number in range(count):
        file = folder / f"adapter-{number}.gguf"
        shutil.copy(shipped, file)
        alpha = GGUFReader(file, "r+").fields["adapter.lora.alpha"]
        alpha.parts[alpha.data[0]][0] = 1e-4
        alpha.parts[alpha.data[0]].base.flush()
        files.append(file)
    return files


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text("utf-8").splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return "unknown CPU"


if __name__ == "__main__":
    typer.run(main)
