"""How far a probe has come, how fast it goes and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive

from culturechat.locale import _, decimal
from culturechat.tui.chart import fitted, thin_bar
from culturechat.tui.pace import duration
from culturechat.tui.widgets.text import FittedText

SHORTEST_BAR = 10
LONGEST_BAR = 120


@dataclass(frozen=True)
class Course:
    """Where a probe stands."""

    done: int = 0
    total: int = 0
    """Results in the end; 0 while nothing was chosen."""
    items_per_second: float = 0.0
    """0 while it is not known."""
    seconds_left: float | None = None
    note: str = ""
    """What to say instead of the pace."""
    failed: bool = False


class ProgressLine(FittedText):
    """A bar and its figures on one line."""

    course: reactive[Course] = reactive(Course())

    def lines(self, width: int) -> list[Content]:
        """Return the line."""
        course = self.course
        if course.failed:
            return [Content.styled(fitted(course.note, width), "$error")]
        if not course.total:
            return [Content.styled(fitted(course.note, width), "$foreground 60%")]
        done = _("{n} of {all} items").format(n=course.done, all=course.total)
        words = " · ".join(part for part in (done, *_pace(course)) if part)
        cells = min(LONGEST_BAR, width - cell_len(words) - 2)
        if cells < SHORTEST_BAR:
            return [Content(fitted(words, width))]
        full, empty = _bar(course.done / course.total, cells)
        return [
            Content.assemble((full, "$success"), (empty, "$foreground 20%"), "  ", fitted(words, width - cells - 2))
        ]


def _pace(course: Course) -> tuple[str, ...]:
    if course.note:
        return (course.note,)
    rate, left = course.items_per_second, course.seconds_left
    return (
        _("{rate} items/s").format(rate=decimal(rate, 1)) if rate else "",
        _("{time} left").format(time=duration(left)) if left is not None else "",
    )


def _bar(share: float, cells: int) -> tuple[str, str]:
    done = thin_bar(share, cells).rstrip()
    return done, "─" * (cells - len(done))
