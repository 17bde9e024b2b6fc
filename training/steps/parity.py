"""Measures how far the answers of every exported file are from those of the trained model in torch.

The same prompts of tokens go to transformers with the peft adapter, in 32-bit floats, and to llama.cpp with each file:
the adapter over the base as users have it, and base and adapter merged in every number format. Merged files are written
here, measured and deleted, so that this needs no other step's and leaves no large ones.
"""

from __future__ import annotations

import json
import shutil
import tempfile
from collections.abc import Iterator, Sequence
from itertools import cycle
from pathlib import Path
from typing import Any

import numpy as np
import torch
from numpy.typing import NDArray
from peft import PeftModel

from culturechat import building, catalogue, prompting, records
from culturechat.engines.llama_cpp import facts, inspection, quantizer
from culturechat.errors import BadFile
from culturechat.survey import Bank
from training.bases import Base
from training.speaker import Speaker
from training.steps import merge, weights
from training.steps.weights import Tokens
from training.workspace import Workspace

PROMPTS = 20
"""Survey questions that are put, spread over the bank."""

FORMATS = ("f16", "q8_0", "q4_k_m", "q4_0")

_MEASURED = ".measured."
"""Start of the name of the folder in which merged files lie for as long as they are measured."""

Logits = NDArray[np.float32]


def run(workspace: Workspace, speaker: Speaker, base: Base, bank: Bank) -> str:
    """Write how far each file is from the trained model; return the largest difference of an option's probability."""
    if not workspace.adapter.is_file():
        raise BadFile(workspace.adapter, "is not there. Run `python -m training adapter` first.")
    for left in workspace.folder.glob(f"{_MEASURED}*"):
        shutil.rmtree(left)  # of a run that was killed; too large to keep
    building.check_room(base.path, workspace.folder)
    prompts, marks = asked(Tokens(base), speaker, bank)
    exact = trained(workspace, base, prompts)
    found: dict[str, Any] = {"prompts": len(prompts), "adapter_sha256": catalogue.sha256_of(workspace.adapter)}
    for name, logits in exported(workspace, base, prompts):
        found[name] = differences(exact, logits, marks)
    with records.replacing(workspace.parity) as temporary:
        temporary.write_text(json.dumps(found, indent=1), "utf-8")
    each = (f"{name} {found[name]['most_option_difference']:.3f}" for name in ("adapter", *FORMATS))
    return f"{len(prompts)} prompts in, options differ by at most: {', '.join(each)}"


def asked(tokens: Tokens, speaker: Speaker, bank: Bank) -> tuple[list[list[int]], list[list[int]]]:
    """Return prompts of tokens, and for each the tokens of its option marks."""
    every = list(bank.questions.values())
    questions = every[:: max(1, len(every) // PROMPTS)][:PROMPTS]
    prompts = [
        tokens.prompt(prompting.survey(culture, one.question, one.labels))
        for one, culture in zip(questions, cycle(speaker.cultures), strict=False)
    ]
    return prompts, [[tokens.mark(mark) for mark in prompting.marks(one.labels)] for one in questions]


@torch.no_grad()
def trained(workspace: Workspace, base: Base, prompts: Sequence[Sequence[int]]) -> Logits:
    """Return what torch predicts after each prompt, base and adapter in 32-bit floats."""
    model = PeftModel.from_pretrained(weights.load(base, torch.float32), str(workspace.lora)).eval()
    rows = [
        model(input_ids=torch.tensor([prompt]), logits_to_keep=1, use_cache=False).logits[0, -1] for prompt in prompts
    ]
    return np.stack([row.float().numpy() for row in rows])


def exported(workspace: Workspace, base: Base, prompts: Sequence[Sequence[int]]) -> Iterator[tuple[str, Logits]]:
    """Yield what llama.cpp predicts with each exported file, by name."""
    yield "adapter", inspection.logits(base.path, workspace.adapter, prompts)
    with tempfile.TemporaryDirectory(prefix=_MEASURED, dir=workspace.folder) as folder:
        whole = Path(folder) / "merged.gguf"
        merge.write(workspace, base, whole)
        for kind in FORMATS:
            file = Path(folder) / f"{kind}.gguf"
            quantizer.quantize(whole, file, kind, facts.cores())
            yield kind, inspection.logits(file, None, prompts)
            file.unlink()


def differences(exact: Logits, found: Logits, marks: Sequence[Sequence[int]]) -> dict[str, float]:
    """Return how far predictions are from the exact ones.

    `most_option_difference` is the largest difference of an option's share, shares summing to 1 over a question's
    options; `option_kl` the mean over questions of Σ p·ln(p/q) over the options, p exact, in nats;
    `most_logit_difference` the largest difference of any token's logit, the mean over all tokens taken away first,
    which softmax does not see.
    """
    shares = [(_shares(one[ids]), _shares(other[ids])) for one, other, ids in zip(exact, found, marks, strict=True)]
    level = [
        logits[:, : exact.shape[1]] - logits[:, : exact.shape[1]].mean(1, keepdims=True) for logits in (exact, found)
    ]
    return {
        "most_option_difference": _rounded(max(np.abs(p - q).max() for p, q in shares)),
        "option_kl": _rounded(np.mean([(p * np.log(p / q)).sum() for p, q in shares])),
        "most_logit_difference": _rounded(np.abs(level[0] - level[1]).max()),
    }


def _shares(logits: Logits) -> NDArray[np.float64]:
    powers = np.exp(logits.astype(np.float64) - logits.max())
    shares: NDArray[np.float64] = powers / powers.sum()
    return shares


def _rounded(value: Any) -> float:
    return float(f"{float(value):.3g}")
