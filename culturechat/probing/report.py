"""Results as plain values for JSON, in the form that others rely on; no numbers are made here."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from culturechat.probing import ItemResult
from culturechat.probing.summary import Distances, Interval, Summary


def as_json(results: Sequence[ItemResult], summaries: Sequence[Summary]) -> dict[str, Any]:
    """Return items and summary as the `probe --json` file holds them."""
    return {"items": [_item(result) for result in results], "summary": [_summary(summary) for summary in summaries]}


def _item(result: ItemResult) -> dict[str, Any]:
    return {
        "item": result.item,
        "culture": result.culture,
        "codes": list(result.codes),
        "p": list(result.p),
        "option_mass": result.option_mass,
        "human": list(result.people.shares) if result.people else None,
        "jsd_bits": result.jsd_bits,
        "wd": result.wd,
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "culture": summary.culture,
        "items": summary.items,
        **_distances(summary.model),
        "uniform": _distances(summary.uniform),
        "others_pooled": _distances(summary.others_pooled),
    }


def _distances(distances: Distances) -> dict[str, Any]:
    return {"jsd_bits": _interval(distances.jsd_bits), "wd": _interval(distances.wd)}


def _interval(interval: Interval | None) -> dict[str, float] | None:
    return vars(interval) | {} if interval else None
