"""How well the text on a screen stands out, by the formula of WCAG 2.2."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from rich.color import Color
from rich.terminal_theme import TerminalTheme
from textual.pilot import Pilot

Rgb = tuple[int, int, int]

_NORMAL = [
    (0, 0, 0),
    (205, 0, 0),
    (0, 205, 0),
    (205, 205, 0),
    (0, 0, 238),
    (205, 0, 205),
    (0, 205, 205),
    (229, 229, 229),
]
_BRIGHT = [(127, 127, 127), (255, 0, 0), (0, 255, 0), (255, 255, 0), (92, 92, 255), (255, 0, 255), (0, 255, 255)]
XTERM_DARK = TerminalTheme((0, 0, 0), (229, 229, 229), _NORMAL, [*_BRIGHT, (255, 255, 255)])
XTERM_LIGHT = TerminalTheme((255, 255, 255), (0, 0, 0), _NORMAL, [*_BRIGHT, (255, 255, 255)])
"""What the sixteen colours are in xterm, on a dark and on a light ground."""


@dataclass(frozen=True)
class Run:
    """Some text in one style."""

    text: str
    ratio: float
    """From 1, unreadable, to 21, black on white."""


def runs(pilot: Pilot[Any], terminal: TerminalTheme) -> Iterator[Run]:
    """Yield all words on the screen but those of keys that do nothing now; lines, bars and spaces are no text."""
    idle = {text for key in pilot.app.screen.query("FooterKey.-disabled") for text in _words(key)}
    for strip in pilot.app.screen._compositor.render_strips():
        for text, style, _ in strip:
            words = text.strip()
            if style is None or words in idle or not any(character.isalnum() for character in words):
                continue
            front, back = _rgb(style.color, terminal, True), _rgb(style.bgcolor, terminal, False)
            if style.dim:
                front = mixed(front, back)
            if style.reverse:
                front, back = back, front
            yield Run(words, ratio(front, back))


def ratio(one: Rgb, other: Rgb) -> float:
    """Return how much two colours differ: (lighter + 0.05) / (darker + 0.05) of their relative luminance."""
    light, dark = sorted((_luminance(one), _luminance(other)), reverse=True)
    return (light + 0.05) / (dark + 0.05)


def mixed(front: Rgb, back: Rgb) -> Rgb:
    """Return dim text as terminals show it, half way to its background."""
    red, green, blue = ((a + b) // 2 for a, b in zip(front, back, strict=True))
    return red, green, blue


def _words(key: Any) -> tuple[str, str]:
    return key.key_display.strip(), key.description.strip()


def _rgb(color: Color | None, terminal: TerminalTheme, foreground: bool) -> Rgb:
    red, green, blue = (color or Color.default()).get_truecolor(terminal, foreground)
    return red, green, blue


def _luminance(color: Rgb) -> float:
    red, green, blue = (_linear(part / 255) for part in color)
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def _linear(part: float) -> float:
    return part / 12.92 if part <= 0.04045 else float(((part + 0.055) / 1.055) ** 2.4)
