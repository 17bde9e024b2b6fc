"""Measures the adapter's file as a user would, by `culturechat probe` itself, beside the base with a prompt only."""

from __future__ import annotations

import json
from typing import Any

from culturechat import records
from culturechat.cultures import Culture
from culturechat.errors import BadFile
from culturechat.probing import Plan, ProbeRun, probe
from training.bases import Base
from training.workspace import Workspace

ORDERS = 4

_KEPT = ("items", "wd", "jsd_bits", "uniform", "others_pooled", "noise_floor", "option_mass")


def run(workspace: Workspace, culture: Culture, base: Base) -> str:
    """Write what the probe found."""
    if not workspace.adapter.is_file():
        raise BadFile(workspace.adapter, "is not there. Run `python -m training adapter` first.")
    plan = Plan(ORDERS)
    trained = probe([culture.id], base=base.card, adapters={culture.id: workspace.adapter}, plan=plan)
    prompted = probe([culture.id], base=base.card, form="prompt", plan=plan)
    found = {
        "command": f"culturechat probe --cultures {culture.id} --orders {ORDERS}",
        **_summary(trained, _KEPT),
        "prompted": _summary(prompted, ("wd", "jsd_bits", "option_mass")),
    }
    with records.replacing(workspace.probe) as temporary:
        temporary.write_text(json.dumps(found, indent=1), "utf-8")
    return f"WD {found['wd']['mean']:.3f}, with a prompt only {found['prompted']['wd']['mean']:.3f}"


def _summary(run: ProbeRun, keys: tuple[str, ...]) -> dict[str, Any]:
    """Return a column's summary as the probe's JSON holds it, rounded; what could not be measured is left out."""
    (summary,) = run.to_dict()["summary"]
    return {key: _rounded(summary[key]) for key in keys if summary[key] is not None}


def _rounded(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _rounded(one) for key, one in value.items() if one is not None}
    return round(value, 4) if isinstance(value, float) else value
