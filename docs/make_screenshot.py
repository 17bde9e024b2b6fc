"""Exports the README's screenshot from the running app, with the real engine: `python docs/make_screenshot.py`."""

from __future__ import annotations

import asyncio
import html
import re
from pathlib import Path

from rich.cells import cell_len

from culturechat import catalogue, engines, survey
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.survey.search import closest
from culturechat.tui.app import CompareApp

QUESTION = "Should men get jobs before women when work is scarce?"
TARGET = Path(__file__).with_name("screenshot.svg")


async def take() -> str:
    """Ask one question in three columns and return the finished screen as SVG."""
    settings = Settings(max_tokens=60, temperature=0.3)
    engine = engines.load()
    session = Session(engine, catalogue.columns(["chinese", "arabic", "base"]), settings)
    app = CompareApp(session, settings, survey.load(), closest, QUESTION)
    async with app.run_test(size=(120, 34)) as pilot:
        for _ in range(1200):
            await pilot.pause(0.1)
            if all(len(one.messages) == 2 for one in session.conversations.values()):
                break
        await pilot.pause(1.0)
        picture = app.export_screenshot(title="culturechat --cultures chinese,arabic,base")
    engine.close()
    return picture


def widened(svg: str) -> str:
    """Return the picture with room for wide characters: the export counts letters where a terminal counts cells."""

    def repair(match: re.Match[str]) -> str:
        start, length, middle, text = match.groups()
        letters = html.unescape(text)
        return f"{start}{float(length) * cell_len(letters) / max(1, len(letters)):.1f}{middle}{text}</text>"

    return re.sub(r'(<text [^>]*?textLength=")([\d.]+)("[^>]*>)([^<]*)</text>', repair, svg)


if __name__ == "__main__":
    TARGET.write_text(widened(asyncio.run(take())), "utf-8")
