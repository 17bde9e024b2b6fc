"""Texts and pictures on their way out of the screen: clipboard, files, the user's editor. Knows nothing of columns."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any

from textual.app import App, SuspendNotSupported

from culturechat import outbox
from culturechat.errors import CulturechatError
from culturechat.locale import _
from culturechat.terminal import one_line


class Takeaway:
    """Hands things out of one app and says where they are."""

    def __init__(self, app: App[Any], now: Callable[[], datetime] = datetime.now) -> None:
        self._app = app
        self._now = now
        self._copied = ""

    def copy(self, text: str, what: str) -> None:
        """Put a text into the clipboard; where that may have failed, or is asked for twice, into a file."""
        again, self._copied = text == self._copied, text
        takes = outbox.takes(text)
        if takes:
            self._app.copy_to_clipboard(text)
        if takes and not again:
            copied = _("Copied {what}. Not in your clipboard? The same key again writes a file.")
            self._say(copied.format(what=what))
            return
        here = _("Here it is as a file: {path}") if takes else _("This terminal takes no copies; it is here: {path}")
        self._with_file(lambda: here.format(path=outbox.copy(text)))

    def picture(self) -> None:
        """Keep a picture of the screen."""
        here = _("Picture of the screen: {path}")
        self._with_file(lambda: here.format(path=outbox.picture(self._app.export_screenshot(), self._now())))

    def edited(self, text: str) -> str | None:
        """Return a text as the user left it in the editor, or None where that was not possible."""
        try:
            with self._app.suspend():
                return outbox.edited(text)
        except SuspendNotSupported:
            self._say(_("Nothing else can be opened in this terminal."), error=True)
        except CulturechatError as error:
            self._say(str(error), error=True)
        return None

    def _with_file(self, write: Callable[[], str]) -> None:
        try:
            self._say(write())
        except CulturechatError as error:
            self._say(str(error), error=True)

    def _say(self, text: str, error: bool = False) -> None:
        severity = "error" if error else "information"
        self._app.notify(one_line(text), markup=False, timeout=8, severity=severity)  # type: ignore[arg-type]
