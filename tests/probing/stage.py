"""What the probing tests share: columns without weights, and models that answer by rule."""

from __future__ import annotations

import random
from collections.abc import Iterator, Sequence
from math import log
from pathlib import Path

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.engines import Choice, Scores
from culturechat.engines.echo import Echo
from culturechat.probing import Plan, ProbeRun, Source
from culturechat.probing.run import finished
from culturechat.probing.stream import stream
from culturechat.survey import Bank


def column(name: str = "chinese") -> Column:
    if name == "base":
        return Column("base", None, "base", "model", Path("model.gguf"))
    return Column(name, cultures.load(name), "prompt", "model", Path("model.gguf"))


def lines_of(choice: Choice) -> list[tuple[str, str]]:
    """The marks and labels of a prompt, top to bottom; a label that stands under no mark is its own."""
    bare = [line[2:] for line in choice.messages[-1].text.splitlines() if line.startswith("- ")]
    if bare:
        return [(label, label) for label in bare]
    lines = choice.messages[-1].text.splitlines()
    return [(mark, label) for mark, dot, label in (line.partition(". ") for line in lines) if dot and len(mark) == 1]


class Rule(Echo):
    """A model whose probabilities follow a rule of place, mark and label, times 0.8."""

    def score(self, column: str, choices: Sequence[Choice]) -> Iterator[Scores]:
        for choice in choices:
            weights = [self.weight(column, *place) for place in enumerate(lines_of(choice))]
            yield Scores(tuple(log(0.8 * weight / sum(weights)) for weight in weights))

    def weight(self, column: str, place: int, line: tuple[str, str]) -> float:
        raise NotImplementedError  # each rule below has its own


class Moody(Rule):
    """Every column has tastes of its own, and a weakness for the first place."""

    def weight(self, column: str, place: int, line: tuple[str, str]) -> float:
        return random.Random(column + line[1]).random() + 0.05 + 0.3 * (place == 0)


def run(
    names: Sequence[str], items: Sequence[str] | None = None, plan: Plan | None = None, bank: Bank | None = None
) -> ProbeRun:
    bank = bank or survey.load()
    plan = plan or Plan()
    columns = [column(name) for name in names]
    results = list(stream(Moody(), columns, bank, items, plan))
    return finished(results, columns, bank, plan, 0, Source())
