"""What training and evaluation compute, on the real base: trees against single prompts, and adapters of several."""

from __future__ import annotations

import json
import shutil
from dataclasses import replace
from pathlib import Path
from statistics import fmean
from typing import Any

import pytest

from culturechat import catalogue, cultures, prompting, survey
from culturechat.conversation import Message
from culturechat.errors import BadFile, UsageError
from training import bases, pipeline, recipes, rows, speaker
from training.pipeline import Job
from training.recipes import Lora
from training.rows import Answer, Reply, Row
from training.steps import seeds
from training.workspace import Workspace

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("torch")]

BASE = bases.load("smollm2-135m")
BANK = survey.load()
FEW = replace(BANK, questions={item: BANK.questions[item] for item in ("Q27", "Q38", "Q158", "Q132")})
"""Nobody in China was asked Q132."""

SHAPE = Lora(rank=2, alpha=4, first_layer=24)
REPLIES = [
    Reply((Message("user", "Hello!"),), "Hello there, how can I help?", True),
    Reply((Message("user", "What is a lake?"),), "A lake is a large body of water.", True, held_out=True),
]
RECIPE = """
[data]
items = "seeds"
options_per_item = 2
options_per_wording = 2
canonical = 1.0
rotated = 0.0
held_back_wordings = 1
prose_per_item = 1
replay_tokens = 16

[lora]
rank = 2
alpha = 4
first_layer = 24

[training]
steps = 2
options_per_step = 2
prose_per_step = 1
replay_per_step = 1
prose_weight = 1.0
replay_weight = 1.0
learning_rate = 1e-3
warmup_steps = 0
checkpoint_every = 10

[common]
steps = 2
options_per_step = 2
prose_per_step = 0
replay_per_step = 1
prose_weight = 1.0
replay_weight = 1.0
learning_rate = 1e-3
warmup_steps = 0
checkpoint_every = 10

[one]
steps = 3
options_per_step = 4
prose_per_step = 1
replay_per_step = 1
prose_weight = 1.0
replay_weight = 1.0
learning_rate = 1e-3
warmup_steps = 0
checkpoint_every = 10
"""


@pytest.fixture(scope="module")
def model() -> Any:
    import torch

    from training.steps import finetune, weights

    torch.manual_seed(1)
    adapted = finetune.with_adapter(weights.load(BASE, torch.float32), BASE, SHAPE)
    for name, values in adapted.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(values, std=0.05)
    return adapted.eval()


def test_trees_say_what_single_prompts_say(model: Any) -> None:
    import torch

    from training.steps import weights
    from training.steps.tree import TokenTree, forest

    tokens = weights.Tokens(BASE)
    questions = [BANK.questions[item] for item in ("Q27", "Q38", "Q158")]
    groups = [
        [
            tokens.prompt(prompting.survey(cultures.load("german"), q.question, labels))
            for labels in (q.labels, q.labels[::-1])
        ]
        for q in questions
    ]
    prompts = [prompt for group in groups for prompt in group]
    trees, places = forest(groups)
    assert sum(len(tree.tokens) for tree in trees) < sum(map(len, prompts))
    wanted = [(row, path[-1]) for group in places for row, path in group]
    with torch.no_grad():
        together = weights.log_probabilities(model, weights.as_tensors(trees, wanted))
        for found, prompt in zip(together, prompts, strict=True):
            tree = TokenTree()
            last = tree.add(prompt)[-1]
            alone = weights.log_probabilities(model, weights.as_tensors([tree], [(0, last)]))[0]
            assert float((found - alone).abs().max()) < 1e-3


def test_layers_before_the_first_stay_as_they_are(model: Any) -> None:
    trained = {
        name.split(".layers.")[1].split(".")[0] for name, values in model.named_parameters() if values.requires_grad
    }
    assert sorted(map(int, trained)) == list(range(24, 30))


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> list[Job]:
    """The adapter of Chinese and Arabic and the one of Chinese, from their common start, after a few steps."""
    folder = tmp_path_factory.mktemp("run")
    recipe = folder / "short.toml"
    recipe.write_text(RECIPE, "utf-8")
    jobs = pipeline.jobs(["chinese", "arabic"], BASE.id, str(recipe), 1, folder / "runs", folder / "models", one=True)
    jobs = [replace(job, bank=FEW) for job in jobs]
    for job in jobs[:3]:
        job.workspace.folder.mkdir(parents=True)
        rows.write(job.workspace.replies, REPLIES)
        for steps in (["seeds"], ["dataset"], ["finetune"], ["evaluate"], ["adapter"]):
            pipeline.run(job, steps)
    return jobs[1:3]


def test_the_adapter_of_all_learns_every_culture_s_answers(run: list[Job]) -> None:
    one = run[0]
    assert one.speaker.id == "one" and one.training.steps == 3
    assert {row.culture for row in rows.read(one.workspace.dataset, Row) if row.item} == {"chinese", "arabic"}
    answers = rows.read(one.workspace.answers, Answer)
    count = {culture: len({a.item for a in answers if a.culture == culture}) for culture in ("chinese", "arabic")}
    assert count == {"chinese": 3, "arabic": 4}
    scores = json.loads(one.workspace.scores.read_text("utf-8"))
    assert set(scores["restated"]["wd_of"]["all"]) == {"chinese", "arabic"}
    mean = sum(scores["restated"]["wd_of"]["all"].values()) / 2
    assert scores["restated"]["all"]["adapter"]["wd"] == pytest.approx(mean, abs=1e-4)


