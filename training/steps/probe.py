"""Measures the adapter's file as a user would, by `culturechat probe` itself, beside the base with a prompt only."""

from __future__ import annotations

import json
from statistics import fmean
from typing import Any

from culturechat import records
from culturechat.catalogue import ONE, Form
from culturechat.errors import BadFile
from culturechat.probing import Plan, ProbeRun, probe
from training.bases import Base
from training.speaker import Speaker
from training.workspace import Workspace

ORDERS = 4

_KEPT = ("items", "wd", "jsd_bits", "uniform", "others_pooled", "noise_floor", "option_mass")


def run(workspace: Workspace, speaker: Speaker, base: Base) -> str:
    """Write what the probe found; of an adapter of several cultures for each of them and in the mean."""
    if not workspace.adapter.is_file():
        raise BadFile(workspace.adapter, "is not there. Run `python -m training adapter` first.")
    names, plan = [culture.id for culture in speaker.cultures], Plan(ORDERS)
    form: Form = "one" if speaker.id == ONE else "adapter"
    trained = probe(names, base=base.model, adapters={speaker.id: workspace.adapter}, form=form, plan=plan)
    prompted = probe(names, base=base.model, form="prompt", plan=plan)
    found = {
        "command": f"culturechat probe --cultures {','.join(names)} --form {form} --orders {ORDERS}",
        **_summary(trained, _KEPT),
        "prompted": _summary(prompted, ("wd", "jsd_bits", "option_mass")),
    }
    with records.replacing(workspace.probe) as temporary:
        temporary.write_text(json.dumps(found, indent=1), "utf-8")
    return f"WD {found['wd']['mean']:.3f}, with a prompt only {found['prompted']['wd']['mean']:.3f}"


def _summary(run: ProbeRun, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return a column's summary as the probe's JSON holds it, rounded; what could not be measured is left out.

    Of several columns the means over them, without intervals, and each column's distance.
    """
    summaries = run.to_dict()["summary"]
    if len(summaries) == 1:
        return {key: _rounded(summaries[0][key]) for key in keys if summaries[0][key] is not None}
    means = {key: _mean([summary[key] for summary in summaries]) for key in keys if key != "items"}
    each = {summary["culture"]: round(summary["wd"]["mean"], 4) for summary in summaries}
    return {"items": len(run.items), **means, "wd_of": each}


def _mean(values: list[Any]) -> Any:
    """Return the mean of numbers or of intervals, however deep they lie."""
    known = [value for value in values if value is not None]
    if isinstance(known[0], dict):
        kept = [key for key in known[0] if key not in ("low", "high")]
        return {key: _mean([value[key] for value in known]) for key in kept}
    return round(fmean(known), 4)


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items() if one is not None}
    return round(value, 4) if isinstance(value, float) else value
