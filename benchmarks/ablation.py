"""What do more wordings of the seeds bring? `python -m benchmarks.ablation [--cultures A,B] [--seeds N,M]`.

Adapters of the embedded default that differ in the sentences they are shown and in nothing else: the 50 seeds alone, or
with sentences that the augmentation of CultureLLM (arXiv 2402.10946) makes of them. All learn the same number of option
lists from the same start, which knows the seeds in the bank's wording and the mean answers of all peoples; and are then
asked in that wording and in one that none was shown. Prose and replay are left out.

What is done is kept in `--runs` and not done again, so that a killed run goes on, and so that two processes with other
`--cultures` can share the work. The tables are printed of all that is there.
"""

from __future__ import annotations

import argparse
import json
from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from statistics import fmean, stdev

from peft import PeftModel

from culturechat import cultures, records
from culturechat.probing import banks, metrics
from culturechat.survey import Bank
from training import bases, recipes, rows, speaker
from training.bases import Base
from training.recipes import Augment, Recipe
from training.rows import Seed, Wording
from training.steps import augment, dataset, evaluate, finetune, seeds, weights
from training.steps.weights import Tokens
from training.workspace import Workspace

WORDINGS: tuple[evaluate.WordingName, ...] = ("canonical", "restated")
STEPS, START_STEPS, ROWS = 80, 250, 8


@dataclass(frozen=True)
class Variant:
    """Which sentences an adapter is shown."""

    name: str
    restatements: int = 0
    """Stage a's of each seed."""
    samples: int = 0
    """Stage b's of each seed, made of five restatements."""


SIZES = (Variant("50"), Variant("150", samples=2), Variant("550", samples=10), Variant("1050", samples=20))
STAGES = (SIZES[0], Variant("50+a", restatements=5), SIZES[2])


def main() -> None:
    """Train what is not there yet and print the tables."""
    options = _parser().parse_args()
    base, bank = bases.load("smollm2-135m"), banks.load()[0]
    recipe = _recipe(recipes.load("default"))
    shown = wordings(options.runs / "wordings.jsonl", recipe, bank, base)
    start = trained(options.runs / "start", speaker.COMMON, Variant("50"), 1, recipe, bank, base, shown, None)
    for seed in options.seeds:
        for culture in options.cultures:
            for variant in dict.fromkeys((*SIZES, *STAGES)):
                folder = options.runs / f"{variant.name}-{culture}-s{seed}"
                if not (folder / "result.json").is_file():
                    made = trained(folder, culture, variant, seed, recipe, bank, base, shown, start)
                    found = measured(made, culture, recipe, bank, base)
                    with records.replacing(folder / "result.json") as temporary:
                        temporary.write_text(json.dumps({"sentences": sentences(shown, variant), **found}), "utf-8")
                    print(folder.name, found, flush=True)
    print(table("Data size: sentences in all", SIZES, options.runs))
    print(table("Stages of augmentation", STAGES, options.runs))


def wordings(path: Path, recipe: Recipe, bank: Bank, base: Base) -> list[Wording]:
    """Return the seeds in other words, made once for all variants."""
    if not path.is_file():
        settings = recipe.augment
        assert settings is not None
        making = augment.Augmenter(settings, recipe.data.held_back_wordings, 1)
        found = [making.outcome(question).kept for question in bank.questions.values() if question.seed]
        making.close()
        rows.write(path, [wording for kept in found for wording in kept])
    return rows.read(path, Wording)


def chosen(shown: Sequence[Wording], variant: Variant) -> dict[str, list[str]]:
    """Return the sentences beside each seed's own that the variant is shown."""
    of_stage: dict[tuple[str, str], list[str]] = defaultdict(list)
    for wording in shown:
        of_stage[wording.item, wording.stage].append(wording.text)
    return {
        item: of_stage[item, "restated"][: variant.restatements] + of_stage[item, "replaced"][: variant.samples]
        for item in {wording.item for wording in shown}
    }


def sentences(shown: Sequence[Wording], variant: Variant) -> int:
    """Return how many sentences there are in all, the seeds' own among them."""
    found = chosen(shown, variant)
    return len(found) + sum(map(len, found.values()))


