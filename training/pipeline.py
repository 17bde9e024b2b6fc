"""Runs the steps in order and skips what is already there, made from the same. Knows nothing of what they do."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict, dataclass, field
from functools import cache
from pathlib import Path
from time import monotonic
from typing import Any

from culturechat import cultures, paths, records, survey
from culturechat.catalogue import ONE
from culturechat.errors import UsageError
from culturechat.probing import banks
from culturechat.probing.run import Source
from culturechat.survey import Bank
from training import bases, processes, recipes, speaker
from training.bases import Base
from training.recipes import Recipe, Training
from training.speaker import COMMON, Speaker
from training.workspace import Workspace

SHARED_OUT = "finetune"
"""The step that several processes take together."""

TYPES = ("q4_0", "q4_k_m", "q8_0", "bf16")
"""Number formats that a merged model is written in unless others are asked for."""


@dataclass(frozen=True)
class Job:
    """One adapter to train, and with what."""

    speaker: Speaker
    """Whose answers it learns."""
    base: Base
    recipe: Recipe
    seed: int
    workspace: Workspace
    models: Path
    """The models folder that `publish` writes to."""
    bank: Bank
    source: Source = field(default_factory=Source)
    """Where the bank's shares come from."""
    survey_file: Path | None = None
    """The survey's own file, where the shares were read from one."""
    fold: int = 0
    """The part of the questions that is left out to test on; 0 leaves out none."""

    types: tuple[str, ...] = TYPES
    """Number formats that `quantize` writes."""

    @property
    def training(self) -> Training:
        """How it is trained."""
        own = {COMMON: self.recipe.common, ONE: self.recipe.one}
        return own.get(self.speaker.id) or self.recipe.training

    @property
    def start(self) -> Workspace | None:
        """Whose adapter it starts from, if from any."""
        return self.workspace.sibling(COMMON) if self.recipe.common and self.speaker.id != COMMON else None


@dataclass(frozen=True)
class Step:
    """One step: what it leaves and what that depends on."""

    run: Callable[[Job], str]
    leaves: Callable[[Job], tuple[Path, ...]]
    """Its artefacts; the step is done when all are there."""
    depends: Callable[[Job], Mapping[str, Any]]
    """Settings that its artefacts follow from."""
    reads: Callable[[Job], tuple[Path, ...]]
    """Files that its artefacts follow from."""
    asked: bool = False
    """Whether it is taken only when it is named; what is chatted with needs none of these."""
    shared: bool = False
    """Whether all cultures of a run have its artefacts in common, so that it is taken once for all."""


def jobs(
    names: Iterable[str],
    base: str,
    recipe: str,
    seed: int,
    runs: Path,
    models: Path | None = None,
    survey_file: Path | None = None,
    one: bool = False,
    fold: int = 0,
    types: Iterable[str] = TYPES,
) -> list[Job]:
    """Return a job for each culture; `all` stands for every culture there is.

    Args:
        names: Cultures; `common` is the start of all adapters alone, where the recipe has one.
        base: What is trained on.
        recipe: How.
        seed: Start of all chance.
        runs: Where the workspaces lie.
        models: Where `publish` writes.
        survey_file: The survey's own; people's answers are then read from there and not from the shipped figures.
        one: Whether an adapter of all these cultures together is trained too, before the others.
        fold: The part of the questions that is left out of training, from 1 to 5; 0 leaves out none.
        types: Number formats that `quantize` writes.

    Raises:
        UsageError: a culture, base or recipe is unknown.
        BadFile: the survey file is missing or wrong; line and column are named.
    """
    given = list(dict.fromkeys(names))
    chosen_base, chosen_recipe = bases.load(base), recipes.load(recipe)
    begun = [speaker.of_everyone()] if chosen_recipe.common else []
    named = [name for name in given if not (begun and name == COMMON)]
    chosen = [cultures.load(name) for name in (cultures.names() if named == ["all"] else named)]
    bank, source = _bank(survey_file, survey_file.stat().st_mtime_ns if survey_file and survey_file.exists() else 0)
    of_all = [speaker.of_all(chosen)] if one else []
    return [
        Job(
            who,
            chosen_base,
            chosen_recipe,
            seed,
            Workspace.of(runs, chosen_base.id, chosen_recipe.id, seed, who.id, survey_file, fold),
            models or paths.shipped_models(),
            bank,
            source,
            survey_file,
            fold,
            tuple(types),
        )
        for who in (*begun, *of_all, *map(speaker.of, chosen))
    ]


