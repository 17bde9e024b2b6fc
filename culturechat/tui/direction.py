"""Lines of the screen in the order of seeing, for terminals that do not order text from right to left themselves.

Prose is ordered by whole paragraphs, everything else piece by piece, so that what stands in columns stays there. Styles
go with their characters, and so do the places in the text by which the mouse selects: what is copied is what was
written. The order itself is worked out in `bidi`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence

from rich.cells import cell_len
from rich.segment import Segment
from rich.style import Style
from textual.color import Color
from textual.filter import LineFilter
from textual.strip import Strip

from culturechat.tui import bidi

_APART = re.compile("( {2,})")
_OFFSET = "offset"


class Pieces(LineFilter):
    """Orders every piece of a line for itself: what has a style of its own, or two spaces around it."""

    def apply(self, segments: list[Segment], background: Color) -> list[Segment]:
        """Return the line with its pieces in the order of seeing."""
        if not any(bidi.has_right_to_left(segment.text) for segment in segments):
            return segments
        return [_ordered_piece(segment) for segment in segments]


def is_visual(filters: Iterable[LineFilter]) -> bool:
    """Return whether lines are put in the order of seeing."""
    return any(isinstance(filter_, Pieces) for filter_ in filters)


def without_pieces(filters: Iterable[LineFilter]) -> list[LineFilter]:
    """Return the filters for a widget that orders its lines itself."""
    return [filter_ for filter_ in filters if not isinstance(filter_, Pieces)]


def place(strip: Strip) -> tuple[int, int] | None:
    """Return where a line begins in its text, as character and paragraph, or None where it has no text."""
    for segment in strip:
        found = _offset(segment)
        if found is not None:
            return found
    return None


def prose(strip: Strip, paragraph: str, begin: int, visual: bool, width: int) -> Strip:
    """Return one line of a paragraph, on the right where the paragraph runs from there.

    Args:
        strip: The line in the order of reading.
        paragraph: All of the paragraph that the line is from.
        begin: Where in it the line begins.
        visual: Whether the line shall be in the order of seeing.
        width: Cells the line has room in.
    """
    said = [segment for segment in strip if _offset(segment) is not None]
    text = "".join(segment.text for segment in said)
    if paragraph[begin : begin + len(text)] != text:
        paragraph, begin = text, 0
    if visual and bidi.has_right_to_left(paragraph):
        shown = list(_ordered(said, bidi.paragraph(paragraph), begin))
    else:
        shown = said
    if not bidi.runs_from_right(paragraph):
        return strip if shown is said else _beside(shown, strip, width, first=False)
    return _beside(shown, strip, width, first=True)


def whole(strip: Strip, text: str, width: int) -> Strip:
    """Return a line on which text is typed in the order of seeing, on the right where the text runs from there."""
    line = strip.adjust_cell_length(width)
    styles = [segment.style for segment in line for _character in segment.text]
    found = bidi.paragraph(line.text, bidi.runs_from_right(text))
    cells = found.line(0, len(line.text))
    return Strip([Segment(found.shown[cell], styles[found.cells[cell][0]]) for cell in cells])


def _ordered_piece(segment: Segment) -> Segment:
    text, style, control = segment
    if control or not bidi.has_right_to_left(text):
        return segment
    pieces = _APART.split(text)
    return Segment("".join(piece if _APART.fullmatch(piece) else _in_place(piece) for piece in pieces), style)


def _in_place(piece: str) -> str:
    """Return a piece in the order of seeing, with the spaces around it where they were."""
    word = piece.strip(" ")
    before = len(piece) - len(piece.lstrip(" "))
    return f"{piece[:before]}{bidi.visual(word)}{piece[before + len(word) :]}" if word else piece


def _ordered(segments: Sequence[Segment], paragraph: bidi.Paragraph, begin: int) -> Iterator[Segment]:
    styles = [segment.style for segment in segments for _character in segment.text]
    offset = next(found for segment in segments if (found := _offset(segment)) is not None)
    run = ""
    run_start = run_end = 0
    for cell in paragraph.line(begin, begin + len(styles)):
        start, end = paragraph.cells[cell]
        if run and start == run_end and styles[start - begin] == styles[run_start - begin]:
            run, run_end = run + paragraph.shown[cell], end
            continue
        if run:
            yield Segment(run, _at(styles[run_start - begin], offset[0] + run_start - begin, offset[1]))
        run, run_start, run_end = paragraph.shown[cell], start, end
    if run:
        yield Segment(run, _at(styles[run_start - begin], offset[0] + run_start - begin, offset[1]))


def _at(style: Style | None, character: int, paragraph: int) -> Style:
    return (style or Style.null()) + Style(meta={_OFFSET: (character, paragraph)})


def _beside(shown: Iterable[Segment], strip: Strip, width: int, first: bool) -> Strip:
    """Return segments in the whole width; the rest of it, which comes first or last, looks as it did."""
    segments = list(shown)
    free = max(width, strip.cell_length) - sum(cell_len(segment.text) for segment in segments)
    style = next((segment.style for segment in strip if _offset(segment) is None), None)
    if style is None and segments and segments[0].style is not None:
        style = Style(bgcolor=segments[0].style.bgcolor)
    blank = [Segment(" " * free, style)] if free > 0 else []
    return Strip([*blank, *segments] if first else [*segments, *blank])


def _offset(segment: Segment) -> tuple[int, int] | None:
    found = segment.style.meta.get(_OFFSET) if segment.style is not None else None
    return found if isinstance(found, tuple) and None not in found else None
