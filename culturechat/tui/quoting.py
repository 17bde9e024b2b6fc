"""What was said in columns, as text to take along. Knows nothing of where it goes."""

from __future__ import annotations

from collections.abc import Iterable

from culturechat.locale import _
from culturechat.tui.columns import called
from culturechat.tui.widgets.column import ColumnView


def last_answer(view: ColumnView) -> str:
    """Return what a column answered last, or nothing."""
    return view.turns[-1].text.strip() if view.turns else ""


def all_answers(views: Iterable[ColumnView], question: str) -> str:
    """Return a question and the answers of those columns that were asked it last; nothing where there is none."""
    asked = [view for view in views if view.turns and view.turns[-1].question == question]
    said = [f"{called(view)}:\n{last_answer(view) or _('(no text)')}" for view in asked]
    return "\n\n".join([question, *said]) + "\n" if said else ""
