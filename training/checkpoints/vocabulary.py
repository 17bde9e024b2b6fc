"""A tokenizer.json as llama.cpp keeps vocabularies. Knows nothing of weights.

Two kinds can be written: byte-level BPE (GPT-2, Llama 3, Qwen, SmolLM2) with its merges, and BPE over characters with
bytes for the rest, as SentencePiece makes it (Llama 2, Mistral, Gemma, Phi-3), with a score for each token instead.
Whether llama.cpp then splits texts as the tokenizer does is not believed but tried, see `refuse_other_splits`.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from gguf import GGUFWriter, SpecialVocab, TokenType
from tokenizers import Tokenizer

from culturechat.engines.llama_cpp import inspection
from culturechat.errors import UsageError
from training.checkpoints import Checkpoint, read_json

SPACE = "▁"
"""How SentencePiece writes a space."""

_GPT2 = "gpt-2"

SPLITS = {
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+|\s+(?!\S)|\s+": (
        "qwen2"
    ),
    r"(?i:'s|'t|'re|'ve|'m|'ll|'d)|[^\r\n\p{L}\p{N}]?\p{L}+|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n]*|\s*[\r\n]+"
    r"|\s+(?!\S)|\s+": "llama-bpe",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*"
    r"|\p{N}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+": "tekken",
    r"[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]*[\p{Ll}\p{Lm}\p{Lo}\p{M}]+(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|[^\r\n\p{L}\p{N}]?[\p{Lu}\p{Lt}\p{Lm}\p{Lo}\p{M}]+[\p{Ll}\p{Lm}\p{Lo}\p{M}]*(?i:'s|'t|'re|'ve|'m|'ll|'d)?"
    r"|\p{N}{1,3}| ?[^\s\p{L}\p{N}]+[\r\n/]*|\s*[\r\n]+|\s+(?!\S)|\s+": "gpt-4o",
}
"""The expressions by which byte-level tokenizers cut texts into words, and what llama.cpp calls each."""

SAMPLES = (
    "Hello, how can I help you?", "On a scale from 1 to 10, how much of your income (in %) would you give?\n\n1. None",
    "A) Strongly agree\nB) Agree\nC) Neither agree nor disagree", "Don't they'll we've I'M you're it's",
    "  two spaces,   three\tand a tab \n \n\n end ", "你认为家庭在生活中有多重要？", "ما مدى أهمية الأسرة في حياتك؟",
    "আপনার জীবনে পরিবার কতটা গুরুত্বপূর্ণ?", "당신의 삶에서 가족은 얼마나 중요합니까?",
    "Wie wichtig ist Ihnen die Größe der Straße?", "¿Cuán importante es la familia? Não sei; çok önemli değil.",
    "f(x) = x**2; // 3.14159 != 1e-10 <b>&amp;</b>", "🙂👍🏽 naïve café",
)  # fmt: skip
"""Texts that both must split alike: those that survey prompts are made of, in all nine languages, and a few traps."""


def write(writer: GGUFWriter, checkpoint: Checkpoint, rows: int) -> None:
    """Write the vocabulary, padded to the `rows` of the embedding, the special tokens and the chat template.

    Raises:
        UsageError: llama.cpp knows no such tokenizer; what it lacks is named.
    """
    folder = checkpoint.folder
    values = read_json(folder / "tokenizer.json")
    model = dict(values.get("model") or {})
    if model.get("type") != "BPE":
        raise UsageError(f"{folder}: a tokenizer of type {model.get('type')} cannot be converted; only BPE can.")
    bytewise = not model.get("byte_fallback")
    texts, kinds = _tokens(values, model, rows, folder)
    if bytewise:
        writer.add_tokenizer_model("gpt2")
        writer.add_tokenizer_pre(_splits(values, folder))
    else:
        writer.add_tokenizer_model("llama")
        writer.add_tokenizer_pre("default")
        writer.add_token_scores(_scores(texts, _merges(model)))
        writer.add_add_space_prefix(_begins_with_space(values))
    writer.add_token_list(texts)
    writer.add_token_types(kinds)
    special = SpecialVocab(folder, load_merges=bytewise, n_vocab=rows)
    special.add_special_token = _added_around(folder, special.special_token_ids)
    special.add_to_gguf(writer, quiet=True)
    _write_end_of_turn(writer, checkpoint, special.special_token_ids.get("eos"))


def refuse_other_splits(file: Path, folder: Path) -> None:
    """Raise a `UsageError` where llama.cpp splits a sample otherwise than the folder's tokenizer does."""
    tokenizer = Tokenizer.from_file(str(folder / "tokenizer.json"))
    found = inspection.tokens(file, SAMPLES)
    for sample, tokens in zip(SAMPLES, found, strict=True):
        if tokens != tokenizer.encode(sample, add_special_tokens=False).ids:
            raise UsageError(f"{folder}: llama.cpp splits {sample!r} otherwise than its tokenizer does.")


