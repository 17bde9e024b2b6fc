"""Takes the questions and the shares of one culture from the bank. Knows nothing of prompts or models."""

from __future__ import annotations

from collections.abc import Iterator

from culturechat.cultures import Culture
from culturechat.errors import UsageError
from culturechat.survey import Bank
from training import rows
from training.recipes import Recipe
from training.rows import Seed
from training.workspace import Workspace


def run(workspace: Workspace, culture: Culture, recipe: Recipe, bank: Bank) -> str:
    """Write what is to be learnt; return how many questions stand in the bank and how many were asked."""
    wanted = [question for question in bank.questions.values() if recipe.data.items == "all" or question.seed]
    count = rows.write(workspace.seeds, asked(culture, recipe, bank))
    return f"{len(wanted)} questions in, {count} asked in {', '.join(culture.countries)} out"


def asked(culture: Culture, recipe: Recipe, bank: Bank) -> list[Seed]:
    """Return the questions that the culture's people were asked, with the mean shares of its countries.

    Raises:
        UsageError: nobody there was asked any of them.
    """
    found = list(_asked(culture, recipe, bank))
    if not found:
        raise UsageError(f"The survey has no answers for {culture.id} ({', '.join(culture.countries)}).")
    return found


def _asked(culture: Culture, recipe: Recipe, bank: Bank) -> Iterator[Seed]:
    for item, question in bank.questions.items():
        people = bank.people(item, culture.countries)
        if people is not None and (recipe.data.items == "all" or question.seed):
            total = sum(people.shares)  # the file's shares are rounded to four digits
            yield Seed(item, question.codes, tuple(share / total for share in people.shares), people.countries)
