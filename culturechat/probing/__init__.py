"""What a model would answer to survey questions, read from its option probabilities, next to what people answered.

Nothing is sampled and no text is parsed: the model's probabilities of the option marks are read at the place where its
answer would begin, and averaged over the orders, marks and wordings in which the question is put. Knows nothing of
screens.

    from culturechat.probing import probe

    run = probe("chinese,german,base", theme="social values")
    run.summary[0].model.wd          # Interval(mean=…, low=…, high=…)
    run.to_polars()                  # one row per column, question and option

`stream` gives the same results one by one while they are found, on an engine that is already open; `measure` does so
and keeps them for a run that is stopped.
"""

from __future__ import annotations

from culturechat.probing.api import measure, probe, probe_columns, select
from culturechat.probing.clustered import probe_columns as probe_on
from culturechat.probing.plan import Plan, Setting, orders
from culturechat.probing.resample import Interval
from culturechat.probing.results import ItemResult, Reading
from culturechat.probing.run import ProbeRun, Source
from culturechat.probing.stream import stream
from culturechat.probing.summary import Distances, Summary
from culturechat.probing.tally import Means, Tally

__all__ = [
    "Distances",
    "Interval",
    "ItemResult",
    "Means",
    "Plan",
    "ProbeRun",
    "Reading",
    "Setting",
    "Source",
    "Summary",
    "Tally",
    "measure",
    "orders",
    "probe",
    "probe_columns",
    "probe_on",
    "select",
    "stream",
]