@cache
def _bank(survey_file: Path | None, _changed: int) -> tuple[Bank, Source]:
    """Read the survey once for all cells of a grid, and again when its file has changed."""
    return banks.load(survey_file=survey_file)


def run(job: Job, names: Iterable[str] | None = None, again: bool = False) -> None:
    """Take the steps in order and print a line for each.

    Under `accelerate launch` all processes share the training; every other step is taken by the first alone.

    Args:
        job: What is trained.
        names: Steps to take; the others are neither run nor checked. By default all that need not be asked for.
        again: Also run a step that is done.
    """
    for name in steps_of(job, names or WHOLE):
        if name != SHARED_OUT and processes.rank():
            continue
        if name == SHARED_OUT:
            processes.wait()
        step, made_from = STEPS[name], fingerprint(job, name)
        if not again and is_done(job, name, made_from):
            if not processes.rank():
                _say(job, name, "nothing to do")
            continue
        started = monotonic()
        result = step.run(job)
        if processes.rank():
            continue
        _remember(_memory(job, name), name, made_from)
        _say(job, name, f"{result} ({monotonic() - started:.1f} s)")


def steps_of(job: Job, names: Iterable[str]) -> list[str]:
    """Return which of these steps a job takes: the start of all adapters is trained, and nothing else."""
    return [name for name in names if job.speaker.id != COMMON or name in START]


def downstream(job: Job, folder: Path, texts: int) -> None:
    """Score a culture's models on the public test sets in a folder and print the means; see `steps.downstream`.

    The adapter of all cultures has no sets of its own: it is scored on each culture's, beside the others.
    """
    if job.speaker.id in (ONE, COMMON):
        return
    from training.steps import downstream

    def say(line: str) -> None:
        _say(job, "test sets", line)

    say(downstream.run(job.workspace, job.speaker.cultures[0], job.base, folder, texts, job.seed, say=say))


def matrix(jobs: Iterable[Job]) -> str:
    """Set the adapters of several cultures beside all their people, in wordings that training has not seen.

    Raises:
        UsageError: there are fewer than two cultures.
        BadFile: one of them was not evaluated yet.
    """
    from training.steps import matrix

    single = [job for job in jobs if job.speaker.id not in (ONE, COMMON)]
    if len(single) < 2:
        raise UsageError("A matrix needs two cultures or more: name them with --cultures, or use --cultures all.")
    wording = "restated" if single[0].recipe.data.held_back_wordings else "canonical"
    return matrix.run({job.speaker.id: job.workspace for job in single}, single[0].bank, wording)


def is_done(job: Job, name: str, made_from: str) -> bool:
    """Return whether the step's artefacts are there and were made from just this."""
    there = all(path.is_file() for path in STEPS[name].leaves(job))
    return there and _remembered(_memory(job, name)).get(name) == made_from


def fingerprint(job: Job, name: str) -> str:
    """Return a short text that changes with anything the step's artefacts follow from."""
    step = STEPS[name]
    files = {path.name: _hash_of(path) for path in step.reads(job)}
    values = json.dumps({"settings": step.depends(job), "files": files}, sort_keys=True, default=str)
    return hashlib.sha256(values.encode()).hexdigest()[:16]


def _hash_of(path: Path) -> str:
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def _memory(job: Job, name: str) -> Path:
    return job.workspace.run.fingerprints if STEPS[name].shared else job.workspace.fingerprints


