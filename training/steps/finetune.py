"""Trains a LoRA adapter with transformers' Trainer and peft, from the last checkpoint where there is one.

Knows nothing of GGUF adapters. Every target is a distribution over tokens: shares over option marks, a single token of
a prose answer, or what the base itself would say next; the loss is the cross-entropy to it less the target's own
entropy, so 0 is perfect.
"""

from __future__ import annotations

import csv
import json
import random
import shutil
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import accumulate, groupby
from pathlib import Path
from typing import Any

import torch
from matplotlib.figure import Figure
from peft import LoraConfig, get_peft_model, get_peft_model_state_dict, set_peft_model_state_dict
from peft.optimizers import create_loraplus_optimizer
from safetensors.torch import load_file, save_file
from torch.utils.data import Dataset, SequentialSampler
from tqdm import tqdm
from transformers import PrinterCallback, Trainer, TrainerCallback, TrainingArguments, set_seed

from culturechat import records
from culturechat.errors import BadFile
from training import processes, rows
from training.bases import Base
from training.recipes import Lora, Training
from training.rows import Row
from training.steps import together, weights
from training.steps.tree import forest
from training.steps.weights import Tokens
from training.workspace import Workspace

TEACHER_TOKENS = 24
"""Likeliest next tokens kept of the base's own distribution; they hold nearly all of its mass."""

_AT_ONCE = 10
"""Replay rows in one pass."""

KINDS = ("option", "prose", "replay")

_SHARDING = {"version": 2, "auto_wrap_policy": "TRANSFORMER_BASED_WRAP", "state_dict_type": "SHARDED_STATE_DICT"}
"""Each layer is split by itself, and each process writes its part of a checkpoint. Every process reads the whole base
first, because all of them read replay rows off it."""


@dataclass(frozen=True)
class Settings:
    """What an adapter follows from, beside its rows."""

    base: Base
    lora: Lora
    training: Training
    seed: int
    start: Workspace | None = None
    """Whose adapter it starts from; otherwise it starts as no change at all."""


@dataclass(frozen=True)
class Target:
    """What should come next at some places after a prompt."""

    kind: str
    tokens: list[int]
    """The prompt, and of an answer all but its last token."""
    first: int
    """From this token on a prediction is wanted."""
    ids: list[list[int]]
    """For each prediction the tokens that may come."""
    shares: list[list[float]]
    """For each prediction the share of each of `ids`."""
    group: str
    """Targets of one group follow each other, because their prompts begin alike."""


def run(workspace: Workspace, settings: Settings, made_from: str, name: str) -> str:
    """Train and write the adapter in peft's form; return how many rows were learnt and the last loss.

    Args:
        workspace: Where the rows are and the adapter goes.
        settings: On what, how, and from where.
        made_from: What the run depends on; checkpoints of another run are thrown away.
        name: What the progress bar says.
    """
    together.check()
    data = rows.read(workspace.dataset, Row)
    if settings.start and not settings.start.lora_weights.is_file():
        path = settings.start.lora_weights
        raise BadFile(path, "is not there. This recipe starts from it: take the step finetune, which makes it first.")
    last = _checkpoint(workspace.checkpoints, f"{made_from}-sharded" if processes.sharded() else made_from)
    arguments = _arguments(workspace, settings.training, settings.seed)
    set_seed(settings.seed)
    model = with_adapter(weights.load(settings.base), settings.base, settings.lora, settings.start)
    parts = arguments.world_size
    steps = Steps(targets_of(data, Tokens(settings.base), model), settings.training, settings.seed, parts)
    trainer = SharesTrainer(
        model=model,
        args=arguments,
        train_dataset=steps,
        data_collator=Collator(_weights(settings.training), parts),
        callbacks=[Progress(name)],
        faster_b=settings.training.faster_b,
    )
    trainer.remove_callback(PrinterCallback)
    trainer.train(resume_from_checkpoint=str(last) if last else None)
    matrices = together.trained(model)
    if not processes.rank():
        _write_losses(workspace.losses, trainer.state.log_history)
        _draw_losses(workspace.loss_picture, trainer.state.log_history, name)
        write_adapter(workspace, model, matrices)
        shutil.rmtree(workspace.checkpoints)
    return f"{len(data)} rows in, {settings.training.steps} steps, {_summary(trainer.state.log_history)}"


