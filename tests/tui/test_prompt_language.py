"""The language of the prompts, switched on the screen."""

from __future__ import annotations

from culturechat import cultures
from culturechat.engines.echo import Echo
from tests.tui.stage import Recorder, ask, ready, screen, shown, stage, views


async def test_both_languages_stand_side_by_side_and_the_question_waits_on_the_line() -> None:
    engine = Recorder(answers={"chinese": "In English", "chinese:own": "用中文"})
    async with stage("chinese", engine=engine).run_test(size=(120, 36)) as pilot:
        await ask(pilot, "why?")
        offered = [command.title for command in pilot.app.get_system_commands(pilot.app.screen)]
        assert "Prompts in both languages, side by side" in offered and "Prompts in English" not in offered
        await pilot.app.prompt_in("both")  # type: ignore[attr-defined]
        await ready(pilot)
        assert list(views(pilot)) == ["chinese", "chinese:own"]
        assert "中文 Chinese (en)" in shown(pilot) and "中文 Chinese (zh)" in shown(pilot)
        assert screen(pilot).prompt.input.value == "why?"
        await ask(pilot, "why?")
        assert "In English" in shown(pilot) and "用中文" in shown(pilot)
        prompt = cultures.load("chinese").prompt
        assert [request.messages[0].text for request in engine.requests] == [prompt.english, prompt.english, prompt.own]


async def test_the_language_is_switched_back() -> None:
    async with stage("chinese", "base", engine=Echo()).run_test(size=(120, 36)) as pilot:
        await ready(pilot)
        for language, columns in (("own", ["chinese:own", "base"]), ("english", ["chinese", "base"])):
            await pilot.app.prompt_in(language)  # type: ignore[attr-defined]
            await ready(pilot)
            assert list(views(pilot)) == columns
        assert "(zh)" not in shown(pilot)
