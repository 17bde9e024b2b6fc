"""The screen. The only folder that knows Textual; it generates nothing itself and opens no files but its own."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from culturechat import cultures, survey
from culturechat.catalogue import BASE_COLUMN, Column
from culturechat.engines import Engine
from culturechat.engines.llama_cpp import facts
from culturechat.history import Chat
from culturechat.settings import Resolved, Settings
from culturechat.tui import marks
from culturechat.tui.app import CompareApp, PickApp, Picked
from culturechat.tui.bidi import prints_visual
from culturechat.tui.library import Find, Library
from culturechat.tui.news import Match

IN_GIVEN_ORDER = "\x1b[8l"
IN_THEIR_ORDER = "\x1b[8h"
"""ECMA-48 mode 8, bi-directional support: explicit and implicit. Terminals that order nothing pass over it."""


def run(
    engine: Engine,
    columns: Sequence[Column],
    resolved: Resolved,
    past: Chat | None = None,
    question: str = "",
    probe: bool = False,
    find: Find | None = None,
) -> int:
    """Show the columns until the user leaves, and return the exit code; the engine is closed by the caller.

    Args:
        engine: Who answers; it is opened here, while the screen already shows.
        columns: What is compared, in the order shown.
        resolved: How answers are drawn and the screen looks, and where that was set.
        past: The chat that is gone on with.
        question: Asked as soon as the models are loaded.
        probe: Begin with the probe.
        find: What finds columns that are added; None lets none be added.
    """
    settings = resolved.settings
    library = Library(engine, columns[0].server or facts.version(), settings, find=find)
    session = library.begin(columns, past)
    bank = survey.load()
    app = CompareApp(
        session, settings, bank, _closest, question, library=library, past=past, probe=probe, resolved=resolved
    )
    try:
        with _fitted(settings):
            app.run()
    finally:
        library.close()
    return app.return_code or 0


def pick(settings: Settings) -> Picked | None:
    """Let the user choose columns and return them, or None when the user leaves."""
    known = [cultures.load(name) for name in cultures.names()]
    with _fitted(settings):
        return PickApp(known, BASE_COLUMN, settings).run()


def check(resolved: Resolved) -> None:
    """Refuse settings that the screen cannot show.

    Raises:
        UsageError: a theme or a key that there is none of, or keys that cannot work; the place is named.
    """
    from culturechat.tui import options

    options.check_all(resolved)


@contextmanager
def _fitted(settings: Settings) -> Iterator[None]:
    """Fit the app and the terminal: how wide marks are, and who orders text from right to left."""
    marks.fit()
    if not prints_visual(settings.rtl):
        yield
        return
    sys.stdout.write(IN_GIVEN_ORDER)
    sys.stdout.flush()
    try:
        yield
    finally:
        sys.stdout.write(IN_THEIR_ORDER)
        sys.stdout.flush()


def _closest(text: str, bank: survey.Bank) -> Match | None:
    # the search loads an embedding file, which must not delay the first paint
    from culturechat.survey.search import closest

    return closest(text, bank)