def _remembered(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


def _remember(memory: Path, name: str, made_from: str) -> None:
    known = {**_remembered(memory), name: made_from}
    with records.replacing(memory) as temporary:
        temporary.write_text(json.dumps(known, indent=1), "utf-8")


def _say(job: Job, name: str, text: str) -> None:
    print(f"{job.speaker.id:<12}{name:<10}{text}", flush=True)


def _prompts(job: Job) -> dict[str, str]:
    return {culture.id: culture.prompt.english for culture in job.speaker.cultures}


def _question_files(_: Job) -> tuple[Path, ...]:
    return tuple(survey.FOLDER / name for name in ("questions.toml", "scales.toml"))


def _bank_files(job: Job) -> tuple[Path, ...]:
    return (*_question_files(job), job.survey_file or survey.FOLDER / "shares.csv")


def _seeds(job: Job) -> str:
    from training.steps import seeds

    return seeds.run(job.workspace, job.speaker.cultures, job.recipe, job.bank, job.source.notes, job.fold)


def _augment(job: Job) -> str:
    from training.steps import augment

    return augment.run(job.workspace, job.base, job.recipe, job.bank, job.seed, fingerprint(job, "augment"))


def _replies(job: Job) -> str:
    from training.steps import replies

    return replies.run(job.workspace, job.speaker.cultures, job.base, job.recipe)


def _dataset(job: Job) -> str:
    from training.steps import dataset

    return dataset.run(job.workspace, job.recipe, job.bank, job.seed)


def _finetune(job: Job) -> str:
    from training.steps import finetune

    made_from = fingerprint(job, "finetune")
    settings = finetune.Settings(job.base, job.recipe.lora, job.training, job.seed, job.start)
    return finetune.run(job.workspace, settings, made_from, job.speaker.id)


def _adapter(job: Job) -> str:
    from training.steps import adapter

    return adapter.run(job.workspace, job.speaker, job.base, job.source.people)


def _merge(job: Job) -> str:
    from training.steps import merge

    return merge.run(job.workspace, job.base)


def _quantize(job: Job) -> str:
    from training.steps import quantize

    return quantize.run(job.workspace, job.types)


def _parity(job: Job) -> str:
    from training.steps import parity

    return parity.run(job.workspace, job.speaker, job.base, job.bank)


def _evaluate(job: Job) -> str:
    from training.steps import evaluate

    return evaluate.run(job.workspace, job.speaker.cultures, job.base, job.recipe, job.bank)


def _probe(job: Job) -> str:
    from training.steps import probe

    return probe.run(job.workspace, job.speaker, job.base)


def _chat(job: Job) -> str:
    from training.steps import chat

    return chat.run(job.workspace, job.speaker, job.base, job.bank)


def _publish(job: Job) -> str:
    from training.steps import publish

    return publish.run(job.workspace, job.speaker, job.base, job.recipe, job.seed, job.models, job.source.people)


_DATA = Path(__file__).parent / "data"

STEPS = {
    "seeds": Step(
        _seeds,
        leaves=lambda job: (job.workspace.seeds,),
        depends=lambda job: {
            "items": job.recipe.data.items,
            "countries": {culture.id: culture.countries for culture in job.speaker.cultures},
            "fold": job.fold,
        },
        reads=_bank_files,
    ),
    "augment": Step(
        _augment,
        leaves=lambda job: (
            (job.workspace.run.augmented, job.workspace.run.augment_report) if job.recipe.augment else ()
        ),
        depends=lambda job: {
            "augment": job.recipe.augment and asdict(job.recipe.augment),
            "items": job.recipe.data.items,
            "held_back_wordings": job.recipe.data.held_back_wordings,
            "base": job.base.record.sha256,
            "seed": job.seed,
        },
        reads=lambda job: (
            *_question_files(job),
            *(_DATA / name for name in ("templates.toml", "synonyms.toml", "polarity.toml")),
        ),
        shared=True,
    ),
    "replies": Step(
        _replies,
        leaves=lambda job: (job.workspace.replies,),
        depends=lambda job: {
            "tokens": job.recipe.data.replay_tokens,
            "prompts": _prompts(job),
            "base": job.base.record.sha256,
        },
        reads=lambda job: (_DATA / "everyday.toml",),
    ),
    "dataset": Step(
        _dataset,
        leaves=lambda job: (job.workspace.dataset,),
        depends=lambda job: {
            "data": asdict(job.recipe.data),
            "seed": job.seed,
            "prompts": _prompts(job),
            **({"augment": asdict(job.recipe.augment)} if job.recipe.augment else {}),
        },
        reads=lambda job: (
            *_bank_files(job),
            job.workspace.seeds,
            job.workspace.replies,
            _DATA / "phrasings.toml",
            *((job.workspace.run.augmented,) if job.recipe.augment else ()),
        ),
    ),
    "finetune": Step(
        _finetune,
        leaves=lambda job: (job.workspace.lora_weights, job.workspace.lora_config, job.workspace.losses),
        depends=lambda job: {
            "lora": asdict(job.recipe.lora),
            "training": asdict(job.training),
            "targets": job.base.targets,
            "base": job.base.record.sha256,
            "seed": job.seed,
        },
        reads=lambda job: (job.workspace.dataset, *((job.start.lora_weights,) if job.start else ())),
    ),
    "adapter": Step(
        _adapter,
        leaves=lambda job: (job.workspace.adapter,),
        depends=lambda job: {"base": job.base.record.sha256, "name": job.speaker.id},
        reads=lambda job: (job.workspace.lora_weights, job.workspace.lora_config),
    ),
    "merge": Step(
        _merge,
        leaves=lambda job: (job.workspace.merged,),
        depends=lambda job: {"base": job.base.record.sha256},
        reads=lambda job: (job.workspace.adapter, job.workspace.lora_weights, job.workspace.lora_config),
        asked=True,
    ),
    "quantize": Step(
        _quantize,
        leaves=lambda job: tuple(job.workspace.quantized(kind) for kind in job.types),
        depends=lambda job: {"types": job.types},
        reads=lambda job: (job.workspace.merged,),
        asked=True,
    ),
    "parity": Step(
        _parity,
        leaves=lambda job: (job.workspace.parity,),
        depends=lambda job: {"base": job.base.record.sha256, "prompts": _prompts(job)},
        reads=lambda job: (
            *_question_files(job),
            job.workspace.adapter,
            job.workspace.lora_weights,
            job.workspace.lora_config,
        ),
        asked=True,
    ),
    "evaluate": Step(
        _evaluate,
        leaves=lambda job: (job.workspace.scores, job.workspace.answers),
        depends=lambda job: {
            "base": job.base.record.sha256,
            "data": asdict(job.recipe.data),
            "prompts": _prompts(job),
        },
        reads=lambda job: (*_bank_files(job), job.workspace.seeds, job.workspace.replies, job.workspace.lora_weights),
    ),
    "probe": Step(
        _probe,
        leaves=lambda job: (job.workspace.probe,),
        depends=lambda job: {"base": job.base.record.sha256, "prompts": _prompts(job)},
        reads=lambda job: (*_bank_files(job), job.workspace.adapter),
    ),
    "chat": Step(
        _chat,
        leaves=lambda job: (job.workspace.chats,),
        depends=lambda job: {"base": job.base.record.sha256, "prompts": _prompts(job)},
        reads=lambda job: (*_bank_files(job), _DATA / "everyday.toml", job.workspace.seeds, job.workspace.adapter),
    ),
    "publish": Step(
        _publish,
        leaves=lambda job: (
            job.models / "cards" / f"{job.base.id}.{job.speaker.id}.toml",
            job.models / "adapters" / f"{job.base.id}.{job.speaker.id}.gguf",
        ),
        depends=lambda job: {"recipe": job.recipe.id, "seed": job.seed, "models": str(job.models)},
        reads=lambda job: (
            job.workspace.adapter,
            job.workspace.scores,
            job.workspace.probe,
            job.workspace.chats,
            job.workspace.parity,
        ),
    ),
}
"""All steps in the order they are taken."""

START = ("seeds", "augment", "replies", "dataset", "finetune")
"""The steps of the adapter that all others start from."""

WHOLE = tuple(name for name, step in STEPS.items() if not step.asked)
"""The steps that need not be asked for."""
