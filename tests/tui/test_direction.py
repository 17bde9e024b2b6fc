"""Arabic on the screen: ordered and on the right; what is kept and copied is as it was written."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest
from rich.cells import cell_len
from textual.events import Paste
from textual.pilot import Pilot
from textual.selection import Selection

from culturechat.engines.echo import Echo
from culturechat.history import History, files
from culturechat.settings import Settings
from culturechat.terminal import clean
from culturechat.tui.app import CompareApp
from culturechat.tui.bidi import paragraph, visual
from culturechat.tui.widgets.header import Phase
from culturechat.tui.widgets.prose import Prose
from tests.tui.stage import Halting, ask, kept_stage, phases, ready, screen, shown, stage, until, views

SEEN = Settings(rtl="visual")
LONG = (
    "نعم، رعاية الوالدين واجب علينا جميعًا (وهي من القيم التي تربينا عليها)، وقد قال 62% من الناس في China"
    " and Jordan عام 2018 إنهم يوافقون بشدة على ذلك، أما الباقون فيرون أن الأمر يعود إلى كل أسرة."
)


def seen(*names: str, engine: Echo, settings: Settings = SEEN) -> CompareApp:
    return stage(*names, engine=engine, settings=settings)


def lines_of(pilot: Pilot[Any], widget: Prose) -> list[str]:
    """Return the lines of a widget as they are printed."""
    region = widget.content_region
    rows = pilot.app.screen._compositor.render_strips()
    return [rows[y].crop(region.x, region.right).text for y in range(region.y, region.bottom)]


async def test_every_line_of_a_wrapped_paragraph_is_ordered_and_stands_on_the_right() -> None:
    async with seen("arabic", engine=Echo(answers={"arabic": LONG})).run_test(size=(60, 30)) as pilot:
        await ask(pilot, "سؤال؟")
        block = views(pilot)["arabic"].turns[0]._markdown
        assert block
        (written,) = block.query("MarkdownParagraph").results()
        lines = lines_of(pilot, written)  # type: ignore[arg-type]
        assert len(lines) > 3
        whole = paragraph(LONG)
        begin = 0
        for line in lines:
            said = line.strip()
            assert line.endswith(said) and cell_len(line) == written.content_size.width
            end = next(end for end in range(begin, len(LONG) + 1) if len(whole.line(begin, end)) == cell_len(said))
            assert said == "".join(whole.shown[cell] for cell in whole.line(begin, end)).strip()
            begin = end + 1
            while begin < len(LONG) and LONG[begin] == " ":
                begin += 1
        assert begin >= len(LONG)


async def test_paragraphs_of_one_answer_stand_where_each_runs_from_also_while_it_is_written() -> None:
    text = "كلمة أولى هنا\n\nSecond, in English שלום\n\nالثالثة"
    engine = Halting(answers={"arabic": text}, words=5)
    async with seen("arabic", engine=engine).run_test(size=(60, 30)) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: engine.halted.is_set() and "Second" in shown(pilot))
        first, second = (row for row in shown(pilot).splitlines() if visual("كلمة أولى هنا") in row or "Second" in row)
        assert first.rstrip(" ┃│").endswith(visual("كلمة أولى هنا"))
        assert first.index(visual("كلمة أولى هنا")) > 30
        assert second.strip(" ┃│").startswith("Second, in English")
        engine.go_on.set()


async def test_what_is_kept_exported_and_given_to_the_model_is_as_it_was_written(tmp_path: Path) -> None:
    history = History()
    app = kept_stage("arabic", "chinese", engine=Echo(answers={"arabic": LONG, "chinese": "好"}), history=history)
    app._direction = seen("arabic", engine=Echo())._direction
    assert app._direction
    async with app.run_test(size=(120, 36)) as pilot:
        await ask(pilot, "هل (هذا) صحيح؟")
        assert LONG[:20] not in shown(pilot) and visual("العربية") in shown(pilot)
        conversation = screen(pilot).session.conversations["arabic"]
        assert [message.text for message in conversation.messages] == ["هل (هذا) صحيح؟", LONG]
        assert app._library
        app._library.close()
    chat = history.load(1)
    assert chat.turns[0].question == "هل (هذا) صحيح؟" and chat.turns[0].latest["arabic"].text == LONG
    for form in files.FORMS:
        assert LONG in files.render([chat], form).replace("\\n", "\n") or form == "html"
    assert LONG[:30] in files.render([chat], "html")


async def test_what_the_mouse_selects_is_copied_as_it_was_written() -> None:
    async with seen("arabic", engine=Echo(answers={"arabic": LONG})).run_test(size=(60, 30)) as pilot:
        await ask(pilot, "سؤال عن China؟")
        question = views(pilot)["arabic"].turns[0]._question
        assert question.get_selection(Selection(None, None)) == ("سؤال عن China؟", "\n")
        region = question.content_region
        found = {}
        for x in range(region.x, region.right):
            widget, offset = pilot.app.screen.get_widget_and_offset_at(x, region.y)
            if widget is question and offset is not None:
                found[x] = offset.x
        line = lines_of(pilot, question)[0]
        at = {x - region.x: character for x, character in found.items() if line[x - region.x] != " "}
        for x, character in at.items():
            if line[x].isascii():
                assert "سؤال عن China؟"[character] == line[x]
        rightmost = max(at)
        assert at[rightmost] == 0, "reading begins on the right"


async def test_the_marks_of_a_list_stand_on_the_right_of_its_items() -> None:
    text = "1. بند أول\n2. بند ثان\n\n- one\n- two"
    async with seen("arabic", engine=Echo(answers={"arabic": text})).run_test(size=(60, 30)) as pilot:
        await ask(pilot, "?")
        rows = [row.strip(" ┃│") for row in shown(pilot).splitlines()]
        assert f"{visual('بند أول')} .1" in rows and f"{visual('بند ثان')} .2" in rows
        assert any(row.endswith(" one") and not row.startswith("one") for row in rows)


async def test_names_states_and_bars_stay_in_their_places() -> None:
    answers = {"arabic": "نعم.", "chinese": "好。"}
    for settings in (SEEN, Settings(rtl="logical")):
        async with seen("arabic", "chinese", engine=Echo(answers=answers), settings=settings).run_test(
            size=(120, 36)
        ) as pilot:
            await ask(pilot)
            text = shown(pilot)
            name = visual("العربية") if settings is SEEN else "العربية"
            assert f"{name} Arabic" in text and "✓ done" in text
            rows = [row for row in text.splitlines() if "│" in row]
            edges = {tuple(at for at in range(120) if column(row, at) == "│") for row in rows}
            assert edges == {(0, 59, 60, 119)}


def column(row: str, cell: int) -> str:
    """Return the character that stands in a cell."""
    at = 0
    for character in row:
        if at == cell:
            return character
        at += cell_len(character)
    return ""


async def test_a_typed_line_runs_from_the_right() -> None:
    async with seen("arabic", engine=Echo()).run_test(size=(60, 30)) as pilot:
        await ready(pilot)
        line = screen(pilot).prompt.input
        line.post_message(Paste("مرحبا (abc)"))
        await pilot.pause()
        (printed,) = lines_of(pilot, line)  # type: ignore[arg-type]
        assert printed.endswith(visual("مرحبا (abc)")) and line.value == "مرحبا (abc)"
        cursor = line.get_component_rich_style("text-area--cursor").bgcolor
        segments = list(line.render_line(0))
        under = [place for place, one in enumerate(segments) if one.style and one.style.bgcolor == cursor]
        assert [segments[place].text for place in under] == [" "]
        assert "".join(segment.text for segment in segments[under[0] + 1 :]) == visual("مرحبا (abc)")
        line.value = "hello שלום"
        await pilot.pause()
        (printed,) = lines_of(pilot, line)  # type: ignore[arg-type]
        assert printed.startswith("hello םולש")


async def test_steering_characters_of_a_model_neither_steer_nor_appear() -> None:
    hostile = "\u202eevil\u202c مرحبا \u2067x\u2069 \u061c"
    async with seen("arabic", engine=Echo(answers={"arabic": hostile})).run_test(size=(60, 30)) as pilot:
        await ask(pilot, hostile)
        text = shown(pilot)
        assert "evil" in text and visual("مرحبا") in text
        assert not set(text) & set("\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069")
        assert views(pilot)["arabic"].turns[0].text == clean(hostile)


async def test_only_the_last_paragraph_is_worked_out_while_an_answer_grows() -> None:
    paragraphs = [f"الفقرة رقم {number} من النص" for number in range(30)]
    engine = Halting(answers={"arabic": "\n".join(paragraphs)}, words=60, first=threading.Event())
    async with seen("arabic", engine=engine).run_test(size=(60, 60)) as pilot:
        await ready(pilot)
        await pilot.press(*"why", "enter")
        await until(pilot, lambda: phases(pilot) == [Phase.WRITING])
        paragraph.cache_clear()
        turn = views(pilot)["arabic"].turns[0]
        await turn.restart()
        turn.live = False
        for number in range(1, 31):
            turn.text = "\n".join(paragraphs[:number])
            await turn.grow("")
            await pilot.pause()
        # each of 30 is worked out once with the cursor behind it and once without, and little else on the screen
        assert 30 < paragraph.cache_info().misses < 90
        assert engine.first
        engine.first.set()
        engine.go_on.set()


@pytest.mark.parametrize(
    "text", ["[/] مرحبا", "\t مرحبا\t x", "a\nב\n\nc", "中文 שלום 👍🏽", "מ" * 300, "א\u0301" * 50]
)
async def test_odd_texts_lose_nothing(text: str) -> None:
    async with seen("arabic", engine=Echo(answers={"arabic": text})).run_test(size=(60, 40)) as pilot:
        await ask(pilot, text.strip())
        printed = "".join(shown(pilot).split())
        for character in text:
            if character.isalnum() and not "\u0600" < character < "\u06ff":
                assert character in printed


async def test_a_picture_of_the_screen_is_not_ordered_a_second_time() -> None:
    for settings, wanted in ((SEEN, True), (Settings(rtl="logical"), False)):
        async with seen("arabic", engine=Echo(), settings=settings).run_test(size=(60, 20)) as pilot:
            await ready(pilot)
            assert ("bidi-override" in pilot.app.export_screenshot()) is wanted
