"""Loads a base model and its tokenizer from a GGUF file for torch, and runs token trees through it.

Knows nothing of surveys or of how training goes.
"""

from __future__ import annotations

import ctypes
import sys
import warnings
from collections.abc import Mapping, Sequence
from contextlib import redirect_stderr
from functools import cache
from io import StringIO
from pathlib import Path
from typing import Any
from unittest.mock import patch

import gguf
import torch
from peft.tuners.lora import LoraLayer
from transformers import AutoModelForCausalLM, AutoTokenizer, GgufConfig
from transformers.utils import logging

from culturechat.conversation import Message
from culturechat.errors import BadFile, EngineError
from training.bases import Base
from training.steps.tree import TokenTree

_BLOCK, _BLOCKS = 1 << 26, 10
"""2.7 GB in all, about what a step needs."""

_MALLOC_TRIM, _MALLOC_MMAPS, _MALLOC_ARENAS = -1, -4, -8


class Tokens:
    """A base's tokenizer with its own chat template."""

    def __init__(self, base: Base) -> None:
        quiet()
        folder, file = _place(base)
        self.tokenizer: Any = AutoTokenizer.from_pretrained(folder, **file)
        if not self.tokenizer.chat_template:
            raise BadFile(folder, "carries no chat template; a base must be a chat model.")

    def prompt(self, messages: Sequence[Message]) -> list[int]:
        """Return a conversation as the model reads it, up to where its answer begins."""
        turns = [{"role": message.role, "content": message.text} for message in messages]
        text = self.tokenizer.apply_chat_template(turns, add_generation_prompt=True, tokenize=False)
        return self._encode(text)

    def answer(self, text: str, ended: bool = True) -> list[int]:
        """Return an answer's tokens, closed by the end-of-turn token where it ends."""
        return [*self._encode(text), *([int(self.tokenizer.eos_token_id)] if ended else [])]

    def mark(self, text: str) -> int:
        """Return the token of an option mark.

        Raises:
            EngineError: the tokenizer splits it, so that its probability is not one number.
        """
        tokens = self._encode(text)
        if len(tokens) != 1:
            raise EngineError(f"The base's tokenizer splits the option mark {text!r} into {len(tokens)} tokens.")
        return tokens[0]

    def _encode(self, text: str) -> list[int]:
        return [int(token) for token in self.tokenizer(text, add_special_tokens=False).input_ids]


def load(base: Base, kind: torch.dtype | None = None) -> Any:
    """Return the base, of a GGUF file dequantized, by default in the numbers that this machine computes fastest."""
    quiet()
    keep_memory()
    folder, file = _place(base)
    extra = {**file, "quantization_config": GgufConfig(dequantize=True)} if file else {}
    # reading a GGUF file draws a bar that no setting hides, and builds the same table of names for every module
    with redirect_stderr(StringIO()), patch.object(gguf, "get_tensor_name_map", cache(gguf.get_tensor_name_map)):
        model = AutoModelForCausalLM.from_pretrained(
            folder,
            dtype=kind or number_type(),
            attn_implementation="eager",  # masks of trees are dense, for which no kernel of the others is faster
            **extra,
        )
    model.lm_head = Picked(model.lm_head)
    return model


def _place(base: Base) -> tuple[Path, dict[str, str]]:
    """Return the folder that transformers reads a base from, and the GGUF file in it, if it is one."""
    return (Path(base.folder), {}) if base.folder else (base.path.parent, {"gguf_file": base.path.name})


def keep_inputs(adapted: Any) -> Any:
    """Return the model, whose adapters from now on take what they are given and not a copy in 32-bit floats."""
    for module in adapted.modules():
        if isinstance(module, LoraLayer):
            module.cast_input_dtype_enabled = False
    return adapted


