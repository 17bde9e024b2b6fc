"""Draws how people and models answered a survey question, as lines of text. Knows nothing of widgets or screens."""

from __future__ import annotations

from collections.abc import Sequence

from rich.cells import cell_len, set_cell_size
from textual.content import Content

from culturechat import survey
from culturechat.locale import _, decimal, listed, ngettext, whole
from culturechat.survey import People, Question
from culturechat.terminal import one_line

ACROSS = " ▏▎▍▌▋▊▉█"
UP = " ▁▂▃▄▅▆▇█"
PERCENT_CELLS = 5
SHORTEST_BAR = 7
SHORTEST_PAIR = 5
"""Cells of a bar that another stands beside."""
WIDEST_STEP = 3
HEADROOM = 0.15
"""Part of a row of upright bars that stays free, so that they do not touch what stands above."""
MANY_STEPS = 7
"""Scales from here on are drawn as a row of steps, of which only the ends have a name."""


def lines(question: Question, people: People, width: int, short: bool = False) -> list[Content]:
    """Return the shares of all options, at most `width` cells wide; `short` saves rows where it can."""
    labels = [one_line(label) for label in question.labels]
    if len(labels) >= MANY_STEPS and question.scale.low:
        return _steps(question, people.shares, width, rows=1 if short else 2)
    return _bars(labels, people.shares, width)


def beside(
    question: Question, people: People | None, model: Sequence[float], width: int, short: bool = False
) -> list[Content]:
    """Return the people's shares, where there are any, and a model's, told apart by the shape of their bars."""
    labels = [one_line(label) for label in question.labels]
    rows = 1 if short else 2
    in_steps = len(labels) >= MANY_STEPS and bool(question.scale.low)
    if people is None and in_steps:
        return _steps(question, model, width, rows, "$accent")
    if people is None:
        return _figures(labels, [(_("model"), model)], width)
    if not in_steps:
        return _figures(labels, [(_("people"), people.shares), (_("model"), model)], width)
    upper = _steps(question, people.shares, width, rows)
    return [*upper, Content.styled(_("Model says"), "bold"), *_steps(question, model, width, rows, "$accent")]


def source(people: People, width: int = 1000) -> str:
    """Return who was asked, when, and how many answered; in fewer words where there is little room."""
    known = survey.countries()
    asked = [known[code] for code in people.countries if code in known]
    names = listed(_(known[code].name) if code in known else code for code in people.countries)
    years = sorted({str(country.year) for country in asked})
    span = years[0] if len(years) == 1 else f"{years[0]}–{years[-1][2:]}" if years else ""
    count = people.n or sum(country.interviews for country in asked)
    many = whole(count)
    told = ngettext("{n} answer", "{n} answers", count) if people.n else ngettext("{n} asked", "{n} asked", count)
    place = one_line(f"{names} {span}")
    forms = [f"{place} · {told.format(n=many)}", f"{place}, n {many}"]
    return next((form for form in forms if cell_len(form) <= width), forms[-1])


def percent(share: float) -> str:
    """Return a share in whole percent; what rounds to nothing but is not shows as below one."""
    return "<1%" if share > 0 and f"{share:.0%}" == "0%" else f"{share:.0%}"


def bar(share: float, cells: int) -> str:
    """Return a bar of eighths of a cell, filled up with spaces; what is not nothing shows at least an eighth."""
    eighths = round(share * cells * 8)
    if share > 0:
        eighths = max(eighths, 1)
    full, rest = divmod(eighths, 8)
    return f"{'█' * full}{ACROSS[rest] if rest else ''}".ljust(cells)[:cells]


def thin_bar(share: float, cells: int) -> str:
    """Return a bar that differs from `bar` in its shape alone, to be told apart without colour."""
    halves = max(round(share * cells * 2), 1 if share > 0 else 0)
    full, rest = divmod(halves, 2)
    return f"{'━' * full}{'╸' if rest else ''}".ljust(cells)[:cells]


