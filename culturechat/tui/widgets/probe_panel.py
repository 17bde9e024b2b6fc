"""One column's answer to one question of a probe: model and people option by option, then every single prompt."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from itertools import groupby

from rich.cells import cell_len
from textual.containers import VerticalScroll
from textual.content import Content

from culturechat import prompting
from culturechat.catalogue import Column
from culturechat.locale import N_, _, decimal, ngettext
from culturechat.probing import ItemResult, Plan, Tally
from culturechat.prompting import Style
from culturechat.survey import Bank, People, Question
from culturechat.terminal import one_line
from culturechat.tui import chart
from culturechat.tui.chart import fitted, flush_right
from culturechat.tui.widgets.header import FORMS, title
from culturechat.tui.widgets.text import FittedText

SHORTEST_LABEL = 8
LONGEST_LABEL = 26
SHORTEST_BAR = 20
SHARE_CELLS = 5
FEWEST_IN_A_RUN = 3
MANY_OPTIONS = 6
ROOMY_WORDS = 12
STYLES: dict[Style, str] = {
    "letters": N_("letters from the top"),
    "backwards": N_("letters from the bottom"),
    "digits": N_("digits"),
    "words": N_("words of the labels"),
}


class ItemPanel(VerticalScroll):
    """A column with room to scroll; it takes the focus."""

    def __init__(self, column: Column, bank: Bank, tally: Tally, plan: Plan) -> None:
        self.column = column
        self._figures = ItemFigures(column, bank, tally, plan)
        super().__init__(self._figures)
        self.border_title = Content(title(column))

    def show(self, item: str) -> None:
        """Show another question, or what is new of the same."""
        self._figures.show(item)


class ItemFigures(FittedText):
    """All that is known of one column's answer to one question."""

    def __init__(self, column: Column, bank: Bank, tally: Tally, plan: Plan) -> None:
        super().__init__()
        self._plan = plan
        self._column = column
        self._bank = bank
        self._tally = tally
        self._item = ""

    def show(self, item: str) -> None:
        """Show another question, or what is new of the same."""
        self._item = item
        self.refresh(layout=True)

    def lines(self, width: int) -> list[Content]:
        """Return distances, bars and prompts, top to bottom."""
        if not self._item:
            return []
        question = self._bank.question(self._item)
        culture = self._column.culture
        people = self._bank.people(self._item, culture.countries if culture else ())
        result = self._tally.result(self._column.id, self._item)
        lines = [
            *self._distances(result, people, width),
            Content(""),
            *_bars(question, result, people, width),
        ]
        if result is None:
            return lines
        asked = self._plan.asked(self._column, question)
        translated = asked if asked.question != question.question else None
        return [*lines, Content(""), *_translation(translated, width), *_prompts(asked, result, width)]

    def _distances(self, result: ItemResult | None, people: People | None, width: int) -> Iterator[Content]:
        form = _(FORMS[self._column.form])
        yield _faint(f"{form} · {one_line(self._column.model)}", width)
        lead = f"{_('people')}: "
        yield _faint(f"{lead}{chart.source(people, width - cell_len(lead))}" if people else self._why_nobody(), width)
        if result is None:
            yield _faint(_("not measured yet"), width)
            return
        mass = f"{result.option_mass:.0%}"
        own = [("WD", _number(result.wd)), ("JSD", _number(result.jsd_bits)), (_("mass"), mass)]
        yield Content(" · ").join(
            Content.assemble((f"{name} ", "$foreground 70%"), (figure, "bold")) for name, figure in own
        )
        controls = self._tally.controls(self._column.id, self._item)
        if controls is not None:
            pooled, floor = controls.others_pooled, controls.noise_floor
            told = _("WD of uniform {uniform} · others {others} · noise {noise}").format(
                uniform=_number(controls.uniform[1]),
                others=_number(pooled[1] if pooled else None),
                noise=_number(floor[1] if floor else None),
            )
            yield _faint(told, width)

    def _why_nobody(self) -> str:
        return _("not asked there") if self._column.culture else _("model only, no people to compare")


def order_words(order: Sequence[int]) -> str:
    """Return the options' places on the scale in the order in which they stood, from 1, rows of them shortened."""
    words: list[str] = []
    places = [option + 1 for option in order]
    while places:
        step = places[1] - places[0] if len(places) > 1 else 0
        run = next((i for i in range(1, len(places)) if places[i] - places[i - 1] != step), len(places))
        if abs(step) == 1 and run >= FEWEST_IN_A_RUN:
            words.append(f"{places[0]}–{places[run - 1]}")
            places = places[run:]
        else:
            words.append(str(places.pop(0)))
    return " ".join(words)


def _bars(question: Question, result: ItemResult | None, people: People | None, width: int) -> Iterator[Content]:
    labels = _labels(question)
    model, those = _("model"), _("people")
    who = max(cell_len(model), cell_len(those)) + 1
    cells = _label_cells(labels, width - 1 - who - SHARE_CELLS - SHORTEST_BAR)
    length = max(1, width - cells - 1 - who - SHARE_CELLS)
    for place, label in enumerate(labels):
        first, second = _halves(label, cells)
        if result is not None:
            share = result.p[place]
            yield Content.assemble(
                (f"{first} ", "$foreground"),
                (fitted(model, who), "$foreground 60%"),
                (chart.bar(share, length), "$accent"),
                (chart.percent(share).rjust(SHARE_CELLS), "bold"),
            )
        else:
            yield Content.assemble((f"{first} ", "$foreground"), (model, "$foreground 60%"))
        if people is not None:
            share = people.shares[place]
            yield Content.assemble(
                (f"{second} ", "$foreground"),
                (fitted(those, who), "$foreground 60%"),
                (chart.thin_bar(share, length), "$primary"),
                (chart.percent(share).rjust(SHARE_CELLS), "bold"),
            )
        elif second.strip():
            yield Content(second)


