"""Takes the questions and the shares of cultures from the bank, and leaves some out to test on. Knows no models."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from collections.abc import Iterator, Sequence

from culturechat.cultures import Culture
from culturechat.errors import UsageError
from culturechat.survey import Bank, countries
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
    wanted = [question for question in bank.questions.values() if recipe.data.items == "all" or question.seed]
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
    left_out = held_out(bank, fold)
    found = list(_asked(culture, recipe, bank, left_out))
    if not found:
        raise UsageError(f"The survey has no answers for {culture.id} ({', '.join(culture.countries)}).")
    return found


def held_out(bank: Bank, fold: int) -> frozenset[str]:
    """Return the items of one of the `FOLDS` parts, the same for every culture and seed; each theme is spread evenly.

    Questions that belong to one battery are near to each other in every part; what is left out was never shown, in no
    wording, but its neighbours may have been.
    """
    if not fold:
        return frozenset()
    themes = defaultdict(list)
    for item, question in bank.questions.items():
        themes[question.theme].append(item)
    return frozenset(item for items in themes.values() for item in sorted(items, key=_lot)[fold - 1 :: FOLDS])


def _lot(item: str) -> bytes:
    return hashlib.sha256(item.encode()).digest()


def _asked(culture: Culture, recipe: Recipe, bank: Bank, left_out: frozenset[str]) -> Iterator[Seed]:
    for item, question in bank.questions.items():
        people = bank.people(item, culture.countries)
        if people is not None and (recipe.data.items == "all" or question.seed):
            total = sum(people.shares)  # the file's shares are rounded to four digits
            shares = tuple(share / total for share in people.shares)
            yield Seed(item, culture.id, question.codes, shares, people.countries, item in left_out)
