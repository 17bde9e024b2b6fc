"""Takes the questions and the shares of one culture from the bank. Knows nothing of prompts or models."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from culturechat.cultures import Culture
from culturechat.errors import UsageError
from culturechat.survey import Bank, countries
from training import rows
from training.recipes import Recipe
from training.rows import Seed
from training.workspace import Workspace


def run(workspace: Workspace, culture: Culture, recipe: Recipe, bank: Bank, notes: Sequence[str] = ()) -> str:
    """Write what is to be learnt; return how many questions stand in the bank, how many were asked, and what was not.

    Args:
        workspace: Where to write.
        culture: Whose people answered.
        recipe: Which questions are wanted.
        bank: The questions and the answers.
        notes: What a survey file lacks; what concerns the culture's countries is passed on.
    """
    wanted = [question for question in bank.questions.values() if recipe.data.items == "all" or question.seed]
    found = asked(culture, recipe, bank)
    count = rows.write(workspace.seeds, found)
    line = f"{len(wanted)} questions in, {count} asked in {', '.join(culture.countries)} out"
    missing = [question.item for question in wanted if question.item not in {seed.item for seed in found}]
    named = tuple(countries()[code].name for code in culture.countries if code in countries())
    parts = [line, *([f"not asked: {', '.join(missing)}"] if missing else [])]
    return "; ".join(
        [*parts, *(note.rstrip(".") for note in notes if note.startswith(named) and "was not asked" not in note)]
    )


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
