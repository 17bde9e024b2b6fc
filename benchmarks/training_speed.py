"""How many rows a second are learnt, beside the reference's settings: `python -m benchmarks.training_speed`.

Both learn the same option rows of the Korean data set of recipe `default` on the embedded base, in turn, with the same
threads. The peer is transformers' Trainer as CultureLLM's reference code sets it up: 32-bit floats, four padded rows a
step, logits at every place, LoRA of rank 64 on peft's default layers with dropout 0.1. Ours are the trainer and shape
of the recipe. A run's first two steps are not counted. Prose and replay are left out on both sides.
"""

from __future__ import annotations

import os
import random
import tempfile
from collections.abc import Callable, Sequence
from dataclasses import replace
from pathlib import Path
from statistics import median
from time import monotonic
from typing import Any

import torch
from peft import LoraConfig, get_peft_model
from torch.nn.utils.rnn import pad_sequence
from transformers import AutoModelForCausalLM, GgufConfig, Trainer, TrainerCallback, TrainingArguments

from culturechat import cultures
from culturechat.engines.llama_cpp import facts
from culturechat.probing import banks
from training import bases, recipes
from training.rows import Row
from training.steps import dataset, finetune, seeds, weights
from training.steps.weights import Tokens

RUNS, STEPS, UNCOUNTED = 3, 12, 2
PEER_ROWS = 4


class Clock(TrainerCallback):  # type: ignore[misc]
    """Notes when each step ended."""

    def __init__(self) -> None:
        self.ends: list[float] = []

    def on_step_end(self, *_: Any, **__: Any) -> None:
        """Note the time."""
        self.ends.append(monotonic())

    def rows_per_second(self, rows: int) -> float:
        """Return the rate, where each step held so many rows."""
        return rows * (len(self.ends) - UNCOUNTED) / (self.ends[-1] - self.ends[UNCOUNTED - 1])


def main() -> None:
    """Print the median rates and their ratio."""
    base, recipe = bases.load("smollm2-135m"), recipes.load("default")
    bank, _ = banks.load()
    given = seeds.asked(cultures.load("korean"), recipe, bank)
    rows = [row for row in dataset.build(given, [], recipe.data, bank, 1) if row.kind == "option"]
    tokens = Tokens(base)
    print(
        f"{facts.cores()} cores, load {os.getloadavg()[0]:.1f}, torch {torch.__version__}, "
        f"{torch.get_num_threads()} threads, ours in {weights.number_type()}, {facts.cpu_features()}"
    )
    peer, own = as_the_reference(base, rows, tokens), as_ours(base, recipe, rows, tokens)
    rates = [(peer(run), own(run)) for run in range(RUNS)]
    print(f"reference settings  {median(first for first, _ in rates):6.2f} rows/s")
    print(f"recipe default      {median(second for _, second in rates):6.2f} rows/s")
    print(f"ratio               {median(second / first for first, second in rates):6.2f} (runs: {RUNS}; target 2)")


def as_the_reference(base: bases.Base, rows: Sequence[Row], tokens: Tokens) -> Callable[[int], float]:
    """Return what trains some steps with the reference's settings and tells the rate."""
    weights.quiet()
    model = AutoModelForCausalLM.from_pretrained(
        base.path.parent,
        gguf_file=base.path.name,
        quantization_config=GgufConfig(dequantize=True),
        dtype=torch.float32,
    )
    model = get_peft_model(model, LoraConfig(r=64, lora_alpha=16, lora_dropout=0.1, task_type="CAUSAL_LM"))

    def train(seed: int) -> float:
        chosen = random.Random(seed).sample(list(rows), PEER_ROWS * STEPS)
        made = [encoded(row, tokens) for row in chosen]
        return _timed(Trainer, PEER_ROWS, model=model, train_dataset=made, data_collator=padded, args_of={})

    return train


def as_ours(base: bases.Base, recipe: recipes.Recipe, rows: Sequence[Row], tokens: Tokens) -> Callable[[int], float]:
    """Return what trains some steps of the recipe and tells the rate."""
    training = replace(recipe.training, steps=STEPS, prose_per_step=0, replay_per_step=0)
    model = finetune.with_adapter(weights.load(base), base, recipe.lora)
    targets = finetune.targets_of(rows, tokens, model)

    def train(seed: int) -> float:
        steps = finetune.Steps(targets, training, seed)
        collator = finetune.Collator({"option": 1.0, "prose": 1.0, "replay": 1.0})
        return _timed(
            finetune.SharesTrainer,
            training.options_per_step,
            model=model,
            train_dataset=steps,
            data_collator=collator,
            faster_b=training.faster_b,
            args_of={"per_device_train_batch_size": 1},
        )

    return train


def _timed(trainer: type[Trainer], rows: int, args_of: dict[str, Any], **arguments: Any) -> float:
    clock = Clock()
    with tempfile.TemporaryDirectory() as folder:
        settings = {
            "per_device_train_batch_size": rows,
            "max_steps": STEPS,
            "learning_rate": 2e-4,
            "save_strategy": "no",
            "report_to": "none",
            "disable_tqdm": True,
            "logging_strategy": "no",
            "remove_unused_columns": False,
            **args_of,
        }
        trainer(args=TrainingArguments(output_dir=Path(folder), **settings), callbacks=[clock], **arguments).train()
    return clock.rows_per_second(rows)


def encoded(row: Row, tokens: Tokens) -> dict[str, torch.Tensor]:
    """Return a prompt with its likeliest mark, of which alone the loss is taken."""
    prompt = tokens.prompt(row.messages)
    answer = tokens.mark(row.marks[max(range(len(row.marks)), key=lambda place: row.target[place])])
    return {
        "input_ids": torch.tensor([*prompt, answer]),
        "labels": torch.tensor([*[-100] * len(prompt), answer]),
    }


def padded(batch: Sequence[dict[str, torch.Tensor]]) -> dict[str, torch.Tensor]:
    """Return rows of one length."""
    ids = [row["input_ids"] for row in batch]
    return {
        "input_ids": pad_sequence(ids, batch_first=True),
        "attention_mask": pad_sequence([torch.ones_like(row) for row in ids], batch_first=True),
        "labels": pad_sequence([row["labels"] for row in batch], batch_first=True, padding_value=-100),
    }


if __name__ == "__main__":
    main()
