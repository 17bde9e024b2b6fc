"""Puts a trained adapter where the app looks for it: file, card, and a row in the models' table. Knows no torch."""

from __future__ import annotations

import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

from culturechat import catalogue, records, survey
from culturechat.catalogue import CardFile
from culturechat.errors import BadFile
from training.bases import Base
from training.recipes import Recipe
from training.speaker import Speaker
from training.workspace import Workspace

TABLE_HEAD = """\
# Models

Written by `python -m training publish` from the cards in `cards/`; change the cards, not this table. Adapters are
LoRA files for the named base, in 16-bit floats. WD is the mean normalised Wasserstein-1 distance to the survey's shares
(0 is equal; lower is better). First on the 50 seeds, which were learnt, as the app asks them and in a wording that
training never saw, beside the mean of the other peoples and a uniform guess; then on the questions that training never
showed, beside a uniform guess (all by the training code); then on all questions the culture's people were asked, by
`culturechat probe` on the file that ships (four orders, with a 95 % interval over questions; of the adapter of all
cultures all figures are means over them).

| card | form | culture | base | MB | recipe, seed | WD learnt | unseen wording | others pooled | uniform | \
never shown | uniform | WD by probe, all | licence |
|---|---|---|---|---|---|---|---|---|---|---|---|---|---|
"""


def run(
    workspace: Workspace,
    speaker: Speaker,
    base: Base,
    recipe: Recipe,
    seed: int,
    models: Path,
    source: str = survey.SOURCE,
) -> str:
    """Copy the adapter, write its card and the table of all cards."""
    name = f"{base.id}.{speaker.id}"
    file = models / "adapters" / f"{name}.gguf"
    if not workspace.adapter.is_file():
        raise BadFile(workspace.adapter, "is not there. Run `python -m training adapter` first.")
    with records.replacing(file) as temporary:
        shutil.copyfile(workspace.adapter, temporary)
    write_card(models / "cards" / f"{name}.toml", card(file, workspace, speaker, base, recipe, seed, source))
    count = write_table(models)
    return f"1 adapter in, {file.name} and a table of {count} cards out"


def card(
    file: Path, workspace: Workspace, speaker: Speaker, base: Base, recipe: Recipe, seed: int, source: str
) -> dict[str, Any]:
    """Return what the adapter's card says; `source` is where people's answers come from."""
    data = file.read_bytes()
    return {
        "form": "adapter",
        "name": f"{base.record.name} · {speaker.name}",
        "licence": "Apache-2.0",
        "file": file.name,
        "bytes": len(data),
        "sha256": hashlib.sha256(data).hexdigest(),
        "culture": speaker.id,
        "base": base.card or base.id,
        "base_sha256": base.record.sha256,
        "recipe": recipe.id,
        "seed": seed,
        "survey": {"source": source, "countries": list(speaker.countries)},
        "scores": _scores(workspace),
    }


def write_card(path: Path, values: dict[str, Any]) -> None:
    """Write a card that the catalogue can read."""
    records.build(values, CardFile, path)
    records.write(path, values)


def write_table(models: Path) -> int:
    """Write the table of all cards in this folder; return how many there are."""
    paths = sorted((models / "cards").glob("*.toml"))
    lines = [_table_row(path.stem, records.read(path, CardFile)) for path in paths]
    with records.replacing(models / "README.md") as temporary:
        temporary.write_text(TABLE_HEAD + "".join(lines), "utf-8")
    return len(lines)


def _scores(workspace: Workspace) -> dict[str, Any]:
    """Return the scores of the card: by the probe command on the file, and by the training code in torch."""
    return {
        "probe": _read(workspace.probe, "probe"),
        "chat": _read(workspace.chats, "chat")["scores"],
        **_read(workspace.scores, "evaluate"),
        **_parity(workspace),
    }


def _parity(workspace: Workspace) -> dict[str, Any]:
    """Return how far exported files are from the trained model, where that was measured of just this adapter."""
    if not workspace.parity.is_file():
        return {}
    found = _read(workspace.parity, "parity")
    of_this = found.pop("adapter_sha256") == catalogue.sha256_of(workspace.adapter)
    return {"parity": found} if of_this else {}


def _read(path: Path, step: str) -> dict[str, Any]:
    try:
        found = json.loads(path.read_text("utf-8"))
    except FileNotFoundError:
        raise BadFile(path, f"is not there. Run `python -m training {step}` first.") from None
    assert isinstance(found, dict)
    return found


def _table_row(name: str, card: CardFile) -> str:
    cells = [
        name,
        card.form,
        card.culture,
        card.base,
        f"{card.bytes / 1e6:.1f}",
        f"{card.recipe}, {card.seed}" if card.recipe else "",
        _score(card, "canonical", "adapter"),
        _score(card, "restated", "adapter"),
        _score(card, "canonical", "others_pooled"),
        _score(card, "canonical", "uniform"),
        _score(card, "canonical", "adapter", "held_out"),
        _score(card, "canonical", "uniform", "held_out"),
        _probed(card),
        card.licence,
    ]
    return f"| {' | '.join(cells)} |\n"


def _score(card: CardFile, wording: str, who: str, group: str = "seeds") -> str:
    try:
        return f"{card.scores[wording][group][who]['wd']:.3f}"
    except KeyError:
        return ""


def _probed(card: CardFile) -> str:
    try:
        found = card.scores["probe"]["wd"]
    except KeyError:
        return ""
    interval = f" ({found['low']:.3f} to {found['high']:.3f})" if "low" in found else ""
    return f"{found['mean']:.3f}{interval}"
