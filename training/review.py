"""`python -m training review RUN`: people rate how alike a question and its other wording are. Knows no models.

As in the paper's human study: pairs are rated from 1 to 5, and the mean says how far the wordings can be trusted.
"""

from __future__ import annotations

import json
import random
from collections import defaultdict
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from statistics import fmean, stdev
from typing import Any

import msgspec

from culturechat import records, survey, terminal
from culturechat.errors import BadFile, UsageError
from training import rows
from training.rows import Stage, Wording
from training.workspace import Run

LOWEST, HIGHEST = 1, 5
ABOUT = """\
How alike in meaning are the two? 1 says something else, 3 much the same, 5 exactly the same.
Type 1 to 5; s skips a pair, b goes back to the one before, q stops. What is rated is kept.
"""


class Rating(msgspec.Struct, frozen=True):
    """What one person said of one wording."""

    rater: str
    item: str
    stage: Stage
    text: str
    rating: int
    """From 1, says something else, to 5, exactly the same."""


def run(
    folder: Path,
    rater: str,
    pairs: int,
    seed: int,
    ask: Callable[[str], str],
    show: Callable[[str], object],
) -> str:
    """Show pairs until all are rated or the rater stops; return how many and their mean.

    Args:
        folder: The run's folder, with what `augment` wrote.
        rater: Who rates; each rater goes on where he or she stopped.
        pairs: How many are rated, half of each stage.
        seed: Which pairs; the same for all raters of a seed, so that they can be compared.
        ask: Reads an answer to a prompt.
        show: Prints a text.

    Raises:
        BadFile: the folder holds no augmented wordings.
        UsageError: fewer than one pair, or a rater without a name.
    """
    if pairs < 1 or not rater.strip():
        raise UsageError("review needs at least one pair and a rater's name.")
    place = Run(folder)
    chosen = sample(_wordings(place), pairs, seed)
    known = {_key(rating): rating for rating in read(place)}
    questions = survey.load().questions
    missing = next((wording.item for wording in chosen if wording.item not in questions), None)
    if missing:
        raise BadFile(place.augmented, f"holds {missing}, which the bank does not know. Run `augment` again.")
    show(ABOUT)
    index = 0
    while index < len(chosen):
        wording = chosen[index]
        key = (rater, wording.item, wording.text)
        if key in known:
            index += 1
            continue
        show(f"{index + 1} of {len(chosen)}\n  {_safe(questions[wording.item].question)}\n  {_safe(wording.text)}")
        answer = _answer(ask, show)
        if answer == "q":
            break
        if answer == "b":
            index = max(0, index - 1)
            known.pop((rater, chosen[index].item, chosen[index].text), None)
            continue
        if answer != "s":
            known[key] = Rating(rater, wording.item, wording.stage, wording.text, int(answer))
            rows.write(place.ratings, known.values())
        index += 1
    return _finished(place, list(known.values()))


def sample(wordings: Sequence[Wording], pairs: int, seed: int) -> list[Wording]:
    """Return so many wordings in random order, the stages in equal parts as far as they go."""
    chance = random.Random(f"{seed}:review")
    stages: dict[str, list[Wording]] = defaultdict(list)
    for wording in wordings:
        stages[wording.stage].append(wording)
    for group in stages.values():
        chance.shuffle(group)
    chosen: list[Wording] = []
    while len(chosen) < pairs and any(stages.values()):
        chosen += [group.pop() for group in stages.values() if group][: pairs - len(chosen)]
    chance.shuffle(chosen)
    return chosen


def read(place: Run) -> list[Rating]:
    """Return what has been rated so far.

    Raises:
        BadFile: the file is damaged, or a rating is none.
    """
    if not place.ratings.is_file():
        return []
    ratings = rows.read(place.ratings, Rating)
    for rating in ratings:
        if not LOWEST <= rating.rating <= HIGHEST:
            raise BadFile(place.ratings, f"{rating.item} is rated {rating.rating}; expected {LOWEST} to {HIGHEST}.")
    return ratings


def summary(ratings: Sequence[Rating]) -> dict[str, Any]:
    """Return mean, spread and number of all ratings, of each stage and of each rater."""
    stages: dict[str, list[int]] = defaultdict(list)
    raters: dict[str, list[int]] = defaultdict(list)
    for rating in ratings:
        stages[rating.stage].append(rating.rating)
        raters[rating.rater].append(rating.rating)
    return {
        **_figures([rating.rating for rating in ratings]),
        "stages": {name: _figures(given) for name, given in sorted(stages.items())},
        "raters": {name: _figures(given) for name, given in sorted(raters.items())},
    }


def _figures(given: Iterable[int]) -> dict[str, float | int]:
    values = list(given)
    spread = stdev(values) if len(values) > 1 else 0.0
    return {"mean": round(fmean(values), 3), "standard_deviation": round(spread, 3), "ratings": len(values)}


def _wordings(place: Run) -> list[Wording]:
    if not place.augmented.is_file():
        raise BadFile(place.folder, "holds no augmented.jsonl. Name the folder of a run whose `augment` step is done.")
    found = rows.read(place.augmented, Wording)
    if not found:
        raise BadFile(place.augmented, "holds no wordings.")
    return found


def _key(rating: Rating) -> tuple[str, str, str]:
    return rating.rater, rating.item, rating.text


def _answer(ask: Callable[[str], str], show: Callable[[str], object]) -> str:
    valid = {*map(str, range(LOWEST, HIGHEST + 1)), "s", "b", "q"}
    while True:
        try:
            answer = ask("> ").strip().lower()
        except EOFError:
            return "q"
        if answer in valid:
            return answer
        show(f"Type {LOWEST} to {HIGHEST}, s, b or q.")


def _finished(place: Run, ratings: Sequence[Rating]) -> str:
    if not ratings:
        return "nothing rated yet"
    found = summary(ratings)
    rows.write(place.ratings, ratings)
    with records.replacing(place.review) as temporary:
        temporary.write_text(json.dumps(found, indent=1, ensure_ascii=False), "utf-8")
    people = "1 person" if len(found["raters"]) == 1 else f"{len(found['raters'])} people"
    return f"mean {found['mean']:.2f} of {HIGHEST} in {found['ratings']} ratings by {people}"


def _safe(text: str) -> str:
    return terminal.one_line(text)