def _labels(question: Question) -> list[str]:
    """Return the options' labels, each behind its place on the scale, by which the prompts name it."""
    labels = [one_line(label) for label in question.labels]
    return [label if label.startswith(str(place)) else f"{place} {label}" for place, label in enumerate(labels, 1)]


def _label_cells(labels: Sequence[str], room: int) -> int:
    """Return the cells of the longest label where there is room, else the fewest in which all fit on two lines."""
    most = max(SHORTEST_LABEL, min(LONGEST_LABEL, room))
    longest = max(map(cell_len, labels))
    if longest <= min(most, room // 2):
        return longest
    fitting = (cells for cells in range(SHORTEST_LABEL, most) if all(_fits(label, cells) for label in labels))
    return next(fitting, most)


def _fits(label: str, cells: int) -> bool:
    lines = Content(label).wrap(cells)
    return len(lines) <= 2 and all(cell_len(word) <= cells for word in label.split())


def _halves(label: str, cells: int) -> tuple[str, str]:
    """Return a label on two lines, broken between words where it can be."""
    lines = [line.plain.rstrip() for line in Content(label).wrap(cells)]
    rest = " ".join(lines[1:])
    return fitted(lines[0] if lines else "", cells), fitted(rest, cells)


def _translation(question: Question | None, width: int) -> Iterator[Content]:
    """Return how the question was put, where that was not in English."""
    if question is not None:
        for line in Content(f"“{one_line(question.question)}”").wrap(width):
            yield Content.styled(line.plain.rstrip(), "italic $foreground 80%")
        yield Content("")


def _prompts(question: Question, result: ItemResult, width: int) -> Iterator[Content]:
    count = len(result.readings)
    table = _Table.fitting(len(result.codes), width)
    told = ngettext("Every prompt: {n} way of putting it", "Every prompt: {n} ways of putting it", count)
    yield Content.styled(told.format(n=count), "bold $secondary")
    yield table.heading()
    wordings, styles = len({reading.wording for reading in result.readings}), len(result.styles)
    for wording, worded in groupby(result.readings, key=lambda reading: reading.wording):
        if wordings > 1:
            text = one_line((question.question, *question.restatements)[wording])
            yield Content.styled(fitted(f"“{text}”", width), "italic $foreground 80%")
        for style, readings in groupby(worded, key=lambda reading: reading.style):
            if styles > 1:
                marks = "" if style == "words" else f": {' '.join(prompting.marks(question.labels, style))}"
                yield _faint(f"{_(STYLES[style])}{marks}", width)
            for reading in readings:
                yield table.line(order_words(reading.order), reading.p, reading.mass, "$foreground 80%")
    yield table.line(_("mean"), result.p, result.option_mass, "bold")
    if count > 1:
        yield table.spread([reading.p for reading in result.readings])


@dataclass(frozen=True)
class _Table:
    """The widths of the prompts' table: words, bars, a figure per option, and the option mass."""

    options: int
    words: int
    bars: int
    figure: int
    mass: int

    @classmethod
    def fitting(cls, options: int, width: int) -> _Table:
        """Return the widest that fits; where room is short there are no bars."""
        figure = SHARE_CELLS if options <= MANY_OPTIONS else SHARE_CELLS - 1
        mass = max(SHARE_CELLS, cell_len(_("mass")) + 1)
        room = width - options * figure - mass
        bars = 3 * options if room - 3 * options >= ROOMY_WORDS else options + 1
        bars = bars if room - bars >= ROOMY_WORDS else 0
        return cls(options, max(1, room - bars), bars, figure, mass)

    def heading(self) -> Content:
        """Return what stands in which place."""
        places = "".join(str(place).rjust(self.figure) for place in range(1, self.options + 1))
        order = _("order of options")
        order = order if cell_len(order) < self.words else _("order")
        mass = flush_right(_("mass"), self.mass)
        return Content.styled(fitted(order, self.words) + " " * self.bars + places + mass, "$foreground 60%")

    def line(self, words: str, shares: Sequence[float], mass: float, style: str) -> Content:
        """Return one prompt, or the mean of all; the likeliest option stands out."""
        most = max(shares)
        figures = [
            (chart.percent(share).rjust(self.figure), "bold $text-accent" if share == most else style)
            for share in shares
        ]
        bars = chart.upright(shares, most, self.bars, 1)[0] if self.bars else ""
        return Content.assemble(
            (fitted(words, self.words), style),
            (bars, "$accent"),
            *figures,
            (chart.percent(mass).rjust(self.mass), "$foreground 60%"),
        )

    def spread(self, readings: Sequence[Sequence[float]]) -> Content:
        """Return how far each option moves from prompt to prompt."""
        ranges = [max(shares) - min(shares) for shares in zip(*readings, strict=True)]
        figures = "".join(chart.percent(share).rjust(self.figure) for share in ranges)
        return Content.styled(fitted(_("spread"), self.words + self.bars) + figures, "$foreground 60%")


def _number(value: float | None) -> str:
    return "–" if value is None else decimal(value, 3)


def _faint(text: str, width: int) -> Content:
    return Content.styled(fitted(text, width), "$foreground 60%")
