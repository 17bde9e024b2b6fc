"""How fast a survey is put to one model, beside its peers: `python -m benchmarks.probe_speed [--llama-cpp FOLDER] [--lm-eval PROGRAM]`.

The whole bank in four orders (336 prompts), option probabilities from logits, on the embedded default: our engine in
the form the app chooses, and on one very same Q8_0 file our engine beside `llama-bench` (tokens really computed per
second); the high-level `Llama` with logprobs; lm-evaluation-harness with transformers in float32 and bfloat16. The peers
answer the first prompts of the bank only (--peer-prompts), because they take minutes; what counts is prompts per second.
"""  # noqa: E501

from __future__ import annotations

import json
import os
import statistics
import subprocess
import tempfile
import time
from collections.abc import Callable, Sequence
from importlib import metadata
from math import exp
from pathlib import Path
from typing import Annotated, Any

import typer

from benchmarks.engine import bench
from culturechat import catalogue, survey
from culturechat.catalogue import Column
from culturechat.engines import Choice
from culturechat.engines.llama_cpp import facts
from culturechat.engines.llama_cpp.client import LlamaCpp
from culturechat.engines.llama_cpp.native import Context, Model
from culturechat.engines.llama_cpp.quantizer import quantize
from culturechat.engines.llama_cpp.scoring import GROUP_TOKENS, SEQUENCES, Scorer
from culturechat.engines.llama_cpp.seat import Seat
from culturechat.probing import Plan, lm_eval
from culturechat.probing.stream import blocks, checked

ROUNDS = 5
ORDERS = 4


