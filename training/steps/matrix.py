"""Sets every culture's adapter beside every culture's people, from the answers that `evaluate` kept. Knows no torch.

An adapter that only learnt what people anywhere say is as near to others as to its own. The cultural gain is how much
nearer a culture's people are to their own adapter than to the others' in the mean, on the same questions.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import fmean

from matplotlib.figure import Figure

from culturechat import records
from culturechat.errors import BadFile
from culturechat.probing import metrics
from culturechat.probing.resample import Interval, bootstrap
from culturechat.survey import Bank
from training import rows
from training.rows import Answer, Seed
from training.workspace import Workspace

Shares = Sequence[float]


@dataclass(frozen=True)
class Matrix:
    """Mean distances of adapters to populations."""

    cultures: tuple[str, ...]
    wd: tuple[tuple[float, ...], ...]
    """A row for each adapter, a column for each population: mean normalised Wasserstein distance."""
    gain: dict[str, Interval]
    """For each population the mean distance of the other adapters less that of its own, items resampled."""


def run(workspaces: Mapping[str, Workspace], bank: Bank, wording: str) -> str:
    """Write the matrix as JSON and as a picture into the run's folder; return the mean gain.

    Args:
        workspaces: Of each culture.
        bank: The questions.
        wording: Which of `evaluate`'s wordings is looked at.
    """
    seeds = {name: _seeds(workspace) for name, workspace in workspaces.items()}
    answers = {name: _answers(workspace, wording) for name, workspace in workspaces.items()}
    made = matrix(seeds, answers, bank)
    run_folder = next(iter(workspaces.values())).run
    with records.replacing(run_folder.matrix) as temporary:
        temporary.write_text(json.dumps({"wording": wording, **asdict(made)}, indent=1), "utf-8")
    _draw(run_folder.matrix_picture, made, wording)
    own = fmean(made.wd[place][place] for place in range(len(made.cultures)))
    gain = fmean(interval.mean for interval in made.gain.values())
    return f"{len(made.cultures)} adapters in, WD to their own people {own:.3f}, cultural gain {gain:.3f} ({wording})"


def matrix(
    seeds: Mapping[str, Mapping[str, Shares]], answers: Mapping[str, Mapping[str, Shares]], bank: Bank
) -> Matrix:
    """Return mean distances over the questions with an order that people and adapters have in common.

    Args:
        seeds: Each culture's people's shares, by item.
        answers: Each culture's adapter's shares, by item.
        bank: The questions.
    """
    names = tuple(seeds)
    gains = {}
    distances: dict[tuple[str, str], list[float]] = {}
    for people in names:
        common = [item for item in seeds[people] if bank.questions[item].ordered]
        common = [item for item in common if all(item in answers[name] for name in names)]
        for adapter in names:
            distances[adapter, people] = [
                metrics.wasserstein(seeds[people][item], answers[adapter][item]) for item in common
            ]
        others = [distances[adapter, people] for adapter in names if adapter != people]
        each = [fmean(column) for column in zip(*others, strict=True)]
        own = distances[people, people]
        found = bootstrap([other - mine for other, mine in zip(each, own, strict=True)])
        if found is not None:
            gains[people] = found
    table = tuple(tuple(fmean(distances[adapter, people]) for people in names) for adapter in names)
    return Matrix(names, table, gains)


def _seeds(workspace: Workspace) -> dict[str, Shares]:
    return {seed.item: seed.shares for seed in rows.read(workspace.seeds, Seed) if not seed.held_out}


def _answers(workspace: Workspace, wording: str) -> dict[str, Shares]:
    if not workspace.answers.is_file():
        raise BadFile(workspace.answers, "is not there. Run `python -m training evaluate` for this culture first.")
    kept = [answer for answer in rows.read(workspace.answers, Answer) if answer.wording == wording]
    if not kept:
        raise BadFile(workspace.answers, f"has no answers in the wording {wording}; this recipe holds none back.")
    return {answer.item: answer.shares for answer in kept}


def _draw(path: Path, made: Matrix, wording: str) -> None:
    size = len(made.cultures)
    figure = Figure(figsize=(2 + 0.75 * size, 1.5 + 0.7 * size), layout="constrained")
    axes = figure.subplots()
    picture = axes.imshow(made.wd, cmap="cividis_r")
    middle = (min(map(min, made.wd)) + max(map(max, made.wd))) / 2
    for row, distances in enumerate(made.wd):
        for column, distance in enumerate(distances):
            axes.text(
                column,
                row,
                f"{distance:.2f}".removeprefix("0"),
                ha="center",
                va="center",
                color="white" if distance > middle else "black",
                weight="bold" if row == column else "normal",
            )
    axes.set_xticks(range(size), made.cultures, rotation=45, ha="right")
    axes.set_yticks(range(size), made.cultures)
    axes.set(xlabel="people", ylabel="adapter", title=f"Distance of adapters to people (WD, {wording} wording)")
    figure.colorbar(picture, label="mean WD, 0 is equal", shrink=0.8)
    with records.replacing(path) as temporary:
        figure.savefig(temporary, format="png", dpi=120, metadata={"Software": None})
