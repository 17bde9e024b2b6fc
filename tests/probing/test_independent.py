"""Every probability against transformers, one prompt at a time, on the very same weights in full precision.

On the shipped 4-bit weights llama.cpp rounds activations to 8 bits, which moves probabilities by a few hundredths. The
test therefore writes the weights out as F32 first; what is left is the order of additions.
"""

from __future__ import annotations

from collections.abc import Iterator
from math import log
from pathlib import Path
from typing import Any

import pytest

from culturechat import catalogue, prompting, survey
from culturechat.engines import Engine
from culturechat.probing import Plan, stream

pytestmark = pytest.mark.xdist_group("torch")

ITEMS = ["Q122", "Q123", "Q125", "Q126", "Q127"]
"""Questions of three options, so that all orders are six."""


def independent(path: Path, prompts: list[list[dict[str, str]]], marks: list[tuple[str, ...]]) -> Iterator[list[float]]:
    """Probabilities of the marks or labels over the whole vocabulary, token after token, by another program."""
    import torch
    import transformers

    how: dict[str, Any] = {"gguf_file": path.name, "dtype": torch.float32}
    how["quantization_config"] = transformers.GgufConfig(dequantize=True)
    tokenizer = transformers.AutoTokenizer.from_pretrained(path.parent, gguf_file=path.name)
    model = transformers.AutoModelForCausalLM.from_pretrained(path.parent, **how).eval()
    for prompt, own in zip(prompts, marks, strict=True):
        text = tokenizer.apply_chat_template(prompt, tokenize=False, add_generation_prompt=True)
        tokens = tokenizer.encode(text, add_special_tokens=False)
        answers = [tokenizer.encode(mark, add_special_tokens=False) for mark in own]
        tails = {tuple(answer[:-1]) for answer in answers}
        after = {}
        for tail in tails:
            with torch.inference_mode():
                logits = model(torch.tensor([[*tokens, *tail]]), logits_to_keep=len(tail) + 1).logits[0].double()
            after[tail] = torch.softmax(logits, -1)
        yield [float(after[tuple(answer[:-1])][range(len(answer)), answer].prod()) for answer in answers]


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_every_probability_is_that_of_an_independent_program(exact_base: Path, engine: Engine) -> None:
    columns = catalogue.columns(["chinese"], str(exact_base))
    engine.open(columns)
    bank = survey.load()
    plan = Plan("all")
    results = list(stream(engine, columns, bank, ITEMS, plan))
    prompts, marks = [], []
    for item in ITEMS:
        question = bank.questions[item]
        for setting in plan.settings(question):
            labels = [question.labels[option] for option in setting.order]
            messages = prompting.survey(columns[0].culture, question.question, labels)
            prompts.append([{"role": message.role, "content": message.text} for message in messages])
            marks.append(prompting.marks(labels))
    expected = independent(exact_base, prompts, marks)
    worst = 0.0
    for result in results:
        mean = [0.0] * len(result.codes)
        for reading in result.readings:
            given = next(expected)
            assert reading.mass == pytest.approx(sum(given), abs=0.01)
            worst = max(worst, *(abs(p - q / sum(given)) for p, q in zip(reading.by_place, given, strict=True)))
            for option, q in zip(reading.order, given, strict=True):
                mean[option] += q / sum(given) / len(result.readings)
        assert result.p == pytest.approx(mean, abs=0.01)
    assert worst <= 0.01, worst
    print(f"largest difference {worst:.2e}")  # noqa: T201


@pytest.mark.slow
@pytest.mark.filterwarnings("ignore")
def test_the_probability_of_every_label_is_that_of_an_independent_program(exact_base: Path, engine: Engine) -> None:
    """Labels of one to many tokens, in a language that the tokenizer splits finely."""
    columns = catalogue.columns(["german"], str(exact_base), form="prompt")
    engine.open(columns)
    plan = Plan(1, ("words",), language="own")
    asked = [survey.load().questions[item] for item in ("Q38", "Q149", "Q164")]
    choices = [choice for question in asked for choice in plan.choices(columns[0], question)]
    prompts = [[{"role": message.role, "content": message.text} for message in choice.messages] for choice in choices]
    expected = independent(exact_base, prompts, [choice.options for choice in choices])
    for scores, given in zip(engine.score("german", choices), expected, strict=True):
        assert scores.logprobs == pytest.approx([log(p) for p in given], abs=0.02)
