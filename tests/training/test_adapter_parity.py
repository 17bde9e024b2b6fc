"""The exported adapter says what the trained one says: transformers + peft against llama.cpp + adapter GGUF.

Compared on a copy of the base in 32-bit floats, made here from the shipped Q4_1 file, so that nothing but the export
stands between the two. On a quantized file llama.cpp rounds activations to 8 bits, which moves option probabilities
with or without an adapter; the last test bounds what that does to the shipped adapters.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path

import pytest

from culturechat import catalogue, cultures, engines, prompting, survey
from culturechat.catalogue import Column
from culturechat.engines import Choice
from training import bases, recipes, speaker
from training.checkpoints import layout
from training.steps import adapter

pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("torch")]

BASE = bases.load("smollm2-135m")
CULTURE = cultures.load("chinese")
QUESTIONS = list(survey.load().questions.values())[::4][:20]
STRONG_B = 0.08
"""Standard deviation of a random B that moves answers as far as training does; a trained B of 0.02 has a direction."""

Shares = list[tuple[float, ...]]


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return tmp_path_factory.mktemp("parity")


@pytest.fixture(scope="module")
def trained(folder: Path) -> Iterator[Shares]:
    """Option probabilities by torch, with a random adapter that is left in `folder / lora`."""
    import torch

    from training.steps import finetune, weights
    from training.steps.tree import TokenTree

    torch.manual_seed(1)
    tokens = weights.Tokens(BASE)
    model = finetune.with_adapter(weights.load(BASE, torch.float32), BASE, recipes.load("tiny").lora)
    for name, values in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(values, std=STRONG_B)
    model.save_pretrained(folder / "lora")
    found: Shares = []
    with torch.no_grad():
        for choice in choices():
            tree = TokenTree()
            last = tree.add(tokens.prompt(choice.messages))[-1]
            predicted = weights.log_probabilities(model.eval(), weights.as_tensors([tree], [(0, last)]))[0].exp()
            marks = predicted[[tokens.mark(mark) for mark in choice.options]]
            found.append(tuple((marks / marks.sum()).tolist()))
    yield found


@pytest.fixture(scope="module")
def untouched(exact_base: Path) -> Shares:
    """Option probabilities by llama.cpp without any adapter."""
    return llama_cpp(exact_base, None)


def test_llama_cpp_says_what_torch_says(folder: Path, trained: Shares, exact_base: Path) -> None:
    adapter.convert(folder / "lora", folder / "adapter.gguf", speaker.of(CULTURE), BASE)
    assert difference(trained, llama_cpp(exact_base, folder / "adapter.gguf")) <= 0.02


def test_the_adapter_matters_in_this_comparison(trained: Shares, untouched: Shares) -> None:
    assert difference(trained, untouched) > 0.1


def test_without_the_permutation_the_comparison_fails(
    folder: Path, trained: Shares, exact_base: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(layout, "interleaved", lambda rows, heads: rows)
    adapter.convert(folder / "lora", folder / "fault.gguf", speaker.of(CULTURE), BASE)
    assert difference(trained, llama_cpp(exact_base, folder / "fault.gguf")) > 0.02


@pytest.mark.parametrize("culture", ["chinese", "arabic"])
def test_on_the_base_as_users_have_it_the_shipped_adapters_say_nearly_the_same(
    exact_base: Path, untouched: Shares, culture: str
) -> None:
    shipped = catalogue.cards()[f"{BASE.id}.{culture}"].path
    assert shipped is not None
    exact = llama_cpp(exact_base, shipped)
    assert difference(exact, llama_cpp(BASE.path, shipped)) <= 0.06
    assert difference(exact, untouched) > 0.1


def choices() -> list[Choice]:
    return [
        Choice(tuple(prompting.survey(CULTURE, question.question, question.labels)), prompting.marks(question.labels))
        for question in QUESTIONS
    ]


def llama_cpp(base: Path, lora: Path | None) -> Shares:
    engine = engines.load("llama_cpp")
    try:
        engine.open([Column("chinese", CULTURE, "adapter" if lora else "prompt", "test", base, lora)])
        return [scores.probabilities for scores in engine.score("chinese", choices())]
    finally:
        engine.close()


def difference(first: Sequence[Sequence[float]], second: Sequence[Sequence[float]]) -> float:
    return max(abs(a - b) for one, other in zip(first, second, strict=True) for a, b in zip(one, other, strict=True))