def trained(
    folder: Path,
    name: str,
    variant: Variant,
    seed: int,
    recipe: Recipe,
    bank: Bank,
    base: Base,
    shown: Sequence[Wording],
    start: Workspace | None,
) -> Workspace:
    """Train an adapter, if it is not there, and return where."""
    workspace = Workspace(folder)
    if not workspace.lora_config.is_file():
        given = seeds.asked(speaker.culture(name), recipe, bank)
        rows.write(workspace.dataset, dataset.build(given, [], recipe.data, bank, seed, chosen(shown, variant)))
        steps = STEPS if start else START_STEPS
        settings = finetune.Settings(base, recipe.lora, replace(recipe.training, steps=steps), seed, start)
        finetune.run(workspace, settings, folder.name, folder.name)
    return workspace


def measured(workspace: Workspace, name: str, recipe: Recipe, bank: Bank, base: Base) -> dict[str, float]:
    """Return the distance to the culture's people in each wording."""
    given = seeds.asked(cultures.load(name), recipe, bank)
    model = PeftModel.from_pretrained(weights.load(base), str(workspace.lora))
    model = weights.keep_inputs(model).eval()
    tokens = Tokens(base)
    found: dict[str, float] = {}
    for wording in WORDINGS:
        asked = list(evaluate.asked_in(wording, given, [cultures.load(name)], bank, recipe.data))
        said = {answer.item: answer.shares for answer in evaluate.ask(model, tokens, asked, wording)}
        found[wording] = distance(given, said, bank)
    return found


def distance(given: Sequence[Seed], said: Mapping[str, Sequence[float]], bank: Bank) -> float:
    """Return the mean WD over the ordered questions."""
    ordered = [seed for seed in given if bank.questions[seed.item].ordered]
    return round(fmean(metrics.wasserstein(seed.shares, said[seed.item]) for seed in ordered), 4)


def table(title: str, variants: Sequence[Variant], runs: Path) -> str:
    """Return the means over cultures and seeds, with the standard deviation over seeds of the cultures' mean."""
    lines = [f"{title:<28}{'sentences':>10}{'runs':>6}" + "".join(f"{f'WD, {name}':>26}" for name in WORDINGS)]
    for variant in variants:
        of_seed: dict[str, list[dict[str, float]]] = defaultdict(list)
        for path in sorted(runs.glob(f"{variant.name}-*/result.json")):
            of_seed[path.parent.name.rpartition("-")[2]].append(json.loads(path.read_text("utf-8")))
        if not of_seed:
            continue
        cells = []
        for name in WORDINGS:
            means = [fmean(one[name] for one in found) for found in of_seed.values()]
            spread = f" ± {stdev(means):.3f}" if len(means) > 1 else ""
            cells.append(f"{f'{fmean(means):.3f}{spread}':>26}")
        all_of_them = [one for found in of_seed.values() for one in found]
        lines.append(f"{variant.name:<28}{all_of_them[0]['sentences']:>10}{len(all_of_them):>6}" + "".join(cells))
    return "\n".join(lines)


def _recipe(recipe: Recipe) -> Recipe:
    """Return `default` with the seeds only and every sentence shown equally often, the paper's augmentation doubled."""
    assert recipe.augment is not None
    wider: Augment = replace(recipe.augment, samples=20, least_change=0.0)
    return replace(
        recipe,
        data=replace(recipe.data, items="seeds", canonical=0.0, prose_per_item=0),
        augment=wider,
        training=replace(recipe.training, options_per_step=ROWS, prose_per_step=0, replay_per_step=0),
    )


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(description=__doc__.partition("\n")[0])
    parser.add_argument("--cultures", type=lambda text: text.split(","), default=["chinese", "arabic"])
    parser.add_argument("--seeds", type=lambda text: [int(part) for part in text.split(",")], default=[1, 2, 3])
    parser.add_argument("--runs", type=Path, default=Path("runs/ablation"))
    return parser


if __name__ == "__main__":
    main()
