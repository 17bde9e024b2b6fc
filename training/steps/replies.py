"""Asks the base model everyday questions before any training. Knows nothing of the survey."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import cycle
from pathlib import Path

from culturechat import engines, prompting, records
from culturechat.catalogue import Column
from culturechat.conversation import Conversation
from culturechat.cultures import Culture
from culturechat.engines import Engine, Failed, Finished, Request, Sampling, Token
from culturechat.errors import EngineError
from training import rows
from training.bases import Base
from training.recipes import Recipe
from training.rows import Reply
from training.workspace import Workspace

PROMPTS = Path(__file__).parent.parent / "data" / "everyday.toml"


@dataclass(frozen=True)
class Everyday:
    """What the file of everyday prompts holds."""

    prompts: tuple[str, ...]
    held_back: tuple[str, ...]
    """Prompts that training never sees."""


def everyday() -> Everyday:
    """Return the everyday prompts."""
    return records.read(PROMPTS, Everyday)


def run(workspace: Workspace, cultures: Sequence[Culture], base: Base, recipe: Recipe) -> str:
    """Write the base's likeliest answer to every everyday prompt, asked as the cultures' columns are, in turn."""
    known = everyday()
    prompts = [*((text, False) for text in known.prompts), *((text, True) for text in known.held_back)]
    engine = engines.load()
    try:
        engine.open([Column(culture.id, culture, "prompt", base.id, base.path) for culture in cultures])
        count = rows.write(workspace.replies, replies(engine, cultures, prompts, recipe.data.replay_tokens))
    finally:
        engine.close()
    return f"{len(prompts)} prompts in, {count} replies out"


def replies(
    engine: Engine, cultures: Sequence[Culture], prompts: Sequence[tuple[str, bool]], most_tokens: int
) -> Iterator[Reply]:
    """Return what the engine's columns for these cultures answer, without chance; each prompt is asked of one.

    Args:
        engine: Has a column for each culture.
        cultures: Who is asked, one after the other.
        prompts: What is asked, and whether training leaves it out.
        most_tokens: Longest answer.
    """
    sampling = Sampling(temperature=0, repeat_penalty=1, max_tokens=most_tokens)
    for culture, (prompt, held_out) in zip(cycle(cultures), prompts, strict=False):
        messages = tuple(prompting.chat(culture, Conversation().with_user(prompt)))
        text, ended = _answer(engine, Request(culture.id, messages, sampling))
        if text.strip():
            yield Reply(messages, text, ended, held_out)


def _answer(engine: Engine, request: Request) -> tuple[str, bool]:
    text, ended = "", False
    for event in engine.generate([request]):
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Finished):
            ended = event.reason == "stop"
        elif isinstance(event, Failed):
            raise EngineError(event.error)
    return text, ended
