"""Two runs of the same questions against each other. Knows nothing of engines; reads what `probe --json` wrote.

For each column, and over all columns, the mean difference of WD (second run less first: negative is nearer to the
people) with a paired bootstrap interval: questions are drawn with replacement and both runs keep the same ones; over
all columns a drawn question brings all its columns along.
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import msgspec
import numpy as np
import numpy.typing as npt

from culturechat.errors import BadFile, UsageError
from culturechat.probing.resample import Interval, interval, item_picks
from culturechat.terminal import safe_json

Array = npt.NDArray[np.float64]
Key = tuple[str, str]


class SavedItem(msgspec.Struct, frozen=True):
    """What a comparison needs of one item of a saved run; other keys are not looked at."""

    item: str
    culture: str
    codes: tuple[str, ...]
    p: tuple[float, ...]
    option_mass: float
    human: tuple[float, ...] | None
    jsd_bits: float | None
    wd: float | None


class SavedRun(msgspec.Struct, frozen=True):
    """What a comparison needs of a saved run."""

    items: tuple[SavedItem, ...]


@dataclass(frozen=True)
class Moved:
    """One question of one column in both runs."""

    item: str
    culture: str
    wd_a: float | None
    wd_b: float | None
    wd_difference: float | None
    """Second less first; negative is nearer to the people."""
    total_variation: float
    """Share of probability that moved between the options: ½Σ|p_b − p_a|."""
    option_mass_difference: float


@dataclass(frozen=True)
class Change:
    """One column's, or all columns', mean over the questions both runs have."""

    culture: str
    """A column's id, or `all`."""
    items: int
    """Questions with a WD in both runs."""
    wd_a: float | None
    wd_b: float | None
    wd_difference: Interval | None
    jsd_bits_difference: Interval | None
    nearer: int
    """Questions on which the second run is nearer to the people."""
    farther: int


@dataclass(frozen=True)
class Comparison:
    """Two runs against each other."""

    changes: tuple[Change, ...]
    """All columns together first."""
    moved: tuple[Moved, ...]
    """Every question of every column, what moved most first."""
    only_a: tuple[str, ...]
    """`culture item` that only the first run has."""
    only_b: tuple[str, ...]

    def to_dict(self) -> dict[str, Any]:
        """Return the comparison as plain values."""
        return asdict(self)


def read(path: Path) -> SavedRun:
    """Return a run that `probe --json` wrote.

    Raises:
        BadFile: it is missing or no such file.
    """
    try:
        run = msgspec.json.decode(path.read_bytes(), type=SavedRun)
    except FileNotFoundError:
        raise BadFile(path, "no such file.") from None
    except OSError as error:
        raise BadFile(path, f"cannot be read ({error.strerror}).") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise BadFile(path, f"is not what `probe --json` writes: {error}.") from None
    uneven = next((row for row in run.items if len(row.p) != len(row.codes)), None)
    if uneven is not None:
        raise BadFile(path, f"{uneven.culture} {uneven.item} has {len(uneven.p)} p for {len(uneven.codes)} codes.")
    return run


def compare(first: SavedRun, second: SavedRun, seed: int = 0) -> Comparison:
    """Return how the second run differs from the first on what both have.

    Raises:
        UsageError: they have no question of a column in common, or its options differ.
    """
    a, b = _by_key(first), _by_key(second)
    shared = [key for key in a if key in b]
    if not shared:
        raise UsageError("The runs have no question of the same column in common.")
    other = next((key for key in shared if a[key].codes != b[key].codes), None)
    if other is not None:
        raise UsageError(f"{' '.join(other)} has other options in the second run.")
    cultures = list(dict.fromkeys(culture for culture, _ in shared))
    changes = [_change(name, [key for key in shared if key[0] == name], a, b, seed) for name in cultures]
    moved = sorted((_moved(a[key], b[key]) for key in shared), key=lambda row: -row.total_variation)
    return Comparison(
        changes=(_change("all", shared, a, b, seed), *changes),
        moved=tuple(moved),
        only_a=tuple(" ".join(key) for key in a if key not in b),
        only_b=tuple(" ".join(key) for key in b if key not in a),
    )


def as_json(comparison: Comparison) -> str:
    """Return a comparison as JSON text."""
    return safe_json(json.dumps(comparison.to_dict(), ensure_ascii=False, indent=1)) + "\n"


def _by_key(run: SavedRun) -> dict[Key, SavedItem]:
    return {(row.culture, row.item): row for row in run.items}


def _moved(a: SavedItem, b: SavedItem) -> Moved:
    return Moved(
        item=a.item,
        culture=a.culture,
        wd_a=a.wd,
        wd_b=b.wd,
        wd_difference=b.wd - a.wd if a.wd is not None and b.wd is not None else None,
        total_variation=sum(abs(after - before) for before, after in zip(a.p, b.p, strict=True)) / 2,
        option_mass_difference=b.option_mass - a.option_mass,
    )


def _change(
    culture: str, keys: Sequence[Key], a: Mapping[Key, SavedItem], b: Mapping[Key, SavedItem], seed: int
) -> Change:
    wd = [(key, x, y) for key in keys if (x := a[key].wd) is not None and (y := b[key].wd) is not None]
    jsd = [(key, x, y) for key in keys if (x := a[key].jsd_bits) is not None and (y := b[key].jsd_bits) is not None]
    return Change(
        culture=culture,
        items=len(wd),
        wd_a=float(np.mean([x for _, x, _ in wd])) if wd else None,
        wd_b=float(np.mean([y for _, _, y in wd])) if wd else None,
        wd_difference=_paired([(key[1], y - x) for key, x, y in wd], seed),
        jsd_bits_difference=_paired([(key[1], y - x) for key, x, y in jsd], seed),
        nearer=sum(y < x for _, x, y in wd),
        farther=sum(y > x for _, x, y in wd),
    )


def _paired(differences: Sequence[tuple[str, float]], seed: int) -> Interval | None:
    """Return the mean difference; a question drawn brings all its columns along."""
    if not differences:
        return None
    sums: dict[str, list[float]] = {}
    for item, difference in differences:
        sums.setdefault(item, []).append(difference)
    totals = np.array([sum(values) for values in sums.values()])
    counts = np.array([len(values) for values in sums.values()])
    picks = item_picks(len(totals), seed)
    return interval(float(totals.sum() / counts.sum()), totals[picks].sum(axis=1) / counts[picks].sum(axis=1))
