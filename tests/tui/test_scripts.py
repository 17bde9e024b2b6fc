"""Every script in every layout: what has columns keeps them."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
from rich.cells import cell_len
from textual.app import App

from culturechat import cultures, locale
from culturechat.engines.echo import Echo
from culturechat.settings import Settings
from tests.app.messages import po_path
from tests.tui.stage import ask, stage, views
from tests.tui.test_snapshots import ANSWERS

CODES = [code for code in locale.names() if code != locale.ENGLISH]
QUESTION = "হ্যাঁ? 你好 👩‍👩‍👧 ❤️ 안녕 سلام é"


@pytest.fixture(params=CODES)
def code(request: pytest.FixtureRequest) -> Iterator[str]:
    with locale.using(locale.read(po_path(request.param))):
        yield request.param


def shot(*names: str) -> App[Any]:
    return stage(*names, engine=Echo(answers=ANSWERS), settings=Settings(rtl="visual"))


@pytest.mark.parametrize("size", [(60, 20), (120, 36), (200, 50)])
async def test_all_rows_are_as_wide_as_the_screen_and_edges_stand_below_each_other(size: tuple[int, int]) -> None:
    names = [name for name in cultures.names() if size[0] == 200 or name in ("arabic", "bengali", "chinese")]
    async with shot(*names).run_test(size=size) as pilot:
        await ask(pilot, QUESTION)
        rows = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
        assert {cell_len(row) for row in rows} == {size[0]}
        for view in views(pilot).values():
            if view.display:
                region = view.region
                strips = pilot.app.screen._compositor.render_strips()[region.y + 1 : region.bottom - 1]
                edges = {strip.crop(x, x + 1).text for strip in strips for x in (region.x, region.right - 1)}
                assert edges <= set("│├┤")


async def test_the_widths_hold_in_every_language_of_the_screen(code: str) -> None:
    async with shot("arabic", "bengali", "korean").run_test(size=(120, 36)) as pilot:
        await ask(pilot, QUESTION)
        rows = [strip.text for strip in pilot.app.screen._compositor.render_strips()]
        assert {cell_len(row) for row in rows} == {120}