def number_type() -> torch.dtype:
    """Return bfloat16 where the GPU or the CPU multiplies it natively, else 32-bit floats."""
    native = torch.cuda.is_bf16_supported() if torch.cuda.is_available() else torch.cpu._is_avx512_bf16_supported()
    return torch.bfloat16 if native else torch.float32


class Picked(torch.nn.Module):
    """A model's last layer, taken only where a prediction is wanted; the others would cost more than a layer."""

    def __init__(self, head: torch.nn.Linear) -> None:
        super().__init__()
        self.head = head
        self.places: tuple[torch.Tensor, torch.Tensor] | None = None
        """Row and column of every wanted token."""

    @property
    def weight(self) -> torch.Tensor:
        """The head's, which may be the embeddings' as well."""
        return self.head.weight

    def forward(self, hidden: torch.Tensor) -> torch.Tensor:
        """Return the logits of the wanted places, one row for each."""
        picked: torch.Tensor = self.head(hidden if self.places is None else hidden[self.places])
        return picked


def as_tensors(trees: Sequence[TokenTree], wanted: Sequence[tuple[int, int]]) -> dict[str, torch.Tensor]:
    """Return the model's arguments for some trees, a row each, whose predictions are wanted at some tokens only.

    Args:
        trees: What is read.
        wanted: A tree's place among them and a token's in the tree, for each prediction.
    """
    width = max(len(tree.tokens) for tree in trees)
    tokens, depths = (torch.zeros(len(trees), width, dtype=torch.long) for _ in range(2))
    sight = torch.eye(width, dtype=torch.bool).repeat(len(trees), 1, 1)  # padding sees itself: a row must see something
    for row, tree in enumerate(trees):
        size = len(tree.tokens)
        tokens[row, :size], depths[row, :size] = torch.tensor(tree.tokens), torch.tensor(tree.depths)
        sight[row, :size, :size] = torch.from_numpy(tree.sight())
    return {
        "input_ids": tokens,
        "position_ids": depths,
        "sight": sight[:, None],
        "rows": torch.tensor([row for row, _ in wanted]),
        "columns": torch.tensor([column for _, column in wanted]),
    }


def log_probabilities(model: Any, tensors: Mapping[str, torch.Tensor]) -> torch.Tensor:
    """Return the log-probabilities over the vocabulary, a row for each wanted token."""
    head = next(module for module in model.modules() if isinstance(module, Picked))
    kind, sight = head.weight.dtype, tensors["sight"]
    mask = torch.zeros(sight.shape, dtype=kind, device=sight.device).masked_fill_(~sight, torch.finfo(kind).min)
    head.places = (tensors["rows"], tensors["columns"])
    try:
        read = {name: tensors[name] for name in ("input_ids", "position_ids")}
        # adapters are kept in 32-bit floats and multiplied in the base's numbers
        with torch.autocast(sight.device.type, kind, enabled=kind != torch.float32):
            logits = model(**read, attention_mask=mask, use_cache=False).logits
    finally:
        head.places = None
    return torch.log_softmax(logits.float(), dim=-1)


def quiet() -> None:
    """Silence what the libraries print while loading; our own bar shows the progress."""
    logging.set_verbosity_error()
    logging.disable_progress_bar()
    warnings.filterwarnings("ignore", module="transformers|peft|torch|accelerate")


def keep_memory() -> None:
    """Take memory once, by one thread, and keep it in the process.

    By default glibc returns the large blocks of every step to the kernel and pays for them again in page faults, while
    the other threads spin: a step took 20 s instead of 1.5 s on a virtual machine.
    """
    if sys.platform == "linux":
        libc = ctypes.CDLL(None)
        if hasattr(libc, "mallopt"):
            for option, value in ((_MALLOC_ARENAS, 1), (_MALLOC_MMAPS, 0), (_MALLOC_TRIM, -1)):
                libc.mallopt(option, value)
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    blocks = [torch.zeros(_BLOCK) for _ in range(_BLOCKS)]
    del blocks
    torch.set_num_threads(threads)