def upright(shares: Sequence[float], most: float, cells: int, rows: int) -> list[str]:
    """Return upright bars, one per share, in exactly so many cells and rows; `most` is the share of the highest."""
    step = max(1, min(cells // len(shares), WIDEST_STEP))
    gap = 1 if step > 1 else 0
    heights = [share / (most or 1) * rows * (1 - HEADROOM) for share in shares]
    return [fitted(_row(heights, row, step - gap, gap), cells) for row in reversed(range(rows))]


def _bars(labels: Sequence[str], shares: Sequence[float], width: int) -> list[Content]:
    longest = max(cell_len(label) for label in labels)
    room = width - PERCENT_CELLS - SHORTEST_BAR - 1
    if longest > room and len(labels) <= 3:
        return _stacked(labels, shares, width)
    cells = max(1, min(longest, room))
    length = max(1, width - cells - 1 - PERCENT_CELLS)
    return [
        Content.assemble(
            (fitted(label, cells), "$foreground 80%"),
            " ",
            (bar(share, length), "$primary"),
            (percent(share).rjust(PERCENT_CELLS), "bold"),
        )
        for label, share in zip(labels, shares, strict=True)
    ]


def _figures(labels: Sequence[str], who: Sequence[tuple[str, Sequence[float]]], width: int) -> list[Content]:
    """Return one row per option under a row of names, each with a bar and a figure for everyone."""
    room = width - len(who) * (PERCENT_CELLS + SHORTEST_PAIR + 1)
    cells = max(1, min(max(map(cell_len, labels)), room))
    length = max(1, (width - cells) // len(who) - 1 - PERCENT_CELLS)
    names = [Content(" " * cells)]
    names += [Content.styled(" " + fitted(name, length + PERCENT_CELLS), "$foreground 60%") for name, _ in who]
    rows = [Content.assemble(*names)]
    for place, label in enumerate(labels):
        row = [Content.styled(fitted(label, cells), "$foreground 80%")]
        for name, shares in who:
            drawn, colour = (bar, "$primary") if name == _("people") else (thin_bar, "$accent")
            row += [Content(" "), Content.styled(drawn(shares[place], length), colour)]
            row.append(Content.styled(percent(shares[place]).rjust(PERCENT_CELLS), "bold"))
        rows.append(Content.assemble(*row))
    return rows


def _stacked(labels: Sequence[str], shares: Sequence[float], width: int) -> list[Content]:
    drawn = []
    for label, share in zip(labels, shares, strict=True):
        drawn.append(Content.styled(fitted(label, min(width, cell_len(label))), "$foreground 80%"))
        length = max(1, width - PERCENT_CELLS)
        number = (percent(share).rjust(PERCENT_CELLS), "bold")
        drawn.append(Content.assemble((bar(share, length), "$primary"), number))
    return drawn


def _steps(
    question: Question, shares: Sequence[float], width: int, rows: int, colour: str = "$primary"
) -> list[Content]:
    step = max(1, min(width // len(shares), 7))
    most = max(*shares, 0.01)
    gap = 1 if step > 2 else 0
    drawn = [
        Content.styled(_row([share / most * rows for share in shares], row, step - gap, gap), colour)
        for row in reversed(range(rows))
    ]
    if step > 2:
        numbers = "".join(f"{share * 100:.0f}".center(step - gap) + " " * gap for share in shares)
        drawn.append(Content.styled(numbers, "bold"))
    return [*drawn, *_ends(question, _mean(shares), min(width, step * len(shares)), width)]


def _row(heights: Sequence[float], row: int, cells: int, gap: int) -> str:
    text = ""
    for height in heights:
        eighths = max(round(height * 8), 1 if height > 0 else 0)
        text += UP[min(8, max(0, eighths - 8 * row))] * cells + " " * gap
    return text


def _ends(question: Question, mean: float, cells: int, width: int) -> list[Content]:
    most = len(question.codes)
    lowest, highest = one_line(question.scale.low.lower()), one_line(question.scale.high.lower())
    low, high = f"1 {lowest}", f"{highest} {most}"
    middle = _("mean {mean}").format(mean=decimal(mean, 1))
    apart = cells - cell_len(low) - cell_len(high)
    if apart >= cell_len(middle) + 2:
        return [
            Content.assemble((low, "$foreground 80%"), (_centred(middle, apart), "bold"), (high, "$foreground 80%"))
        ]
    last = fitted(f"{most} {highest}", max(1, width - cell_len(middle) - 2))
    return [
        Content.styled(fitted(low, width), "$foreground 80%"),
        Content.assemble((last, "$foreground 80%"), "  ", (middle, "bold")),
    ]


def _centred(text: str, cells: int) -> str:
    left = max(0, cells - cell_len(text)) // 2
    return fitted(" " * left + text, cells)


def _mean(shares: Sequence[float]) -> float:
    return sum(place * share for place, share in enumerate(shares, start=1)) / (sum(shares) or 1)


def flush_right(text: str, cells: int) -> str:
    """Return the text in so many cells, behind spaces; what is longer is whole."""
    return " " * (cells - cell_len(text)) + text


def fitted(text: str, cells: int) -> str:
    """Return the text in exactly so many cells; what is cut ends in an ellipsis."""
    if cell_len(text) > cells:
        text = set_cell_size(text, max(0, cells - 1)).rstrip() + "…"[:cells]
    return text + " " * (cells - cell_len(text))
