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

CALM_LIGHT = Theme(
    name="calm-light",
    primary="#2a55b8",
    secondary="#5a6478",
    accent="#8a5a00",
    foreground="#0a0e18",
    background="#f8f7f4",
    surface="#ffffff",
    panel="#efeeea",
    success="#2e6b2a",
    warning="#8a4b00",
    error="#b3202c",
    dark=False,
    variables={
        "border": "#b9bbc4",
        "border-blurred": "#b9bbc4",
        "footer-background": "#f8f7f4",
        "footer-key-foreground": "#8a5a00",
        "footer-description-foreground": "#5a6478",
        "block-cursor-background": "#2a55b8",
        "block-cursor-foreground": "#ffffff",
        "scrollbar": "#b9bbc4",
        "scrollbar-background": "#ffffff",
        "scrollbar-corner-color": "#ffffff",
    },
)

HIGH_CONTRAST = Theme(
    name="high-contrast",
    primary="#5fd7ff",
    secondary="#ffffff",
    accent="#ffff00",
    foreground="#ffffff",
    background="#000000",
    surface="#000000",
    panel="#000000",
    success="#5fff5f",
    warning="#ffd700",
    error="#ff8787",
    dark=True,
    variables={
        "border": "#ffffff",
        "border-blurred": "#ffffff",
        "footer-background": "#000000",
        "footer-key-foreground": "#ffff00",
        "footer-description-foreground": "#ffffff",
        "block-cursor-background": "#ffff00",
        "block-cursor-foreground": "#000000",
        "input-cursor-background": "#ffff00",
        "input-cursor-foreground": "#000000",
        "scrollbar": "#ffffff",
        "scrollbar-background": "#000000",
        "scrollbar-corner-color": "#000000",
    },
)

ANSI = Theme(
    name="ansi",
    ansi=True,
    primary="ansi_default",
    secondary="ansi_default",
    accent="ansi_default",
    foreground="ansi_default",
    background="ansi_default",
    surface="ansi_default",
    panel="ansi_default",
    boost="ansi_default",
    success="ansi_default",
    warning="ansi_default",
    error="ansi_default",
    dark=True,
    variables={
        "ansi-background": "ansi_default",
        "ansi-foreground": "ansi_default",
        "border": "ansi_default",
        "border-blurred": "ansi_default",
        "block-cursor-foreground": "ansi_bright_white",
        "block-cursor-background": "ansi_blue",
        "block-cursor-blurred-foreground": "ansi_default",
        "block-cursor-blurred-background": "ansi_default",
        "block-cursor-blurred-text-style": "underline",
        "block-hover-background": "ansi_default",
        "input-cursor-foreground": "ansi_bright_white",
        "input-cursor-background": "ansi_blue",
        "input-cursor-text-style": "none",
        "input-selection-foreground": "ansi_bright_white",
        "input-selection-background": "ansi_blue",
        "screen-selection-foreground": "ansi_bright_white",
        "screen-selection-background": "ansi_blue",
        "footer-key-foreground": "ansi_default",
        "footer-description-foreground": "ansi_default",
        "scrollbar": "ansi_bright_black",
        "scrollbar-background": "ansi_default",
        "scrollbar-corner-color": "ansi_default",
    },
)
"""The two colours that the terminal itself writes in, light or dark, and white on blue for what is under a cursor."""

OWN = (CALM, CALM_LIGHT, HIGH_CONTRAST, ANSI)


def names() -> tuple[str, ...]:
    """Return the names of all themes, the app's own first."""
    own = tuple(theme.name for theme in OWN)
    return (*own, *(name for name in sorted(BUILTIN_THEMES) if name not in own))
