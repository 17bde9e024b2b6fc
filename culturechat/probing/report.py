"""Results as plain values for JSON, in the form that others rely on; no numbers are made here."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Any

from culturechat.probing.method import METHOD
from culturechat.probing.results import ItemResult, Reading
from culturechat.probing.summary import Distances, ItemControls, Summary

if TYPE_CHECKING:
    from culturechat.probing.run import ProbeRun


def as_json(run: ProbeRun) -> dict[str, Any]:
    """Return a run as the `probe --json` file holds it."""
    measured = {summary.culture: summary.controls for summary in run.summary}
    return {
        "items": [_item(result, run, measured[result.culture].get(result.item)) for result in run.items],
        "summary": [_summary(summary) for summary in run.summary],
        "bias": [asdict(bias) for bias in run.bias],
        "nearest": asdict(run.nearest) if run.nearest else None,
        "map": asdict(run.plane) if run.plane else None,
        "method": _method(run),
    }


def _item(result: ItemResult, run: ProbeRun, measured: ItemControls | None) -> dict[str, Any]:
    question = run.bank.questions[result.item]
    return {
        "item": result.item,
        "culture": result.culture,
        "codes": list(result.codes),
        "p": list(result.p),
        "option_mass": result.option_mass,
        "human": list(result.people.shares) if result.people else None,
        "jsd_bits": result.jsd_bits,
        "wd": result.wd,
        "theme": question.theme,
        "question": question.question,
        "labels": list(question.labels),
        "asked": run.asked(result).question,
        "human_n": result.people.n if result.people else None,
        "human_countries": list(result.people.countries) if result.people else [],
        "uniform": _pair(measured.uniform if measured else None),
        "others_pooled": _pair(measured.others_pooled if measured else None),
        "noise_floor": _pair(measured.noise_floor if measured else None),
        "readings": [_reading(reading) for reading in result.readings],
    }


def _reading(reading: Reading) -> dict[str, Any]:
    return {
        "wording": reading.wording,
        "style": reading.style,
        "order": list(reading.order),
        "p": list(reading.p),
        "option_mass": reading.mass,
        "unseen": reading.unseen,
    }


def _summary(summary: Summary) -> dict[str, Any]:
    return {
        "culture": summary.culture,
        "items": summary.items,
        **_distances(summary.model),
        "uniform": _distances(summary.uniform),
        "others_pooled": _distances(summary.others_pooled),
        "noise_floor": _distances(summary.noise_floor),
        "option_mass": _interval(summary.option_mass),
        "correlation": _interval(summary.correlation),
        "correlation_beyond_others": _interval(summary.correlation_beyond_others),
        **({"themes": {theme: _summary(own) for theme, own in summary.themes.items()}} if summary.themes else {}),
    }


def _method(run: ProbeRun) -> dict[str, Any]:
    return {
        "culturechat": run.version,
        "llama_cpp_python": run.llama_cpp,
        "columns": [asdict(column) for column in run.columns],
        "plan": asdict(run.plan),
        "seed": run.seed,
        "source": asdict(run.source),
        "text": list(METHOD),
        "unreviewed_translations": run.unreviewed,
    }


def _pair(measured: tuple[float, float | None] | None) -> dict[str, float | None] | None:
    return {"jsd_bits": measured[0], "wd": measured[1]} if measured else None


def _distances(distances: Distances) -> dict[str, Any]:
    return {"jsd_bits": _interval(distances.jsd_bits), "wd": _interval(distances.wd)}


def _interval(interval: Any) -> dict[str, float] | None:
    return asdict(interval) if interval else None
