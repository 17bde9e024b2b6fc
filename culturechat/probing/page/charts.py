"""The drawings of the report as SVG. Shapes differ as well as colours; colours come from the page's style sheet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from math import ceil

from markupsafe import Markup

from culturechat.probing.plane import Plane, Point
from culturechat.probing.resample import Interval
from culturechat.probing.summary import Summary

WIDTH = 760
_LEFT, _RIGHT, _ROW, _TOP = 110, 20, 34, 14
_PLANE_HEIGHT, _MARGIN = 520, 64


def distances(summaries: Sequence[Summary]) -> Markup | None:
    """Return a row per column: its mean WD with interval, between the noise floor and the uniform guess."""
    shown = [summary for summary in summaries if summary.model.wd is not None]
    if not shown:
        return None
    end = _round_up(max(_highest(summary) for summary in shown))
    height = _TOP + _ROW * len(shown) + 40
    rows = [_distance_row(summary, _TOP + _ROW * row + _ROW / 2, end) for row, summary in enumerate(shown)]
    return _svg(height, "Mean distance from the people by column", [*_axis(end, len(shown)), *rows])


def plane(plane: Plane) -> Markup:
    """Return the map: peoples as rings, models as diamonds with a line to their own people."""
    across = [point.x for point in plane.points]
    down = [point.y for point in plane.points]
    reach = max(max(point.long for point in plane.points) * 0.6, 1e-6)
    wide, high = max(across) - min(across) + 2 * reach, max(down) - min(down) + 2 * reach
    unit = min((WIDTH - 2 * _MARGIN) / wide, (_PLANE_HEIGHT - 2 * _MARGIN) / high)
    middle = (max(across) + min(across)) / 2, (max(down) + min(down)) / 2
    placed: dict[tuple[str, str], tuple[float, float]] = {
        (point.kind, point.culture): (
            WIDTH / 2 + (point.x - middle[0]) * unit,
            _PLANE_HEIGHT / 2 - (point.y - middle[1]) * unit,
        )
        for point in plane.points
    }
    ellipses = [_ellipse(point, *placed[point.kind, point.culture], unit) for point in plane.points]
    ties = [
        _tie(placed[key], placed["people", key[1]])
        for key in placed
        if key[0] == "model" and ("people", key[1]) in placed
    ]
    labels = _label_places(placed)
    points = [
        _point(point, *placed[point.kind, point.culture], *labels[point.kind, point.culture]) for point in plane.points
    ]
    return _svg(_PLANE_HEIGHT, "Map of models and peoples", [*ellipses, *ties, *points])


def _distance_row(summary: Summary, y: float, end: float) -> Markup:
    parts = [Markup('<text class="name" x="{}" y="{:.1f}">{}</text>').format(_LEFT - 10, y + 4, summary.culture)]
    floor, pooled, even = summary.noise_floor.wd, summary.others_pooled.wd, summary.uniform.wd
    if floor:
        x = _x(floor.mean, end)
        parts.append(
            Markup('<line class="floor" x1="{0:.1f}" x2="{0:.1f}" y1="{1:.1f}" y2="{2:.1f}"/>').format(x, y - 9, y + 9)
        )
    if pooled:
        parts.append(_diamond("pooled", _x(pooled.mean, end), y, 6))
    if even:
        parts.append(Markup('<circle class="even" cx="{:.1f}" cy="{:.1f}" r="5"/>').format(_x(even.mean, end), y))
    if summary.model.wd:
        parts.append(_with_interval(summary.model.wd, y, end))
    return Markup("").join(parts)


def _with_interval(given: Interval, y: float, end: float) -> Markup:
    low, mean, high = (_x(value, end) for value in (given.low, given.mean, given.high))
    return Markup(
        '<line class="range" x1="{:.1f}" x2="{:.1f}" y1="{:.1f}" y2="{:.1f}"/>'
        '<rect class="model" x="{:.1f}" y="{:.1f}" width="10" height="10"/>'
    ).format(low, high, y, y, mean - 5, y - 5)


def _axis(end: float, rows: int) -> Iterator[Markup]:
    bottom = _TOP + _ROW * rows
    step = 0.05 if end <= 0.5 else 0.1
    for number in range(round(end / step) + 1):
        x = _x(number * step, end)
        yield Markup('<line class="grid" x1="{0:.1f}" x2="{0:.1f}" y1="{1}" y2="{2}"/>').format(x, _TOP, bottom)
        yield Markup('<text class="tick" x="{:.1f}" y="{}">{:.2f}</text>').format(x, bottom + 16, number * step)
    middle = (WIDTH + _LEFT - _RIGHT) / 2
    yield Markup('<text class="tick" x="{:.1f}" y="{}">{}</text>').format(
        middle, bottom + 34, "WD from the people (0 = equal)"
    )


def _ellipse(point: Point, x: float, y: float, unit: float) -> Markup:
    return Markup(
        '<ellipse class="{}-region" cx="{x:.1f}" cy="{y:.1f}" rx="{:.1f}" ry="{:.1f}" '
        'transform="rotate({:.1f} {x:.1f} {y:.1f})"/>'
    ).format(point.kind, point.long * unit, point.short * unit, -point.angle, x=x, y=y)


def _tie(model: tuple[float, float], people: tuple[float, float]) -> Markup:
    return Markup('<line class="tie" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(*model, *people)


def _point(point: Point, x: float, y: float, label_x: float, label_y: float) -> Markup:
    shape = (
        _diamond("model", x, y, 7)
        if point.kind == "model"
        else Markup('<circle class="people" cx="{:.1f}" cy="{:.1f}" r="6"/>').format(x, y)
    )
    anchor = "start" if label_x >= x else "end"
    text = Markup('<text class="{}-label" x="{:.1f}" y="{:.1f}" text-anchor="{}">{}</text>').format(
        point.kind, label_x, label_y, anchor, point.culture
    )
    far = abs(label_y - 4 - y) > 8
    lead = Markup('<line class="lead" x1="{:.1f}" y1="{:.1f}" x2="{:.1f}" y2="{:.1f}"/>').format(
        x, y, label_x + (-2 if anchor == "start" else 2), label_y - 4
    )
    return (lead if far else Markup("")) + shape + text


def _label_places(placed: dict[tuple[str, str], tuple[float, float]]) -> dict[tuple[str, str], tuple[float, float]]:
    """Return a place for every name beside its point that no other name or point stands on, as far as there is one."""
    taken = [(x - 8, y - 8, x + 8, y + 8) for x, y in placed.values()]
    found = {}
    for key, (x, y) in sorted(placed.items(), key=lambda entry: entry[1][1]):
        length = 7.2 * len(key[1]) + 4
        tries = [(x + side * 11, y + 4 + lift) for lift in (0, -14, 14, -28, 28, -42, 42, -56, 56) for side in (1, -1)]
        boxes = [
            (label_x if label_x > x else label_x - length, label_y - 12, label_y + 3) for label_x, label_y in tries
        ]
        spans = [(left, top, left + length, bottom) for left, top, bottom in boxes]
        free = (n for n, span in enumerate(spans) if not any(_meet(span, other, own=(x, y)) for other in taken))
        best = next(free, 0)
        taken.append(spans[best])
        found[key] = tries[best]
    return found


def _meet(a: tuple[float, ...], b: tuple[float, ...], own: tuple[float, float]) -> bool:
    if (b[0] + b[2]) / 2 == own[0] and (b[1] + b[3]) / 2 == own[1]:
        return False
    return a[0] < b[2] and b[0] < a[2] and a[1] < b[3] and b[1] < a[3]


def _diamond(kind: str, x: float, y: float, size: float) -> Markup:
    corners = f"{x:.1f},{y - size:.1f} {x + size:.1f},{y:.1f} {x:.1f},{y + size:.1f} {x - size:.1f},{y:.1f}"
    return Markup('<polygon class="{}" points="{}"/>').format(kind, corners)


def _svg(height: float, title: str, parts: Sequence[Markup]) -> Markup:
    return Markup('<svg viewBox="0 0 {} {:.0f}" role="img" aria-label="{}">{}</svg>').format(
        WIDTH, height, title, Markup("\n").join(parts)
    )


def _x(value: float, end: float) -> float:
    return _LEFT + value / end * (WIDTH - _LEFT - _RIGHT)


def _highest(summary: Summary) -> float:
    given = (summary.model.wd, summary.uniform.wd, summary.others_pooled.wd)
    return max((max(one.high if one is summary.model.wd else one.mean, one.mean) for one in given if one), default=1.0)


def _round_up(value: float) -> float:
    return max(ceil(value * 20) / 20, 0.05)
