"""Asks the base model everyday questions before any training. Knows nothing of the survey."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
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


def run(workspace: Workspace, culture: Culture, base: Base, recipe: Recipe) -> str:
    """Write the base's likeliest answer to every everyday prompt, asked as the culture's column is asked."""
    prompts = records.read(PROMPTS, Everyday).prompts
    engine = engines.load()
    try:
        engine.open([Column(culture.id, culture, "prompt", base.id, base.path)])
        count = rows.write(workspace.replies, replies(engine, culture, prompts, recipe.data.replay_tokens))
    finally:
        engine.close()
    return f"{len(prompts)} prompts in, {count} replies out"


def replies(engine: Engine, culture: Culture, prompts: tuple[str, ...], most_tokens: int) -> Iterator[Reply]:
    """Return what the engine's column for this culture answers, without chance."""
    sampling = Sampling(temperature=0, repeat_penalty=1, max_tokens=most_tokens)
    for prompt in prompts:
        messages = tuple(prompting.chat(culture, Conversation().with_user(prompt)))
        text, ended = _answer(engine, Request(culture.id, messages, sampling))
        if text.strip():
            yield Reply(messages, text, ended)


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
