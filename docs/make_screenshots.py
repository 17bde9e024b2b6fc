"""Exports the README's pictures from the running app, with the real engine: `python docs/make_screenshots.py`."""

from __future__ import annotations

import asyncio
import html
import re
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from rich.cells import cell_len
from textual.pilot import Pilot

from culturechat import catalogue, engines, survey
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.survey.search import closest
from culturechat.tui.app import CompareApp
from culturechat.tui.screens.probe import ProbeScreen

FOLDER = Path(__file__).parent
QUESTION = "Should men get jobs before women when work is scarce?"

Act = Callable[[Pilot[Any], Session], Awaitable[None]]


async def answered(pilot: Pilot[Any], session: Session) -> None:
    """Wait for all answers."""
    await _until(pilot, lambda: all(len(one.messages) == 2 for one in session.conversations.values()))


async def with_models(pilot: Pilot[Any], session: Session) -> None:
    """Show what the models answer to the survey question, beside what people did."""
    await answered(pilot, session)
    await pilot.press("f3")
    await pilot.pause(2)
    await _until(pilot, lambda: "asking&#160;the" not in pilot.app.export_screenshot())


async def measured(pilot: Pilot[Any], session: Session) -> None:
    """Measure the questions on religion."""
    await answered(pilot, session)
    await pilot.press("f4", "a", *["down"] * 4, "space", "enter")

    def done() -> bool:
        screen = pilot.app.screen
        found = screen.measurement if isinstance(screen, ProbeScreen) else None
        return bool(found and found.complete and not found.running and found.intervals)

    await _until(pilot, done)


PICTURES: dict[str, tuple[str, tuple[int, int], Act]] = {
    "screenshot": ("chinese,arabic,base", (120, 34), answered),
    "models": ("german,turkish,korean", (120, 40), with_models),
    "probe": ("chinese,german,turkish,base", (120, 36), measured),
}
"""Columns, size and what is done before the picture is taken."""


async def take(columns: str, size: tuple[int, int], act: Act) -> str:
    """Ask the question, go on as told and return the screen as SVG."""
    settings = Settings(max_tokens=60, temperature=0.3, history=False)
    engine = engines.load()
    session = Session(engine, catalogue.columns(columns.split(",")), settings)
    app = CompareApp(session, settings, survey.load(), closest, QUESTION)
    async with app.run_test(size=size) as pilot:
        await act(pilot, session)
        await pilot.pause(1.0)
        picture = app.export_screenshot(title=f"culturechat --cultures {columns}")
    engine.close()
    return picture


def widened(svg: str) -> str:
    """Return the picture with room for wide characters: the export counts letters where a terminal counts cells."""

    def repair(match: re.Match[str]) -> str:
        start, length, middle, text = match.groups()
        letters = html.unescape(text)
        return f"{start}{float(length) * cell_len(letters) / max(1, len(letters)):.1f}{middle}{text}</text>"

    return re.sub(r'(<text [^>]*?textLength=")([\d.]+)("[^>]*>)([^<]*)</text>', repair, svg)


async def _until(pilot: Pilot[Any], seen: Callable[[], bool]) -> None:
    for _ in range(3000):
        if seen():
            return
        await pilot.pause(0.1)
    raise TimeoutError("The screen did not come to what the picture should show.")


if __name__ == "__main__":
    for name, (columns, size, act) in PICTURES.items():
        (FOLDER / f"{name}.svg").write_text(widened(asyncio.run(take(columns, size, act))), "utf-8")