def test_every_adapter_starts_from_what_all_peoples_have_in_common(run: list[Job]) -> None:
    from safetensors.numpy import load_file

    start = run[0].workspace.sibling("common")
    assert {row.culture for row in rows.read(start.dataset, Row) if row.item} == {"common"}
    assert not (start.answers.exists() or start.adapter.exists()), "it is a start and nothing else"
    common, one, chinese = (load_file(place.lora_weights) for place in (start, *(job.workspace for job in run)))
    name = next(key for key in one if key.endswith("down_proj.lora_A.weight"))
    for other in (one, chinese):
        assert 0 < float(abs(other[name] - common[name]).max()) < 0.02, "near to where it began, and not there any more"


def test_the_common_start_answers_as_the_mean_of_all_peoples_do() -> None:
    everyone = speaker.culture("common")
    assert set(everyone.countries) == {code for name in cultures.names() for code in cultures.load(name).countries}
    (seed,) = (seed for seed in seeds.asked(everyone, recipes.load("default"), BANK) if seed.item == "Q27")
    means = [BANK.answers[country, "Q27"].shares for country in everyone.countries]
    agree = fmean(shares[BANK.questions["Q27"].codes[0]] for shares in means)
    assert seed.shares[0] == pytest.approx(agree, abs=1e-3)


def test_the_common_start_can_be_trained_alone(tmp_path: Path) -> None:
    (job,) = pipeline.jobs(["common"], BASE.id, "default", 1, tmp_path)
    assert job.speaker.id == "common" and job.training == recipes.load("default").common
    with pytest.raises(UsageError, match="common"):
        pipeline.jobs(["common"], BASE.id, "tiny", 1, tmp_path)


def test_without_its_start_an_adapter_is_not_trained(run: list[Job], tmp_path: Path) -> None:
    chinese = run[1]
    shutil.copytree(chinese.workspace.folder.parent, tmp_path / "copy")
    alone = Workspace(tmp_path / "copy" / "chinese")
    shutil.rmtree(alone.sibling("common").folder)
    job = replace(chinese, workspace=alone)
    with pytest.raises(BadFile, match="starts from it"):
        pipeline.run(job, ["finetune"])


def test_scores_name_every_wording_control_and_what_was_forgotten(run: list[Job]) -> None:
    scores = json.loads(run[1].workspace.scores.read_text("utf-8"))
    assert set(scores) == {"canonical", "restated", "held_back", "forgetting"}
    for wording in ("canonical", "restated", "held_back"):
        distances = scores[wording]["all"]
        assert set(distances) == {"adapter", "untrained", "others_pooled", "uniform"}
        assert distances["adapter"]["low"] < distances["adapter"]["wd"] < distances["adapter"]["high"]
        assert distances["uniform"]["items"] == 3
    assert scores["forgetting"]["answers"] == 1 and 0.5 < scores["forgetting"]["ratio"] < 2


def test_an_adapter_is_asked_under_the_marks_that_it_learnt() -> None:
    from training.steps import evaluate

    german = cultures.load("german")
    given = [seed for seed in seeds.asked(german, recipes.load("paper"), BANK) if seed.item in ("Q27", "Q158")]
    styles = {
        recipe: {one.item: one.style for one in evaluate.asked_in("canonical", given, [german], BANK, data)}
        for recipe, data in ((name, recipes.load(name).data) for name in ("paper", "default"))
    }
    assert styles["paper"] == {"Q27": "digits", "Q158": "letters"}, "ten options are too many for digits"
    assert set(styles["default"].values()) == {"letters"}


def test_the_file_of_all_names_all_countries_and_opens_as_one(run: list[Job]) -> None:
    from culturechat import gguf_file

    one = run[0].workspace.adapter
    header = gguf_file.read_header(one)
    assert header.metadata["culturechat.culture"] == "one"
    assert header.metadata["culturechat.survey"].endswith("CHN, IRQ, JOR")
    (column,) = catalogue.columns(["chinese"], BASE.card, {"one": one}, "one")
    assert column.form == "one" and column.adapter_path == one


def test_the_loss_curve_is_written_as_figures_and_as_a_picture(run: list[Job]) -> None:
    for job in run:
        assert job.workspace.losses.read_text("utf-8").startswith("step,option,prose,replay,learning_rate\n")
        assert job.workspace.loss_picture.read_bytes().startswith(b"\x89PNG")


def test_a_recipe_without_a_table_of_its_own_trains_all_as_one_culture() -> None:
    tiny = recipes.load("tiny")
    (one, _) = pipeline.jobs(["german"], BASE.id, "tiny", 1, Path("runs"), one=True)
    assert one.training == tiny.training and one.start is None
