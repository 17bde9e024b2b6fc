"""What a step of training holds, and how fast each matrix learns; no weights are loaded."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from training import recipes

if TYPE_CHECKING:
    from training.steps.finetune import Target

pytestmark = [pytest.mark.xdist_group("torch")]

TRAINING = replace(recipes.load("tiny").training, steps=6, options_per_step=4, prose_per_step=1, replay_per_step=0)


def targets() -> list[Target]:
    from training.steps.finetune import Target

    options = [
        Target("option", [item, place], 1, [[7, 8]], [[0.5, 0.5]], f"{item}") for item in range(6) for place in (0, 1)
    ]
    return [*options, *(Target("prose", [90 + number], 0, [[7]], [[1.0]], f"{number}") for number in range(3))]


def test_processes_share_a_step() -> None:
    from training.steps.finetune import Steps

    alone, first, second = Steps(targets(), TRAINING, 1), *(Steps(targets(), TRAINING, 1, 2)[part] for part in (6, 7))
    assert sorted(map(repr, [*first.targets, *second.targets])) == sorted(map(repr, alone[3].whole))


def test_b_learns_as_many_times_faster_as_the_recipe_says(tmp_path: Path) -> None:
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import LlamaConfig, LlamaForCausalLM, TrainingArguments

    from training.steps import weights
    from training.steps.finetune import SharesTrainer

    weights.quiet()

    shape = LlamaConfig(vocab_size=16, hidden_size=8, intermediate_size=8, num_hidden_layers=1, num_attention_heads=2)
    model = get_peft_model(LlamaForCausalLM(shape), LoraConfig(r=2, target_modules=["q_proj"], task_type="CAUSAL_LM"))
    arguments = TrainingArguments(output_dir=str(tmp_path), learning_rate=1e-3, use_cpu=True, report_to="none")
    optimizer = SharesTrainer(faster_b=8.0, model=model, args=arguments).create_optimizer()
    rates = {id(matrix): group["lr"] for group in optimizer.param_groups for matrix in group["params"]}
    named = {name: rates[id(values)] for name, values in model.named_parameters() if values.requires_grad}
    assert {rate for name, rate in named.items() if "lora_A" in name} == {1e-3}
    assert {rate for name, rate in named.items() if "lora_B" in name} == {8e-3}
    assert isinstance(optimizer, torch.optim.AdamW)
