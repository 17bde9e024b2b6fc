"""Writes the question bank as tasks for lm-evaluation-harness 0.4, so that others can run it on their models.

One multiple-choice task per column and one group of all. A document is one way of putting one question; the harness
gives the log-likelihood of every mark, and the folder's own `metrics.py` turns them into distributions, takes the mean
over all documents of a question and measures WD and JSD from the people. Knows nothing of engines.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from culturechat import cultures, prompting
from culturechat.catalogue import BASE_COLUMN
from culturechat.conversation import Conversation
from culturechat.cultures import Culture
from culturechat.errors import UsageError
from culturechat.probing.method import CITATION
from culturechat.probing.plan import Plan, Setting
from culturechat.probing.run import write
from culturechat.probing.stream import checked
from culturechat.survey import Bank, People, Question

GROUP = "culturechat"

_METRICS = '''"""Distances from people's answers, for lm-evaluation-harness."""

from itertools import accumulate
from math import exp, log2


def process_results(doc, results):
    """Return one reading: the probabilities of the options among themselves, in scale order."""
    logs = [result[0] if isinstance(result, (tuple, list)) else result for result in results]
    weights = [exp(log - max(logs)) for log in logs]
    by_option = {option: weight / sum(weights) for option, weight in zip(doc["order"], weights)}
    reading = (doc["item"], [by_option[place] for place in range(len(logs))], doc["human"], doc["ordered"])
    return {"wd": reading, "jsd_bits": reading}


def mean_wd(readings):
    """Return the mean over questions of the normalised Wasserstein distance of the mean reading from the people."""
    found = [_wd(p, human) for p, human, ordered in _items(readings) if human and ordered]
    return sum(found) / len(found) if found else float("nan")


def mean_jsd_bits(readings):
    """Return the mean over questions of the Jensen-Shannon divergence in bits."""
    found = [_jsd(p, human) for p, human, _ in _items(readings) if human]
    return sum(found) / len(found) if found else float("nan")


def _items(readings):
    items = {}
    for item, p, human, ordered in readings:
        items.setdefault(item, ([], human, ordered))[0].append(p)
    for given, human, ordered in items.values():
        yield [sum(column) / len(given) for column in zip(*given)], human, ordered


def _wd(p, q):
    return sum(abs(a - b) for a, b in zip(accumulate(p), accumulate(q))) / (len(p) - 1)


def _jsd(p, q):
    mean = [(a + b) / 2 for a, b in zip(p, q)]
    return (_kl(p, mean) + _kl(q, mean)) / 2


def _kl(p, q):
    return sum(a * log2(a / b) for a, b in zip(p, q) if a > 0)
'''


def export(folder: Path, columns: Sequence[str], bank: Bank, items: Sequence[str], plan: Plan) -> list[str]:
    """Write the tasks and return their names.

    Args:
        folder: Where to; made if missing.
        columns: Cultures, and `base` for no system prompt.
        bank: The questions and people's answers.
        items: Codes of the questions.
        plan: How every question is put.

    Raises:
        UsageError: a culture is unknown, or the folder cannot be written.
    """
    questions = checked(bank, items)
    if folder.exists() and not folder.is_dir():
        raise UsageError(f"{folder}: is a file; name a folder.")
    loaded = {name: None if name == BASE_COLUMN else cultures.load(name) for name in columns}
    for name, culture in loaded.items():
        documents = _documents(culture, questions, bank, plan)
        write(folder / f"{name}.jsonl", "".join(json.dumps(row, ensure_ascii=False) + "\n" for row in documents))
        write(folder / f"{GROUP}_{name}.yaml", _task(name, culture, folder, plan))
    tasks = [f"{GROUP}_{name}" for name in loaded]
    write(folder / f"{GROUP}.yaml", f"group: {GROUP}\ntask:\n" + "".join(f"  - {task}\n" for task in tasks))
    write(folder / "metrics.py", _METRICS)
    write(folder / "README.md", _readme(tasks))
    return tasks


def _task(name: str, culture: Culture | None, folder: Path, plan: Plan) -> str:
    system = prompting.chat(culture, Conversation(), plan.language)[0].text if culture else ""
    lines = [
        f"task: {GROUP}_{name}",
        "dataset_path: json",
        "dataset_kwargs:",
        "  data_files:",
        f"    test: {_quoted(str((folder / f'{name}.jsonl').resolve()))}",
        "output_type: multiple_choice",
        "test_split: test",
        f"description: {_quoted(system)}",
        "doc_to_text: prompt",
        "doc_to_choice: marks",
        "doc_to_target: target",
        'target_delimiter: ""',
        "process_results: !function metrics.process_results",
        "metric_list:",
        "  - metric: wd",
        "    aggregation: !function metrics.mean_wd",
        "    higher_is_better: false",
        "  - metric: jsd_bits",
        "    aggregation: !function metrics.mean_jsd_bits",
        "    higher_is_better: false",
        "metadata:",
        "  version: 1.0",
    ]
    return "\n".join(lines) + "\n"


def _documents(
    culture: Culture | None, questions: Sequence[Question], bank: Bank, plan: Plan
) -> Iterator[dict[str, Any]]:
    for question in (prompting.asked(culture, question, plan.language) for question in questions):
        people = bank.people(question.item, culture.countries if culture else ())
        for setting in plan.settings(question):
            yield _document(culture, question, people, setting, plan)


def _document(
    culture: Culture | None, question: Question, people: People | None, setting: Setting, plan: Plan
) -> dict[str, Any]:
    labels = [question.labels[option] for option in setting.order]
    wording = plan.wordings(question)[setting.wording]
    shares = list(people.shares) if people else []
    commonest = shares.index(max(shares)) if shares else 0
    return {
        "item": question.item,
        "prompt": prompting.survey(culture, wording, labels, plan.language, setting.style)[-1].text,
        "marks": list(prompting.marks(labels, setting.style)),
        "order": list(setting.order),
        "target": setting.order.index(commonest),
        "human": shares,
        "ordered": question.ordered,
    }


def _readme(tasks: Sequence[str]) -> str:
    return (
        "# Survey questions as tasks of lm-evaluation-harness 0.4\n\n"
        "    lm_eval --model hf --model_args pretrained=MODEL --apply_chat_template --include_path . "
        f"--tasks {GROUP}\n\n"
        "`wd` and `jsd_bits` are mean distances of the model's option probabilities, averaged over the ways each\n"
        "question is put, from the shares of people surveyed in the culture's countries; 0 is equal. A task of which\n"
        "no people were asked (`base`) reports nan. The YAML files name the data by absolute path: edit `data_files`\n"
        "when the folder moves. The culture is named in the system prompt (`description`), so a chat template is\n"
        "needed for the same prompts as culturechat's.\n\n"
        f"Tasks: {', '.join(tasks)}\n\nFigures, for non-profit use with this citation: {CITATION}\n"
    )


def _quoted(text: str) -> str:
    """Return a YAML double-quoted scalar, which JSON strings are."""
    return json.dumps(text, ensure_ascii=False)