def with_adapter(model: Any, base: Base, lora: Lora, start: Workspace | None = None) -> Any:
    """Return the model with an adapter, which is all that will be trained.

    Args:
        model: The base.
        base: What it is.
        lora: The adapter's shape.
        start: Whose adapter it is at first; otherwise a fresh one, which changes nothing.

    Raises:
        BadFile: the adapter to start from has another shape.
    """
    shape = LoraConfig(
        r=lora.rank,
        lora_alpha=lora.alpha,
        use_rslora=lora.rslora,
        target_modules=list(base.targets),
        layers_to_transform=list(range(lora.first_layer, model.config.num_hidden_layers)) if lora.first_layer else None,
        task_type="CAUSAL_LM",
        base_model_name_or_path=base.id,
    )
    adapted = weights.keep_inputs(get_peft_model(model, shape))
    if start is not None:
        _begin_as(adapted, start.lora_weights)
    return adapted


def _begin_as(model: Any, path: Path) -> None:
    given = load_file(path)
    wanted = {name: tuple(values.shape) for name, values in get_peft_model_state_dict(model).items()}
    if {name: tuple(values.shape) for name, values in given.items()} != wanted:
        raise BadFile(path, "has another shape than this recipe asks for. Train it again with the same [lora] table.")
    set_peft_model_state_dict(model, given)


def write_adapter(workspace: Workspace, model: Any, matrices: dict[str, torch.Tensor]) -> None:
    """Write matrices and configuration as peft does, the configuration last."""
    source = workspace.checkpoints / "final"
    model.save_pretrained(source, state_dict=matrices)
    with records.replacing(workspace.lora_weights) as temporary:
        save_file(load_file(source / workspace.lora_weights.name), temporary)
    with records.replacing(workspace.lora_config) as temporary:
        values = json.loads((source / workspace.lora_config.name).read_text("utf-8"))
        values["target_modules"] = sorted(values["target_modules"])
        temporary.write_text(json.dumps(values, indent=1, sort_keys=True), "utf-8")


def targets_of(data: Sequence[Row], tokens: Tokens, model: Any) -> list[Target]:
    """Return what is to be predicted for each row; replay rows are read off the base before it changes."""
    targets = [_target(row, tokens) for row in data]
    replay = [target for target in targets if target.kind == "replay"]
    taught = [
        read for start in range(0, len(replay), _AT_ONCE) for read in _teach(replay[start : start + _AT_ONCE], model)
    ]
    return [target for target in targets if target.kind != "replay"] + taught


def _target(row: Row, tokens: Tokens) -> Target:
    prompt = tokens.prompt(row.messages)
    if row.kind == "option":
        marks, group = [tokens.mark(mark) for mark in row.marks], f"{row.culture}:{row.item}:{row.wording}"
        return Target(row.kind, prompt, len(prompt) - 1, [marks], [list(row.target)], group)
    answer = tokens.answer(row.answer, row.ended)
    ids, shares = [[token] for token in answer], [[1.0] for _ in answer]
    return Target(row.kind, [*prompt, *answer[:-1]], len(prompt) - 1, ids, shares, f"{row.item}:{row.answer}")


@torch.no_grad()
def _teach(targets: Sequence[Target], model: Any) -> list[Target]:
    """Return the targets with the base's own distribution in place of the one token it wrote."""
    with model.disable_adapter():
        best = weights.log_probabilities(model, _read([[target] for target in targets])).exp().topk(TEACHER_TOKENS)
    shares = best.values / best.values.sum(-1, keepdim=True)
    ends = list(accumulate(len(target.ids) for target in targets))
    return [
        replace(target, ids=best.indices[start:end].tolist(), shares=shares[start:end].tolist())
        for target, start, end in zip(targets, [0, *ends], ends, strict=False)
    ]


def _read(groups: Sequence[Sequence[Target]]) -> dict[str, torch.Tensor]:
    """Return the model's arguments for all targets, whose predictions come in their order."""
    trees, places = forest([[target.tokens for target in group] for group in groups])
    wanted = [
        (row, node)
        for group, group_places in zip(groups, places, strict=True)
        for target, (row, path) in zip(group, group_places, strict=True)
        for node in path[target.first :]
    ]
    return weights.as_tensors(trees, wanted)


@dataclass(frozen=True)
class Part:
    """What one process learns in one step."""

    targets: list[Target]
    whole: list[Target]
    """What all processes learn in it."""


