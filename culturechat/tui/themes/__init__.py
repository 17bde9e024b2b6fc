"""The colours of the app, one TOML file for each theme. Textual's own themes are offered beside them.

Knows nothing of widgets.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

from textual.theme import BUILTIN_THEMES, Theme

from culturechat import records

FOLDER = Path(__file__).parent


@dataclass(frozen=True)
class Colours:
    """What a theme's file says."""

    place: int
    """Where the theme stands in the list of themes."""
    dark: bool
    primary: str
    secondary: str
    accent: str
    foreground: str
    background: str
    surface: str
    panel: str
    success: str
    warning: str
    error: str
    border: str
    """Of frames and scrollbars."""
    cursor: str
    """Of the text under a list's cursor, on `primary`."""
    boost: str | None = None
    ansi: bool = False
    """Whether all colours are the terminal's own."""
    variables: dict[str, str] = field(default_factory=dict)
    """What Textual derives, or we do, and this theme wants otherwise; by Textual's names."""

    def theme(self, name: str) -> Theme:
        """Return the theme as Textual takes it."""
        return Theme(
            name=name,
            primary=self.primary,
            secondary=self.secondary,
            accent=self.accent,
            foreground=self.foreground,
            background=self.background,
            surface=self.surface,
            panel=self.panel,
            success=self.success,
            warning=self.warning,
            error=self.error,
            boost=self.boost,
            dark=self.dark,
            ansi=self.ansi,
            variables=self._derived | self.variables,
        )

    @property
    def _derived(self) -> dict[str, str]:
        return {
            "border": self.border,
            "border-blurred": self.border,
            "footer-background": self.background,
            "footer-key-foreground": self.accent,
            "footer-description-foreground": self.secondary,
            "block-cursor-background": self.primary,
            "block-cursor-foreground": self.cursor,
            "scrollbar": self.border,
            "scrollbar-background": self.surface,
            "scrollbar-corner-color": self.surface,
        }


@cache
def own() -> tuple[Theme, ...]:
    """Return the app's own themes, as they stand in the list."""
    files = {path.stem: records.read(path, Colours) for path in FOLDER.glob("*.toml")}
    return tuple(files[name].theme(name) for name in sorted(files, key=lambda name: files[name].place))


def names() -> tuple[str, ...]:
    """Return the names of all themes, the app's own first."""
    first = tuple(theme.name for theme in own())
    return (*first, *(name for name in sorted(BUILTIN_THEMES) if name not in first))
