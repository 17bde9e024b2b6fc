"""All chats that were kept: found, read, opened again, renamed, duplicated, deleted and exported."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import ClassVar, TypeVar

from textual import on, work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal, Vertical
from textual.content import Content
from textual.events import Resize
from textual.screen import Screen
from textual.widgets import Input, OptionList, Static

from culturechat.errors import CulturechatError
from culturechat.history import Chat, Entry, files
from culturechat.locale import N_, _, ngettext, whole
from culturechat.session import Session
from culturechat.terminal import one_line
from culturechat.tui import arrangement
from culturechat.tui.chart import fitted
from culturechat.tui.keys import changeable
from culturechat.tui.library import Library
from culturechat.tui.screens.dialogs import ChoiceDialog, LineDialog
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.widgets.chat_list import ChatList, Reader
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.prose import Typed
from culturechat.tui.widgets.status import StatusLine

Result = TypeVar("Result")

PAGE = 100
"""Chats that are read at once; more come when the list is scrolled to its end."""
NEAR_END = 20
TYPING_SECONDS = 0.15
"""How long to wait for the next letter before searching."""
TOLD_CELLS = 40
FORMS = {
    "md": N_("Markdown, to read and edit"),
    "html": N_("HTML, one page to print or send"),
    "json": N_("JSON, all that is known; can be imported"),
    "csv": N_("CSV, a table of the answers"),
}


class SearchLine(Typed):
    """Where words to search for are typed."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("down,enter", "app.focus('chats')", "To the list", show=False),
    ]


