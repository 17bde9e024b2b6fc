from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from types import ModuleType

import pytest

from culturechat import prompting, survey
from culturechat.errors import UsageError
from culturechat.probing import Plan, lm_eval
from culturechat.probing.results import ItemResult
from culturechat.survey import translations
from tests.probing.stage import run

ITEMS = ["Q27", "Q42", "Q125"]


def metrics(folder: Path) -> ModuleType:
    spec = importlib.util.spec_from_file_location("exported_metrics", folder / "metrics.py")
    assert spec and spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


def test_the_folder_has_a_task_per_column_and_a_document_per_setting(tmp_path: Path) -> None:
    bank = survey.load()
    names = lm_eval.export(tmp_path, ["chinese", "base"], bank, ITEMS, Plan(4))
    assert names == ["culturechat_chinese", "culturechat_base"]
    rows = [json.loads(line) for line in (tmp_path / "chinese.jsonl").read_text("utf-8").splitlines()]
    assert len(rows) == 4 + 4 + 4
    question = bank.question("Q27")
    assert rows[0]["prompt"] == prompting.survey(None, question.question, question.labels)[-1].text
    assert rows[0]["marks"] == ["A", "B", "C", "D"]
    assert rows[0]["order"][rows[0]["target"]] == rows[1]["order"][rows[1]["target"]]


def test_the_export_can_be_in_the_cultures_own_language_and_score_whole_labels(tmp_path: Path) -> None:
    bank = survey.load()
    lm_eval.export(tmp_path, ["korean", "base"], bank, ["Q27"], Plan(2, ("words",), True, "own"))
    korean, *more = [json.loads(line) for line in (tmp_path / "korean.jsonl").read_text("utf-8").splitlines()]
    own = translations.load("ko")
    assert own.questions["Q27"] in korean["prompt"] and korean["prompt"].endswith(own.answer.words)
    assert korean["marks"] == list(own.scales["agree4"]) and len(more) == 1
    assert "한국" in (tmp_path / "culturechat_korean.yaml").read_text("utf-8")
    assert len((tmp_path / "base.jsonl").read_text("utf-8").splitlines()) == 12


def test_the_task_is_yaml_that_names_data_and_metrics(tmp_path: Path) -> None:
    yaml = pytest.importorskip("yaml")

    class Loader(yaml.SafeLoader):  # type: ignore[misc, name-defined]
        """Takes `!function module.name` as text, as the harness does before it imports it."""

    Loader.add_constructor("!function", lambda loader, node: loader.construct_scalar(node))
    lm_eval.export(tmp_path, ["arabic"], survey.load(), ITEMS, Plan())
    task = yaml.load((tmp_path / "culturechat_arabic.yaml").read_text("utf-8"), Loader)
    assert Path(task["dataset_kwargs"]["data_files"]["test"]).is_file()
    assert "Iraq or Jordan" in task["description"]
    assert task["output_type"] == "multiple_choice" and task["doc_to_choice"] == "marks"
    group = yaml.load((tmp_path / "culturechat.yaml").read_text("utf-8"), Loader)
    assert group == {"group": "culturechat", "task": ["culturechat_arabic"]}


def test_the_exported_metrics_are_ours(tmp_path: Path) -> None:
    plan = Plan(4, ("letters", "backwards"))
    done = run(["chinese"], ["Q27", "Q33", "Q42"], plan)
    lm_eval.export(tmp_path, ["chinese"], done.bank, ["Q27", "Q33", "Q42"], plan)
    module = metrics(tmp_path)
    documents = [json.loads(line) for line in (tmp_path / "chinese.jsonl").read_text("utf-8").splitlines()]
    readings = [reading for result in done.items for reading in result.readings]
    given = [
        module.process_results(document, [(logprob, False) for logprob in reading.logprobs])
        for document, reading in zip(documents, readings, strict=True)
    ]
    assert module.mean_wd([row["wd"] for row in given]) == pytest.approx(mean(done.items, "wd"))
    assert module.mean_jsd_bits([row["jsd_bits"] for row in given]) == pytest.approx(mean(done.items, "jsd_bits"))


def mean(results: tuple[ItemResult, ...], name: str) -> float:
    known = [value for result in results if (value := getattr(result, name)) is not None]
    return float(sum(known) / len(known))


def test_a_file_in_the_way_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x").write_text("")
    with pytest.raises(UsageError, match="is a file"):
        lm_eval.export(tmp_path / "x", ["chinese"], survey.load(), ITEMS, Plan())
