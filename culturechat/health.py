"""What this machine has and whether everything is in place. Changes nothing."""

from __future__ import annotations

import os
import platform
import shutil
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path

from culturechat import __version__, catalogue, cultures, paths, survey
from culturechat.catalogue import Column
from culturechat.engines.llama_cpp import facts, memory
from culturechat.engines.llama_cpp.protocol import Weights
from culturechat.errors import CulturechatError, EngineError
from culturechat.history import History
from culturechat.settings import Settings


@dataclass(frozen=True)
class Check:
    """One thing that was looked at."""

    what: str
    finding: str
    ok: bool = True


def checks() -> list[Check]:
    """Return everything that was found, in the order a person would ask."""
    return [
        Check("culturechat", f"{__version__} on Python {platform.python_version()}, {platform.platform()}"),
        Check("cores", str(facts.cores())),
        Check("memory", _memory()),
        Check("llama.cpp", _llama_cpp()),
        _checked("survey", _survey),
        _checked("cultures", lambda: f"{len([cultures.load(name) for name in cultures.names()])} files"),
        *_models(),
        _checked("history", _history),
        *(_folder(name, folder) for name, folder in _folders().items()),
        Check("terminal", "{} columns × {} lines".format(*shutil.get_terminal_size())),
    ]


def room(columns: Sequence[Column], settings: Settings) -> Check:
    """Return what these columns need in memory, and whether that is there."""
    weights = [
        Weights(column.id, str(column.base_path), str(column.adapter_path) if column.adapter_path else None)
        for column in columns
    ]
    what = f"{len(columns)} columns"
    try:
        plan = memory.plan(weights, settings.context, settings.deterministic, facts.free_bytes())
    except EngineError as error:
        return Check(what, str(error), False)
    parts = {"weights": plan.weights, "memory of what was read": plan.cache, "scratch space": plan.compute}
    finding = f"{_gib(plan.needed)}: " + ", ".join(f"{name} {_gib(size)}" for name, size in parts.items())
    shortage = plan.shortage(settings.context)
    return Check(what, finding + (f". {shortage}" if shortage else ""))


def _models() -> Iterator[Check]:
    try:
        for card in sorted(catalogue.cards().values(), key=lambda card: (card.form != "base", card.id)):
            state = catalogue.verify(card)
            hint = f". {card.install}" if state == "not installed" else ""
            yield Check(f"{card.form} {card.id}", state + hint, state == "ok")
    except CulturechatError as error:
        yield Check("models", str(error), False)


def _survey() -> str:
    bank = survey.load()
    asked = {country for country, _ in bank.answers}
    seeds = sum(question.seed for question in bank.questions.values())
    return f"{len(bank.questions)} questions ({seeds} seeds), {len(asked)} countries; {survey.SOURCE}"


def _history() -> str:
    history = History()
    return f"{history.count():,} chats, {history.count(trash=True):,} in the trash; {history.path}"


def _checked(what: str, look: Callable[[], str]) -> Check:
    try:
        return Check(what, look())
    except CulturechatError as error:
        return Check(what, str(error), False)


def _llama_cpp() -> str:
    gpu = "GPU offload available" if facts.supports_gpu() else "CPU only (this build has no GPU support)"
    return f"llama-cpp-python {metadata.version('llama-cpp-python')}, {gpu}; {facts.cpu_features()}"


def _memory() -> str:
    total, free = facts.memory_bytes(), facts.free_bytes()
    if total is None:
        return "unknown"
    return _gib(total) + (f", {_gib(free)} free" if free is not None else "")


def _gib(size: int) -> str:
    return f"{size / 2**30:.1f} GiB"


def _folders() -> dict[str, Path]:
    return {"config": paths.config_dir(), "data": paths.data_dir(), "cache": paths.cache_dir(), "log": paths.log_dir()}


def _folder(name: str, folder: Path) -> Check:
    existing = next(place for place in (folder, *folder.parents) if place.exists())
    free = shutil.disk_usage(existing).free / 1e9
    if not os.access(existing, os.W_OK):
        return Check(f"{name} folder", f"{folder} cannot be written", False)
    return Check(f"{name} folder", f"{folder} ({free:.1f} GB free)")
