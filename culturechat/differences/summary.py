"""The differences of several answers in one line, from figures alone. Knows nothing of widgets."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from rich.cells import cell_len

from culturechat.differences import Differences
from culturechat.locale import N_, _, decimal, listed

SEPARATOR = " · "
MOST_PAIRS = 3
"""Pairs up to which each is named; of more, the mean, the nearest and the farthest."""
MOST_WORDS = 3
SIDES = {"agree": N_("agree {columns}"), "disagree": N_("disagree {columns}"), "divided": N_("divided {columns}")}


def line(found: Differences, marks: Mapping[str, str], width: int) -> str:
    """Return as much as fits of agreement, then stances, then words that only one column has.

    Args:
        found: What was compared.
        marks: A short name for each column.
        width: Cells to fill at most.
    """
    text = ""
    for part in (*_agreement(found, marks), *_stances(found, marks), *_words(found, marks)):
        longer = f"{text}{SEPARATOR}{part}" if text else part
        if cell_len(longer) <= width:
            text = longer
    return text


def _agreement(found: Differences, marks: Mapping[str, str]) -> Iterator[str]:
    measured = {pair: value for pair, value in found.agreement.items() if value is not None}
    if not measured:
        yield _("agreement not measured: answers not in English")
        return
    named = {f"{marks[one]}–{marks[other]}": value for (one, other), value in measured.items()}
    if len(found.agreement) <= MOST_PAIRS:
        first, *others = (f"{name} {decimal(value, 2)}" for name, value in named.items())
        yield from (_("agreement {pair}").format(pair=first), *others)
        return
    yield _("agreement {value} on average").format(value=decimal(sum(named.values()) / len(named), 2))
    if len(named) > 1:
        nearest, farthest = max(named, key=lambda name: named[name]), min(named, key=lambda name: named[name])
        yield _("nearest {pair}").format(pair=f"{nearest} {decimal(named[nearest], 2)}")
        yield _("farthest {pair}").format(pair=f"{farthest} {decimal(named[farthest], 2)}")


def _stances(found: Differences, marks: Mapping[str, str]) -> Iterator[str]:
    for side, told in SIDES.items():
        takers = [marks[column] for column, stance in found.stances.items() if stance.side == side]
        if takers:
            yield _(told).format(columns=listed(takers))


def _words(found: Differences, marks: Mapping[str, str]) -> Iterator[str]:
    for column, words in found.only.items():
        if words:
            said = listed(word.text for word in words[:MOST_WORDS])
            yield _("only {column}: {words}").format(column=marks[column], words=said)