class HistoryScreen(Screen[tuple[Session, Chat] | None]):
    """A list to search and, beside it, the chat under the cursor; leaves with the chat to go on with."""

    BINDINGS: ClassVar[list[BindingType]] = changeable(
        "history",
        Binding("escape", "back", "Back"),
        Binding("space", "read", "Read", tooltip="Read the chat, or go back to the list"),
        Binding("slash", "search", "Search", tooltip="Search for words or parts of words"),
        Binding("x,delete", "delete", "Delete", tooltip="Put the chat in the trash"),
        Binding("u", "restore", "Undo", tooltip="Bring back what was deleted last, or in the trash the chat chosen"),
        Binding("r", "rename", "Rename"),
        Binding("d", "duplicate", "Copy", tooltip="Make a copy of the chat"),
        Binding("e", "export", "Export", tooltip="Write the chat to a file in the current folder"),
        Binding("t", "trash", "Trash", tooltip="Show what was deleted, or the chats again"),
        Binding("f1", "help", "Help", priority=True, show=False),
        Binding("question_mark", "help", "Help", show=False),
    )

    def __init__(self, library: Library) -> None:
        super().__init__()
        self._library = library
        self._more = False
        self._any: bool | None = None
        """Whether chats are listed; not known until they were looked for."""
        self._in_trash = False
        self._reading = False
        self._status = StatusLine(_("history"))
        self._line = SearchLine(placeholder=_("Search: words or parts of words, in any script"), compact=True)
        self._list = ChatList()
        self._reader = Reader(id="reader")
        self._note = Static("", markup=False, id="note")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._status
        with Horizontal(id="search"):
            yield Static("/", markup=False)
            yield self._line
        with Horizontal(id="shelf"):
            with Vertical(id="left"):
                yield self._note
                yield self._list
            yield self._reader
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin on the list."""
        self._line.cursor_blink = False
        self._list.focus()
        self._fill()

    @on(Resize)
    def resized(self, event: Resize) -> None:
        """Show list and chat side by side where there is room."""
        self.set_class(event.size.width >= arrangement.BESIDE_CELLS, "-beside")

    @on(Input.Changed)
    def typed(self) -> None:
        """Search for what is on the line."""
        self._fill(wait=TYPING_SECONDS)

    @on(OptionList.OptionHighlighted)
    def moved(self, event: OptionList.OptionHighlighted) -> None:
        """Show the chat under the cursor, and read further chats near the end of the list."""
        self._show_chat()
        if self._more and event.option_index >= len(self._list.entries) - NEAR_END:
            self._add_page()

    @on(OptionList.OptionSelected)
    def clicked(self, event: OptionList.OptionSelected) -> None:
        """Let a click choose without opening."""
        event.stop()

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what needs a chat where there is none."""
        if action in ("open", "rename", "duplicate", "delete", "export") and self._in_trash:
            return None
        if action in ("open", "read", "rename", "duplicate", "delete", "export"):
            return None if self._any is False else True
        return True

    def action_back(self) -> None:
        """Leave the chat, the search, the trash, and at last the screen."""
        if self._reading:
            self.action_read()
        elif self._line.value:
            self._line.value = ""
            self._list.focus()
        elif self._in_trash:
            self.action_trash()
        else:
            self.dismiss(None)

    def action_read(self) -> None:
        """Show the chat in place of the list, or the list again; side by side, move between them."""
        self._reading = not self._reading
        self.set_class(self._reading, "-reading")
        (self._reader if self._reading else self._list).focus()

    def action_search(self) -> None:
        """Go to the search line."""
        self._line.focus()

    def action_trash(self) -> None:
        """Show what was deleted, or the chats again."""
        self._in_trash = not self._in_trash
        self._line.value = ""
        self._line.disabled = self._in_trash
        self._list.focus()
        self.refresh_bindings()
        self._fill()

    @work(exclusive=True, group="act")
    async def action_open(self) -> None:
        """Leave with the chat under the cursor."""
        if entry := self._list.chosen:
            # files may have to be read through to be sure that they are the same
            opened = await self._try(self._library.reopen, entry.id)
            if opened is not None:
                self.dismiss(opened)

    @work(exclusive=True, group="act")
    async def action_rename(self) -> None:
        """Ask for another title."""
        if entry := self._list.chosen:
            title = await self.app.push_screen_wait(LineDialog(_("Rename"), entry.title))
            if title is not None:
                await self._change(self._library.history.rename, entry.id, title)

    @work(exclusive=True, group="act")
    async def action_duplicate(self) -> None:
        """Copy the chat under the cursor."""
        if (entry := self._list.chosen) and await self._change(self._library.history.duplicate, entry.id):
            self._tell(_("Copied “{title}”.").format(title=_short(entry)))

    @work(exclusive=True, group="act")
    async def action_delete(self) -> None:
        """Put the chat under the cursor in the trash."""
        if (entry := self._list.chosen) and await self._change(self._library.history.delete, entry.id):
            self._tell(_("“{title}” is in the trash; u brings it back.").format(title=_short(entry)))

    @work(exclusive=True, group="act")
    async def action_restore(self) -> None:
        """Bring back the chat under the cursor in the trash; elsewhere the one deleted last."""
        entry = self._list.chosen if self._in_trash else None
        await self._change(self._library.history.restore, entry.id if entry else None)

    @work(exclusive=True, group="act")
    async def action_export(self) -> None:
        """Ask for a format and write the chat under the cursor to the current folder."""
        if entry := self._list.chosen:
            forms = {form: _(told) for form, told in FORMS.items()}
            form = await self.app.push_screen_wait(ChoiceDialog(_("Export"), forms))
            path = await self._try(self._export, entry.id, form) if form else None
            if path is not None:
                self._tell(_("Written to {path}").format(path=path))

    def action_help(self) -> None:
        """Show the keys."""
        bindings = [*ChatList.BINDINGS, *HistoryScreen.BINDINGS, *self.app.BINDINGS]
        self.app.push_screen(HelpScreen({N_("In the history"): bindings}))

    def _export(self, number: int, form: str) -> Path:
        chat = self._library.history.load(number)
        wanted = Path.cwd() / files.file_name(chat, form)
        path, copy = wanted, 2
        while path.exists():
            path, copy = wanted.with_stem(f"{wanted.stem}-{copy}"), copy + 1
        files.write(path, [chat], form)
        return path

    @work(exclusive=True, group="list")
    async def _fill(self, wait: float = 0.0) -> None:
        if wait:
            await asyncio.sleep(wait)
        found = await self._try(self._read_page, self._line.value, 0) or []
        total = await self._try(self._library.history.count, self._in_trash) or 0
        offered, self._any = self._any is not False, bool(found)
        self._list.show(found)
        self._more = len(found) == PAGE
        self._note.update(Content("" if found else self._nothing()))
        self._note.display = not found
        self._status.state = self._counted(len(found), total)
        if offered != self._any:
            self.refresh_bindings()
        self._show_chat()

    @work(exclusive=True, group="list")
    async def _add_page(self) -> None:
        found = await self._try(self._read_page, self._line.value, len(self._list.entries)) or []
        self._list.add(found)
        self._more = len(found) == PAGE

    def _read_page(self, query: str, skip: int) -> list[Entry]:
        history = self._library.history
        if query.strip():
            return history.search(query, PAGE + skip)[skip:]
        return history.entries(PAGE, skip, self._in_trash)

    @work(exclusive=True, group="read")
    async def _show_chat(self) -> None:
        await asyncio.sleep(0.05)
        entry = self._list.chosen
        chat = await self._try(self._library.history.load, entry.id) if entry else None
        await self._reader.show(chat)

    async def _change(self, change: Callable[..., object], *arguments: object) -> bool:
        """Change the history and show it anew; return whether it worked."""
        done = await self._try(lambda: (change(*arguments),))
        if done:
            self._fill()
        return bool(done)

    async def _try(self, work: Callable[..., Result], *arguments: object) -> Result | None:
        """Do something in a thread; what goes wrong is told, and None is returned."""
        try:
            return await asyncio.to_thread(work, *arguments)
        except CulturechatError as error:
            self.notify(one_line(str(error)), severity="error", markup=False, timeout=8)
            return None

    def _counted(self, found: int, total: int) -> str:
        if self._in_trash:
            told = ngettext("{n} deleted chat", "{n} deleted chats", total)
        elif self._line.value.strip():
            told = ngettext("{found} of {n} chat", "{found} of {n} chats", total)
        else:
            told = ngettext("{n} chat", "{n} chats", total)
        return told.format(found=f"{found}{'+' if self._more else ''}", n=whole(total))

    def _nothing(self) -> str:
        if self._line.value.strip():
            return _("No chat has all of these words.")
        return _("The trash is empty.") if self._in_trash else _("No chats yet. What you ask is kept here.")

    def _tell(self, message: str) -> None:
        self.notify(one_line(message), markup=False, timeout=4)


def _short(entry: Entry) -> str:
    return fitted(entry.title, TOLD_CELLS).rstrip()
