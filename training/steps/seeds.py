"""Takes the questions and the shares of cultures from the bank, and leaves some out to test on. Knows no models."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterable, Iterator, Sequence

from culturechat.cultures import Culture
from culturechat.errors import UsageError
from culturechat.survey import Bank, Question, countries
from training import rows
from training.recipes import Recipe
from training.rows import Seed
from training.workspace import Workspace

FOLDS = 5
"""Parts into which the questions are split, so that each can be left out once."""


def run(
    workspace: Workspace,
    cultures: Sequence[Culture],
    recipe: Recipe,
    bank: Bank,
    notes: Sequence[str] = (),
    fold: int = 0,
) -> str:
    """Write what is to be learnt; return how many questions stand in the bank, how many were asked, and what was not.

    Args:
        workspace: Where to write.
        cultures: Whose people answered.
        recipe: Which questions are wanted.
        bank: The questions and the answers.
        notes: What a survey file lacks; what concerns the cultures' countries is passed on.
        fold: The part of the questions that is left out of training, from 1 to `FOLDS`; 0 leaves out none.
    """
    wanted = [question for question in bank.questions.values() if recipe.wants(question)]
    found = [seed for culture in cultures for seed in asked(culture, recipe, bank, fold)]
    rows.write(workspace.seeds, found)
    given = {seed.item for seed in found}
    codes = [code for culture in cultures for code in culture.countries]
    missing = [question.item for question in wanted if question.item not in given]
    held_out = len({seed.item for seed in found if seed.held_out})
    named = tuple(countries()[code].name for code in codes if code in countries())
    return "; ".join(
        [
            f"{len(wanted)} questions in, {len(given)} asked in {', '.join(codes)} out",
            *([f"{held_out} left out of training"] if held_out else []),
            *([f"not asked: {', '.join(missing)}"] if missing else []),
            *(note.rstrip(".") for note in notes if note.startswith(named) and "was not asked" not in note),
        ]
    )


def asked(culture: Culture, recipe: Recipe, bank: Bank, fold: int = 0) -> list[Seed]:
    """Return the questions that the culture's people were asked, with the mean shares of its countries.

    Raises:
        UsageError: nobody there was asked any of them.
    """
    left_out = held_out(bank, fold) | (never_shown(bank) if recipe.data.items == "seeds_and_half" else frozenset())
    found = list(_asked(culture, recipe, bank, left_out))
    if not found:
        raise UsageError(f"The survey has no answers for {culture.id} ({', '.join(culture.countries)}).")
    return found


def never_shown(bank: Bank) -> frozenset[str]:
    """Return every second of the questions that are no seeds, the same for every culture and seed, of each theme."""
    others = [question for question in bank.questions.values() if not question.seed]
    return frozenset(item for items in _lots(others) for item in items[::2])


def held_out(bank: Bank, fold: int) -> frozenset[str]:
    """Return the items of one of the `FOLDS` parts, the same for every culture and seed; each theme is spread evenly.

    Questions that belong to one battery are near to each other in every part; what is left out was never shown, in no
    wording, but its neighbours may have been.
    """
    if not fold:
        return frozenset()
    return frozenset(item for items in _lots(bank.questions.values()) for item in items[fold - 1 :: FOLDS])


def _lots(questions: Iterable[Question]) -> Iterator[list[str]]:
    """Return the items of each theme in an order that chance gave them once and for all."""
    themes = defaultdict(list)
    for question in questions:
        themes[question.theme].append(question.item)
    return (sorted(items, key=_lot) for items in themes.values())


def _lot(item: str) -> bytes:
    return hashlib.sha256(item.encode()).digest()


def _asked(culture: Culture, recipe: Recipe, bank: Bank, left_out: frozenset[str]) -> Iterator[Seed]:
    for item, question in bank.questions.items():
        people = bank.people(item, culture.countries)
        if people is not None and recipe.wants(question):
            total = sum(people.shares)  # the file's shares are rounded to four digits
            shares = tuple(share / total for share in people.shares)
            yield Seed(item, culture.id, question.codes, shares, people.countries, item in left_out)
