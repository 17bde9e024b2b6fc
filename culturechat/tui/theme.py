"""The colours the app starts with. Textual's own themes are in the command palette."""

from __future__ import annotations

from textual.theme import BUILTIN_THEMES, Theme

CALM = Theme(
    name="calm",
    primary="#82aaff",
    secondary="#8892ab",
    accent="#f0c674",
    foreground="#dce1eb",
    background="#12151c",
    surface="#181c25",
    panel="#222836",
    success="#a3d28f",
    warning="#e9b872",
    error="#ff7f85",
    dark=True,
    variables={
        "border": "#3a4257",
        "border-blurred": "#3a4257",
        "footer-background": "#12151c",
        "footer-key-foreground": "#f0c674",
        "footer-description-foreground": "#8892ab",
        "block-cursor-background": "#82aaff",
        "block-cursor-foreground": "#12151c",
        "scrollbar": "#3a4257",
        "scrollbar-background": "#181c25",
        "scrollbar-corner-color": "#181c25",
    },
)

OWN = (CALM,)


def names() -> tuple[str, ...]:
    """Return the names of all themes, the app's own first."""
    own = tuple(theme.name for theme in OWN)
    return (*own, *(name for name in sorted(BUILTIN_THEMES) if name not in own))
