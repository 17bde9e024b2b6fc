"""Talks with the adapter's file as a user would, beside the base with a prompt only. Knows no torch.

Three things are counted. `stance`: the share of open questions answered with one of the scale's stances, in its words.
`agreement`: the share of those whose stance is the one most people took. `bare`: the share of all answers, to everyday
prompts too, that are a mark such as "B." or "2" and nothing else; a model that only learnt to tick boxes gives them.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass
from typing import Any

from culturechat import catalogue, engines, prompting, records
from culturechat.catalogue import ONE, Column, Form
from culturechat.conversation import Conversation
from culturechat.engines import Engine, Failed, Request, Sampling, Token
from culturechat.errors import BadFile, EngineError
from culturechat.survey import Bank, Question, Stance
from training import prose, rows
from training.bases import Base
from training.rows import Seed
from training.speaker import Speaker
from training.steps.replies import everyday
from training.workspace import Workspace

MOST_TOKENS = 48

BARE = re.compile(r"\W*(?:option\s+)?(?:[A-Za-z]|\d{1,2})\W*", re.IGNORECASE)
"""A mark alone."""


@dataclass(frozen=True)
class Said:
    """One answer."""

    culture: str
    item: str
    """The survey question, or nothing for an everyday prompt."""
    asked: str
    text: str
    stance: int | None = None
    """Place of the stance that it takes among those of the scale, most people's first."""


def run(workspace: Workspace, speaker: Speaker, base: Base, bank: Bank) -> str:
    """Write every answer and what was counted; return the adapter's figures beside the prompted base's."""
    if not workspace.adapter.is_file():
        raise BadFile(workspace.adapter, "is not there. Run `python -m training adapter` first.")
    seeds = rows.read(workspace.seeds, Seed)
    names = [culture.id for culture in speaker.cultures]
    form: Form = "one" if speaker.id == ONE else "adapter"
    trained = catalogue.columns(names, base.model, {speaker.id: workspace.adapter}, form)
    prompted = catalogue.columns(names, base.model, form="prompt")
    answers = {who: list(talk(columns, seeds, bank)) for who, columns in (("adapter", trained), ("prompted", prompted))}
    found = {who: counted(said) for who, said in answers.items()}
    texts = {who: [asdict(one) for one in said] for who, said in answers.items()}
    with records.replacing(workspace.chats) as temporary:
        temporary.write_text(json.dumps({"scores": found, "answers": texts}, ensure_ascii=False, indent=1), "utf-8")
    return "; ".join(
        f"{who}: stance {one['stance']:.0%}, agreement {one['agreement']:.0%}, bare marks {one['bare']:.0%}"
        for who, one in found.items()
    )


def talk(columns: Sequence[Column], seeds: Iterable[Seed], bank: Bank) -> Iterator[Said]:
    """Ask each column its culture's open questions and the everyday prompts of no training; yield the answers."""
    engine = engines.load()
    try:
        engine.open(columns)
        for seed in seeds:
            question = bank.questions[seed.item]
            column = next(column for column in columns if column.culture and column.culture.id == seed.culture)
            if question.open and question.scale.stances:
                text = answer(engine, column, question.open)
                order = prose.ranked(question, dict(zip(seed.codes, seed.shares, strict=True)))
                yield Said(seed.culture, seed.item, question.open, text, taken(text, question, order))
        for column in columns:
            for prompt in everyday().held_back:
                yield Said(column.id, "", prompt, answer(engine, column, prompt))
    finally:
        engine.close()


def answer(engine: Engine, column: Column, question: str) -> str:
    """Return the column's likeliest answer."""
    messages = tuple(prompting.chat(column.culture, Conversation().with_user(question)))
    text = ""
    for event in engine.generate([Request(column.id, messages, Sampling(temperature=0, max_tokens=MOST_TOKENS))]):
        if isinstance(event, Token):
            text += event.text
        elif isinstance(event, Failed):
            raise EngineError(event.error)
    return text


def taken(text: str, question: Question, stances: Sequence[Stance]) -> int | None:
    """Return the place of the stance that the text takes first, in the scale's own words; None where it takes none."""
    claim = re.escape(question.claim)
    found = {}
    for place, stance in enumerate(stances):
        before, _, after = (re.escape(part.strip()) for part in stance.says.partition("{claim}"))
        words = rf"\b{before}\b" + (rf"(?:\s+{claim}|[^.!?]*?)\s+{after}\b" if after else "")
        if match := re.search(words, text, re.IGNORECASE):
            found[place] = match.start()
    return min(found, key=lambda place: found[place]) if found else None


def counted(said: Sequence[Said]) -> dict[str, Any]:
    """Return the three shares, and of how many answers."""
    asked = [one for one in said if one.item]
    clear = [one for one in asked if one.stance is not None]
    return {
        "questions": len(asked),
        "stance": round(len(clear) / len(asked), 3) if asked else 0.0,
        "agreement": round(sum(one.stance == 0 for one in clear) / len(clear), 3) if clear else 0.0,
        "answers": len(said),
        "bare": round(sum(bool(BARE.fullmatch(one.text.strip())) for one in said) / len(said), 3) if said else 0.0,
    }