def _tokens(
    values: Mapping[str, Any], model: Mapping[str, Any], rows: int, folder: Path
) -> tuple[list[str], list[TokenType]]:
    vocabulary = {**model["vocab"], **{token["content"]: token["id"] for token in values.get("added_tokens", ())}}
    if max(vocabulary.values(), default=-1) >= rows:
        raise UsageError(f"{folder}: its tokenizer has {max(vocabulary.values()) + 1} tokens, its embedding {rows}.")
    texts = [f"[PAD{index}]" for index in range(rows)]
    kinds = [TokenType.UNUSED] * rows
    for text, index in vocabulary.items():
        texts[index], kinds[index] = text, TokenType.NORMAL
        if model.get("byte_fallback") and re.fullmatch(r"<0x[0-9A-F]{2}>", text):
            kinds[index] = TokenType.BYTE
    for token in values.get("added_tokens", ()):
        index = token["id"]
        kinds[index] = TokenType.CONTROL if token.get("special") else TokenType.USER_DEFINED
        if kinds[index] == TokenType.USER_DEFINED and model.get("byte_fallback"):
            texts[index] = texts[index].replace(SPACE, " ")  # llama.cpp looks for these in the text as it was typed
    unknown = model.get("unk_token")
    if model.get("byte_fallback") and unknown in vocabulary:
        kinds[vocabulary[unknown]] = TokenType.UNKNOWN
    return texts, kinds


def _splits(values: Mapping[str, Any], folder: Path) -> str:
    """Return what llama.cpp calls this way to cut a text into words."""
    steps = values.get("pre_tokenizer") or {}
    parts = [dict(part) for part in (steps.get("pretokenizers") or [steps])]
    kinds = [part.get("type") for part in parts]
    last = parts[-1]
    if kinds and kinds[-1] == "ByteLevel" and not last.get("add_prefix_space"):
        if kinds == ["ByteLevel"] and last.get("use_regex", True):
            return _GPT2
        if kinds == ["Digits", "ByteLevel"] and parts[0].get("individual_digits") and last.get("use_regex", True):
            return "smollm"
        if kinds == ["Split", "ByteLevel"] and not last.get("use_regex", True):
            pattern = str(dict(parts[0].get("pattern") or {}).get("Regex", ""))
            if pattern in SPLITS and parts[0].get("behavior") == "Isolated":
                return SPLITS[pattern]
    raise UsageError(
        f"{folder}: its tokenizer cuts texts into words in a way that cannot be converted "
        f"({json.dumps(steps, ensure_ascii=False)[:120]})."
    )


def _merges(model: Mapping[str, Any]) -> list[tuple[str, str]]:
    pairs = [merge.split(" ", 1) if isinstance(merge, str) else merge for merge in model.get("merges", ())]
    return [(str(left), str(right)) for left, right in pairs]


def _scores(texts: Sequence[str], merges: Sequence[tuple[str, str]]) -> list[float]:
    """Return scores under which llama.cpp joins what has the earliest merge first, as BPE does."""
    ranks: dict[str, int] = {}
    for rank, (left, right) in enumerate(merges):
        ranks.setdefault(left + right, rank)
    return [-float(ranks[text] + 1) if text in ranks else 0.0 for text in texts]


def _begins_with_space(values: Mapping[str, Any]) -> bool:
    """Return whether a space is put before a text: by a normalizer, or by the Metaspace step of newer files."""
    normalizer, steps = dict(values.get("normalizer") or {}), dict(values.get("pre_tokenizer") or {})
    parts = normalizer.get("normalizers") or [normalizer]
    scheme = steps.get("prepend_scheme", "never") if steps.get("type") == "Metaspace" else "never"
    return any(part.get("type") == "Prepend" for part in parts) or scheme != "never"


def _added_around(folder: Path, special: Mapping[str, int]) -> dict[str, bool]:
    """Return whether the tokenizer begins and ends a text with special tokens; it is asked, not its settings."""
    ids = Tokenizer.from_file(str(folder / "tokenizer.json")).encode("a").ids
    added = {"bos": ids[0] == special.get("bos", -1), "eos": ids[-1] == special.get("eos", -1)}
    return {name: value for name, value in added.items() if name in special}


def _write_end_of_turn(writer: GGUFWriter, checkpoint: Checkpoint, end: int | None) -> None:
    """Write the token that ends an answer where it is another than the one that ends a text."""
    path = checkpoint.folder / "generation_config.json"
    generation = read_json(path) if path.is_file() else {}
    ends = generation.get("eos_token_id", checkpoint.config.get("eos_token_id"))
    others = [int(token) for token in (ends if isinstance(ends, list) else [ends]) if token not in (None, end)]
    if others:
        writer.add_eot_token_id(others[-1])
    if end is None and others:
        writer.add_eos_token_id(others[0])