class Steps(Dataset[Part]):
    """What each step learns, fixed by the seed alone, so that a resumed run goes on where it stood.

    With several processes the parts of a step follow each other; each process is given its own.
    """

    def __init__(self, targets: Sequence[Target], training: Training, seed: int, parts: int = 1) -> None:
        counts = (training.options_per_step, training.prose_per_step, training.replay_per_step)
        streams = [
            _endless([target for target in targets if target.kind == kind], count, random.Random(f"{seed}:{kind}"))
            for kind, count in zip(KINDS, counts, strict=True)
        ]
        self._steps = [[target for stream in streams for target in next(stream)] for _ in range(training.steps)]
        self._parts = parts

    def __len__(self) -> int:
        return len(self._steps) * self._parts

    def __getitem__(self, index: int) -> Part:
        step, part = divmod(index, self._parts)
        return Part(self._steps[step][part :: self._parts], self._steps[step])


def _endless(targets: Sequence[Target], count: int, chance: random.Random) -> Iterator[list[Target]]:
    """Return `count` targets a step, shuffled anew each round; targets of one group stay together."""
    groups = [list(group) for _, group in groupby(targets, key=lambda target: target.group)]
    waiting: list[Target] = []
    while True:
        while groups and len(waiting) < count:
            for group in chance.sample(groups, len(groups)):
                waiting += group
        yield waiting[:count]
        waiting = waiting[count:]


@dataclass(frozen=True)
class Collator:
    """Makes one step's targets a few token trees."""

    weights: dict[str, float]
    """What each kind counts."""
    processes: int = 1
    """How many share a step."""

    def __call__(self, batch: list[Part]) -> dict[str, torch.Tensor]:
        """Return the model's arguments, and for each prediction its target, weight and kind."""
        (part,) = batch
        targets = part.targets or part.whole[:1]  # with fewer targets than processes one is read for nothing
        groups = [list(group) for _, group in groupby(targets, key=lambda target: target.group)]
        width = max(len(ids) for target in targets for ids in target.ids)
        counts = Counter(target.kind for target in part.whole)
        scale = self.processes * bool(part.targets)  # gradients of processes are averaged, not summed
        return _read(groups) | {
            "ids": torch.tensor([_padded(ids, width, 0) for target in targets for ids in target.ids]),
            "shares": torch.tensor([_padded(row, width, 0.0) for target in targets for row in target.shares]),
            "parts": torch.tensor([scale / len(t.ids) / counts[t.kind] for t in targets for _ in t.ids]),
            "weights": torch.tensor([self.weights[target.kind] for target in targets for _ in target.ids]),
            "kinds": torch.tensor([KINDS.index(target.kind) for target in targets for _ in target.ids]),
        }


class SharesTrainer(Trainer):  # type: ignore[misc]
    """A Trainer whose targets are distributions over tokens and whose batches are token trees."""

    def __init__(self, faster_b: float, **arguments: Any) -> None:
        self._faster_b = faster_b
        super().__init__(**arguments)
        self._sums = [0.0] * len(KINDS)
        self._steps = 0

    def compute_loss(self, model: Any, inputs: dict[str, torch.Tensor], *_: object, **__: object) -> torch.Tensor:
        """Return the weighted divergence of the predictions from their targets, in nats."""
        predicted = weights.log_probabilities(model, inputs)
        chosen = predicted.gather(1, inputs["ids"])
        divergence = (torch.xlogy(inputs["shares"], inputs["shares"]) - inputs["shares"] * chosen).sum(-1)
        parts = divergence * inputs["parts"]
        self._remember(parts.detach(), inputs["kinds"])
        return (parts * inputs["weights"]).sum()

    def create_optimizer(self, model: Any = None) -> Any:
        """Return AdamW with a higher rate for the matrices B, which start at zero: LoRA+ (arXiv 2402.12354)."""
        self.optimizer: Any = create_loraplus_optimizer(
            model or self.model,
            torch.optim.AdamW,
            lr=self.args.learning_rate,
            loraplus_lr_ratio=self._faster_b,
            betas=(self.args.adam_beta1, self.args.adam_beta2),
        )
        # torch cannot read the state of a split optimizer that has groups of nothing
        self.optimizer.param_groups = [group for group in self.optimizer.param_groups if group["params"]]
        return self.optimizer

    def log(self, logs: dict[str, float], *arguments: Any, **named: Any) -> None:
        """Add the mean loss of each kind since the last log."""
        if not self._steps:
            super().log(logs, *arguments, **named)
            return
        sums = torch.tensor([self._sums], device=self.args.device)
        totals = self.accelerator.gather(sums).mean(0).tolist()
        means = {kind: round(total / self._steps, 5) for kind, total in zip(KINDS, totals, strict=True) if total}
        self._sums, self._steps = [0.0] * len(KINDS), 0
        super().log({**logs, **means}, *arguments, **named)

    def _remember(self, parts: torch.Tensor, kinds: torch.Tensor) -> None:
        self._steps += 1
        for index in range(len(KINDS)):
            self._sums[index] += float(parts[kinds == index].sum())

    def _save_rng_state(self, output_dir: str) -> None:
        """Keep no state of chance: there is none, and a killed process would leave half a file behind."""

    def _get_train_sampler(self, *_: object) -> SequentialSampler:
        assert self.train_dataset is not None
        return SequentialSampler(self.train_dataset)


