"""How people answered the survey question that is closest to what was asked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich.cells import cell_len
from textual.content import Content

from culturechat import survey
from culturechat.catalogue import Column
from culturechat.locale import _, decimal, listed
from culturechat.survey import Bank, People, Question
from culturechat.terminal import one_line
from culturechat.tui import chart
from culturechat.tui.widgets.text import FittedText

WIDE = 100
"""Cells from which on the lead is written out."""

if TYPE_CHECKING:
    from culturechat.probing import ItemResult


class SurveyPanel(FittedText):
    """One column's people: shares of all options, who was asked and when."""

    def __init__(self, column: Column) -> None:
        super().__init__()
        self._countries = column.culture.countries if column.culture else ()
        self._question: Question | None = None
        self._people: People | None = None
        self._model: ItemResult | None = None
        self._note = ""
        self.short = False
        """Whether rows are few."""

    def show(self, question: Question | None, bank: Bank) -> None:
        """Show how this column's people answered a question, or nothing where there is none."""
        self._question = question
        self._people = bank.people(question.item, self._countries) if question else None
        self._model, self._note = None, ""
        self.remove_class("-with-model")
        self.set_class(question is not None, "-shown")
        self.refresh(layout=True)

    def show_model(self, result: ItemResult | None, note: str = "") -> None:
        """Show what this column's model answers to the question at hand, or why that is not known."""
        if result is None or (self._question is not None and result.item == self._question.item):
            self._model, self._note = result, note
            self.set_class(result is not None, "-with-model")
            self.refresh(layout=True)

    def lines(self, width: int) -> list[Content]:
        """Return a heading and the chart, or one line on why there is none."""
        if self._question is None:
            return []
        if self._people is not None:
            heading = self._heading(self._people, width)
        elif self._countries:
            heading = _faint(_("not asked in {countries}").format(countries=self._names()), width)
        else:
            heading = _faint(_("model only, no people to compare"), width)
        lines = [heading, *([_faint(self._note, width)] if self._note else [])]
        if self._model is not None:
            drawn = chart.beside(self._question, self._people, self._model.p, width, self.short)
            return [*lines, *drawn, self._measures(self._model, width)]
        return lines + (chart.lines(self._question, self._people, width, self.short) if self._people else [])

    def _measures(self, result: ItemResult, width: int) -> Content:
        distance = _("distance {figure}").format(figure=decimal(result.wd, 2)) if result.wd is not None else ""
        mass = _("mass {share}").format(share=chart.percent(result.option_mass))
        text = " · ".join(part for part in (distance, mass) if part)
        return Content.styled(chart.fitted(text, width), "$foreground 60%")

    def _heading(self, people: People, width: int) -> Content:
        lead = _("People said") + "  "
        if cell_len(lead) + cell_len(chart.source(people)) > width:
            lead = ""
        room = width - cell_len(lead)
        source = chart.fitted(chart.source(people, room), room)
        return Content.assemble((lead, "bold"), (source, "$foreground 60%"))

    def _names(self) -> str:
        known = survey.countries()
        names = [_(known[code].name) if code in known else one_line(code) for code in self._countries]
        return _("{country} or {other}").format(country=names[0], other=names[1]) if len(names) == 2 else listed(names)


class SurveyHeading(FittedText):
    """The survey question all columns show, in our words, and how near it is to what was asked."""

    def __init__(self) -> None:
        super().__init__()
        self._question: Question | None = None
        self._similarity = 0.0
        self._note = ""
        self.short = False
        """Whether to leave out the question's wording."""

    def show(self, question: Question, similarity: float) -> None:
        """Name the question."""
        self._question, self._similarity, self._note = question, similarity, ""
        self.add_class("-shown")
        self.refresh(layout=True)

    def say(self, note: str) -> None:
        """Say why there is no question."""
        self._question, self._note = None, note
        self.add_class("-shown")
        self.refresh(layout=True)

    def lines(self, width: int) -> list[Content]:
        """Return the question, shortened to two lines."""
        if self._question is None:
            return [Content.styled(chart.fitted(self._note, width), "$foreground 60%")] if self._note else []
        topic = self._question.topic or self._question.theme
        measure = f"{self._question.item} · {_('similarity')} {decimal(self._similarity, 2)}"
        lead = (_("Closest survey question") if width >= WIDE else _("Survey")) + "  "
        room = max(0, width - cell_len(lead) - cell_len(measure) - 2)
        first = Content.assemble(
            (lead, "bold $primary"), chart.fitted(one_line(topic), room), "  ", (measure, "$foreground 60%")
        )
        return [first] if self.short else [first, self._wording(width)]

    def _wording(self, width: int) -> Content:
        wording = one_line(self._question.question) if self._question else ""
        return Content.styled(chart.fitted(wording, width), "italic $foreground 80%")


def _faint(text: str, width: int) -> Content:
    return Content.styled(chart.fitted(text, width), "italic $foreground 60%")