def main(
    llama_cpp: Annotated[Path | None, typer.Option(help="Folder with llama-bench.")] = None,
    lm_eval_program: Annotated[Path | None, typer.Option("--lm-eval", help="The program lm_eval.")] = None,
    peer_prompts: int = 48,
) -> None:
    """Print the figures."""
    print(
        f"{facts.cores()} cores, load {os.getloadavg()[0]:.1f}, llama-cpp-python {metadata.version('llama-cpp-python')}"
    )
    bank, plan = survey.load(), Plan(ORDERS)
    base = catalogue.columns(["base"])[0]
    asked = [
        [choice for question in block for choice in plan.choices(base, question)]
        for block in blocks(checked(bank, None), plan)
    ]
    every = [choice for block in asked for choice in block]
    speeds: dict[str, list[float]] = {}
    with tempfile.TemporaryDirectory() as folder:
        wide = Path(folder) / "base-q8_0.gguf"
        quantize(base.base_path, wide, "q8_0", facts.cores())
        chosen = opened(base)
        same = opened(Column("base", None, "base", "q8_0", wide))
        runs: dict[str, Callable[[], float]] = {
            "ours, as the app chooses": lambda: len(every) / seconds(chosen, asked),
            "ours, on Q8_0": lambda: len(every) / seconds(same, asked),
        }
        if llama_cpp:
            runs["llama-bench, on Q8_0 (tokens/s)"] = lambda: bench(
                llama_cpp / "llama-bench", wide, "-p", str(GROUP_TOKENS), "-n", "0", "-b", str(GROUP_TOKENS),
                "-ub", str(GROUP_TOKENS),
            )  # fmt: skip
        for _ in range(ROUNDS):
            for name, run in runs.items():
                speeds.setdefault(name, []).append(run())
        computed = computed_tokens(wide, asked)
        mine = dict(zip(every, score_all(chosen, asked), strict=True))
        chosen.close()
        same.close()
        few = every[:: len(every) // peer_prompts][:peer_prompts]
        speed, shares = high_level(base.base_path, few)
        speeds["Llama with logprobs, on the file as shipped"] = [speed]
        if lm_eval_program:
            weights = huggingface(base.base_path, Path(folder) / "hf")
            for dtype in ("float32", "bfloat16"):
                speeds[f"lm-eval, transformers {dtype}"] = [
                    harness(lm_eval_program, weights, Path(folder) / f"tasks-{dtype}", dtype, peer_prompts)
                ]
    medians = {name: statistics.median(values) for name, values in speeds.items()}
    print(f"{len(every)} prompts, {computed} tokens computed of {sum_of_tokens(base.base_path, every)} in the prompts")
    ours = medians["ours, as the app chooses"]
    for name, values in speeds.items():
        ratio = "" if "tokens/s" in name else f"   ours / this: {ours / medians[name]:.2f}"
        print(f"{name:45} {medians[name]:8.1f} /s ({min(values):.1f} to {max(values):.1f}){ratio}")
    if llama_cpp:
        rate = medians["ours, on Q8_0"] / len(every) * computed
        most = medians["llama-bench, on Q8_0 (tokens/s)"]
        print(f"ours on Q8_0: {rate:.0f} tokens/s really computed, {rate / most:.2f} of llama-bench's prefill")
    worst = [
        max(abs(p - q) for p, q in zip(theirs, mine[choice], strict=True))
        for choice, theirs in zip(few, shares, strict=True)
        if theirs
    ]
    mean = statistics.mean(worst)
    print(f"option probabilities, ours and Llama's: {max(worst):.3f} apart at most, {mean:.3f} on average")


def opened(column: Column) -> LlamaCpp:
    """Return an engine with this column open."""
    engine = LlamaCpp()
    engine.open([column])
    return engine


def score_all(engine: LlamaCpp, asked: Sequence[Sequence[Choice]]) -> list[tuple[float, ...]]:
    """Return the probabilities of every prompt's options, asked in blocks as a probe asks them."""
    return [scores.probabilities for block in asked for scores in engine.score("base", block)]


def seconds(engine: LlamaCpp, asked: Sequence[Sequence[Choice]]) -> float:
    """Return how long the whole bank takes."""
    began = time.perf_counter()
    score_all(engine, asked)
    return time.perf_counter() - began


def computed_tokens(file: Path, asked: Sequence[Sequence[Choice]]) -> int:
    """Return how many tokens the engine reads for the whole bank; what prompts share is read once."""
    model = Model(str(file))
    context = Context(model, 2048, sequences=SEQUENCES, shared=True, batch_tokens=GROUP_TOKENS)
    context.use_threads(facts.cores())
    seat, scorer = Seat(context, 0, 2048), Scorer(context, 2048)
    for block in asked:
        list(scorer.score([seat.tokens(choice) for choice in block]))
    return scorer.computed


def sum_of_tokens(file: Path, choices: Sequence[Choice]) -> int:
    """Return the tokens of all prompts."""
    seat = Seat(Context(Model(str(file)), 256), 0, 256)
    return sum(len(seat.tokens(choice).prompt) for choice in choices)


def high_level(file: Path, choices: Sequence[Choice]) -> tuple[float, list[tuple[float, ...] | None]]:
    """Return prompts per second of the usual way in Python, and the options' probabilities where all are reported."""
    from llama_cpp import Llama

    model = Llama(str(file), n_ctx=2048, logits_all=True, n_threads=facts.cores(), verbose=False)
    found: list[tuple[float, ...] | None] = []
    began = time.perf_counter()
    for choice in choices:
        messages: Any = [{"role": message.role, "content": message.text} for message in choice.messages]
        answer: Any = model.create_chat_completion(
            messages, max_tokens=1, temperature=0, logprobs=True, top_logprobs=50
        )
        top = {one["token"]: one["logprob"] for one in answer["choices"][0]["logprobs"]["content"][0]["top_logprobs"]}
        given = [exp(top[option]) for option in choice.options if option in top]
        found.append(tuple(p / sum(given) for p in given) if len(given) == len(choice.options) else None)
    return len(choices) / (time.perf_counter() - began), found


def huggingface(file: Path, folder: Path) -> Path:
    """Write the same weights as a Hugging Face folder."""
    import torch
    import transformers

    how: dict[str, Any] = {"gguf_file": file.name, "dtype": torch.float32}
    how["quantization_config"] = transformers.GgufConfig(dequantize=True)
    transformers.AutoModelForCausalLM.from_pretrained(file.parent, **how).save_pretrained(folder)
    transformers.AutoTokenizer.from_pretrained(file.parent, gguf_file=file.name).save_pretrained(folder)
    config = json.loads((folder / "config.json").read_text("utf-8"))
    config.pop("quantization_config", None)
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    return folder


def harness(program: Path, weights: Path, tasks: Path, dtype: str, prompts: int) -> float:
    """Return prompts per second of lm-evaluation-harness, the loading of the model left out."""
    bank = survey.load()
    lm_eval.export(tasks, ["base"], bank, list(bank.questions), Plan(ORDERS))

    def run(limit: int) -> float:
        began = time.perf_counter()
        subprocess.run(
            [str(program), "--model", "hf", "--model_args", f"pretrained={weights},dtype={dtype}", "--tasks",
             "culturechat_base", "--include_path", str(tasks), "--apply_chat_template", "--batch_size", "16",
             "--device", "cpu", "--limit", str(limit)],
            check=True, capture_output=True, env={**os.environ, "HF_HUB_OFFLINE": "1", "HF_DATASETS_OFFLINE": "1"},
        )  # fmt: skip
        return time.perf_counter() - began

    return prompts / (run(prompts + 8) - run(8))


if __name__ == "__main__":
    typer.run(main)
