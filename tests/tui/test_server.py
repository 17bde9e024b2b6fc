"""The screen on a server's models."""

from __future__ import annotations

from pathlib import Path

from culturechat import cultures, survey
from culturechat.catalogue import Column
from culturechat.engines.openai import OpenAI
from culturechat.engines.openai.wire import Server
from culturechat.session import Session
from culturechat.settings import Settings
from culturechat.tui.app import CompareApp
from culturechat.tui.widgets.header import Phase
from tests.app import chat_server
from tests.tui.stage import ask, near, phases, shown


async def test_columns_of_a_server_answer_on_the_screen_and_say_where_they_come_from() -> None:
    with chat_server.running() as chat:
        columns = [
            Column(name, cultures.load(name), "server", f"smollm2-135m.{name}", Path(), server=chat.address)
            for name in ("chinese", "arabic")
        ]
        session = Session(OpenAI(chat.address, Server(chat.address)), columns, Settings())
        app = CompareApp(session, Settings(), survey.load(), near("Q38"), clock=lambda: 0.0)
        async with app.run_test(size=(120, 40)) as pilot:
            await ask(pilot)
            text = shown(pilot)
            assert phases(pilot) == [Phase.DONE, Phase.DONE]
            assert text.count("We should help them.") == 2
            assert "on a server" in text and chat.address in text
        assert {body["model"] for body in chat.chats} == {"smollm2-135m.chinese", "smollm2-135m.arabic"}
