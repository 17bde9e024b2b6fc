"""What cultures are called on the screen. Knows nothing of widgets."""

from __future__ import annotations

from culturechat import catalogue, cultures
from culturechat.cultures import Culture
from culturechat.locale import _
from culturechat.terminal import one_line


def called(culture: Culture) -> str:
    """Return the name that people there use and, where it is another, that in the language of the screen."""
    return one_line(" ".join(dict.fromkeys((culture.own_name, _(culture.name)))))


def briefly(column: str) -> str:
    """Return what a column of a chat of the past is called in the language of the screen alone."""
    name = catalogue.culture_of(column)
    if name not in cultures.names():
        return one_line(column)
    culture = cultures.load(name)
    return one_line(_(culture.name) if name == column else f"{_(culture.name)} ({culture.language})")
