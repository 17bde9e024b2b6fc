"""The settings in force while the app runs: changes hold at once, for this session or, once kept, from now on.

Knows nothing of widgets.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from typing import Any, Literal

from culturechat import settings
from culturechat.settings import Resolved, Settings, file

Listener = Callable[[Settings], None]


class Preferences:
    """What is set, where it comes from, and what was changed since the start."""

    def __init__(self, resolved: Resolved) -> None:
        self._begun = resolved
        self._changes: dict[str, Any] = {}
        """By key; None where the default shall hold again."""
        self._listeners: list[Listener] = []

    @property
    def settings(self) -> Settings:
        """What holds now."""
        return settings.changed(self._begun.settings, self._changes)

    @property
    def begun(self) -> Settings:
        """What held at the start, with what was kept since."""
        return self._begun.settings

    @property
    def changes(self) -> Mapping[str, Any]:
        """What was changed and not kept yet."""
        return dict(self._changes)

    def on_change(self, listener: Listener) -> None:
        """Let something be told of every change."""
        self._listeners.append(listener)

    def origin(self, key: str) -> Literal["flag", "environment", "file", "default", "session"]:
        """Return where a value comes from; `session` is what was changed and not kept."""
        return "session" if key in self._changes else self._begun.origin(key).kind

    def place(self, key: str) -> str:
        """Return the variable or the file that a value comes from, or nothing."""
        return "" if key in self._changes else self._begun.origin(key).place

    def change(self, key: str, value: Any) -> None:
        """Let a value hold for this session; None is the default."""
        if settings.flat(settings.changed(self._begun.settings, {key: value})) == settings.flat(self._begun.settings):
            self._changes.pop(key, None)
        else:
            self._changes[key] = value
        self._tell()

    def undo(self, key: str) -> None:
        """Take a change back that was not kept."""
        if key in self._changes:
            del self._changes[key]
            self._tell()

    def keep(self) -> list[str]:
        """Write all changes into the settings file; return what will beat them at the next start.

        Raises:
            UsageError: the file cannot be changed; nothing was written.
        """
        values = {key: value for key, value in self._changes.items() if value is not None}
        in_file = settings.in_file()
        if values:
            file.put(values)
        for key, value in self._changes.items():
            if value is None and key in in_file:
                file.remove(key)
        beaten = [
            self._begun.origin(key).place for key in self._changes if self._begun.origin(key).kind == "environment"
        ]
        origins = dict(self._begun.origins)
        for key, value in self._changes.items():
            origins.pop(key, None)
            if value is not None:
                origins[key] = settings.Origin("file", str(settings.file_path()))
        self._begun = replace(self._begun, settings=self.settings, origins=origins)
        self._changes = {}
        return beaten

    def _tell(self) -> None:
        for listener in self._listeners:
            listener(self.settings)
