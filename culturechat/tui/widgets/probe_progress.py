"""How far a probe has come, how fast it goes and how long it will still take."""

from __future__ import annotations

from dataclasses import dataclass

from rich.cells import cell_len
from textual.content import Content
from textual.reactive import reactive

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
        words = " · ".join(part for part in (f"{course.done} of {course.total} items", *_pace(course)) if part)
        cells = min(LONGEST_BAR, width - cell_len(words) - 2)
        if cells < SHORTEST_BAR:
            return [Content(fitted(words, width))]
        done, left = _bar(course.done / course.total, cells)
        return [Content.assemble((done, "$success"), (left, "$foreground 20%"), "  ", fitted(words, width - cells - 2))]


def _pace(course: Course) -> tuple[str, ...]:
    if course.note:
        return (course.note,)
    rate = f"{course.items_per_second:.1f} items/s" if course.items_per_second else ""
    left = f"{duration(course.seconds_left)} left" if course.seconds_left is not None else ""
    return (rate, left)


def _bar(share: float, cells: int) -> tuple[str, str]:
    done = thin_bar(share, cells).rstrip()
    return done, "─" * (cells - len(done))