class Progress(TrainerCallback):  # type: ignore[misc]
    """One bar with the time left and the losses."""

    def __init__(self, name: str) -> None:
        self._name = name
        self._bar: Any = None

    def on_train_begin(self, _arguments: Any, state: Any, _control: Any, **_: Any) -> None:
        """Open the bar where the run stands, in the first process."""
        hidden = not state.is_world_process_zero
        self._bar = tqdm(total=state.max_steps, initial=state.global_step, desc=self._name, unit="step", disable=hidden)

    def on_step_end(self, _arguments: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Move the bar."""
        self._bar.update()

    def on_log(self, _arguments: Any, _state: Any, _control: Any, logs: Any = None, **_: Any) -> None:
        """Show the losses."""
        self._bar.set_postfix({kind: logs[kind] for kind in KINDS if kind in (logs or {})})

    def on_train_end(self, _arguments: Any, _state: Any, _control: Any, **_: Any) -> None:
        """Close the bar."""
        self._bar.close()


def _arguments(workspace: Workspace, training: Training, seed: int) -> TrainingArguments:
    return TrainingArguments(
        output_dir=str(workspace.checkpoints),
        max_steps=training.steps,
        per_device_train_batch_size=1,
        learning_rate=training.learning_rate,
        lr_scheduler_type="cosine",
        warmup_steps=training.warmup_steps,
        adam_beta2=0.99,
        save_steps=training.checkpoint_every,
        save_total_limit=2,
        logging_steps=max(1, min(10, training.steps // 20)),
        seed=seed,
        disable_tqdm=True,
        logging_nan_inf_filter=False,
        report_to="none",
        remove_unused_columns=False,
        use_cpu=together.on_cpus(),
        **({"fsdp": True, "fsdp_config": dict(_SHARDING)} if processes.sharded() else {}),
    )


def _checkpoint(folder: Path, made_from: str) -> Path | None:
    """Return the newest whole checkpoint of this very run; the first process throws away all that is none."""
    if not processes.rank():
        _keep_whole(folder, made_from)
    processes.wait()
    return max(folder.glob("checkpoint-*"), key=lambda path: int(path.name.rpartition("-")[2]), default=None)


def _keep_whole(folder: Path, made_from: str) -> None:
    origin = folder / "made_from"
    if not origin.is_file() or origin.read_text("utf-8") != made_from:
        shutil.rmtree(folder, ignore_errors=True)
        with records.replacing(origin) as temporary:
            temporary.write_text(made_from, "utf-8")
    for checkpoint in folder.glob("checkpoint-*"):
        try:
            json.loads((checkpoint / "trainer_state.json").read_text("utf-8"))  # the last file that is written
        except (OSError, ValueError):
            shutil.rmtree(checkpoint)


def _write_losses(path: Path, history: Sequence[dict[str, float]]) -> None:
    with records.replacing(path) as temporary, temporary.open("w", encoding="utf-8", newline="") as file:
        writer = csv.DictWriter(file, ["step", *KINDS, "learning_rate"], extrasaction="ignore", lineterminator="\n")
        writer.writeheader()
        writer.writerows(entry for entry in history if "learning_rate" in entry)


def _draw_losses(path: Path, history: Sequence[dict[str, float]], name: str) -> None:
    entries = [entry for entry in history if "learning_rate" in entry]
    figure = Figure(figsize=(7, 4), layout="constrained")
    axes = figure.subplots()
    for kind in KINDS:
        axes.plot([e["step"] for e in entries if kind in e], [e[kind] for e in entries if kind in e], label=kind)
    axes.set(title=name, xlabel="step", ylabel="divergence from the targets, nats", yscale="log")
    axes.legend()
    with records.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})


def _summary(history: Sequence[dict[str, float]]) -> str:
    last = next((entry for entry in reversed(history) if "learning_rate" in entry), {})
    return "last losses " + ", ".join(f"{kind} {last[kind]:.3f}" for kind in KINDS if kind in last)


def _weights(training: Training) -> dict[str, float]:
    return {"option": 1.0, "prose": training.prose_weight, "replay": training.replay_weight}


def _padded(values: Sequence[Any], width: int, filler: Any) -> list[Any]:
    return [*values, *([filler] * (width - len(values)))]
