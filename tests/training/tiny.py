"""Tiny random models of every family that can be converted, made by transformers, with tokenizers of their own."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from safetensors.numpy import save_file
from tokenizers import AddedToken, Tokenizer, decoders, models, normalizers, pre_tokenizers, trainers

from culturechat import survey

LAYERS, WIDTH, VOCABULARY = 2, 64, 400
ODD_HEADS = 48
"""A width of heads that is not the model's width by their number, where the family can have one."""

COMMON: dict[str, Any] = {
    "hidden_size": WIDTH, "intermediate_size": 96, "num_hidden_layers": LAYERS, "num_attention_heads": 4,
    "num_key_value_heads": 2, "max_position_embeddings": 512, "vocab_size": VOCABULARY + 5, "bos_token_id": 1,
    "eos_token_id": 2, "pad_token_id": 0, "initializer_range": 0.2,
}  # fmt: skip
FAMILIES: dict[str, dict[str, Any]] = {
    "llama": {"head_dim": ODD_HEADS, "attention_bias": True, "mlp_bias": True},
    "mistral": {"head_dim": ODD_HEADS, "sliding_window": None},
    "qwen2": {"tie_word_embeddings": True},
    "qwen3": {"head_dim": ODD_HEADS},
    "gemma3_text": {
        "head_dim": ODD_HEADS, "query_pre_attn_scalar": ODD_HEADS, "sliding_window": 16, "num_hidden_layers": 7,
    },
    "phi3": {"sliding_window": None},
}  # fmt: skip
"""What each family's tiny model has beside `COMMON`: whatever could go wrong in its conversion."""

CHAT = (
    "{% for m in messages %}<|turn|>{{ m['role'] }}\n{{ m['content'] }}<|end|>\n{% endfor %}"
    "{% if add_generation_prompt %}<|turn|>assistant\n{% endif %}"
)


def checkpoint(folder: Path, family: str, kind: str = "bfloat16", **settings: Any) -> Path:
    """Write a random model with norms and biases that matter, and a byte-level tokenizer."""
    import torch
    from transformers import CONFIG_MAPPING, AutoModelForCausalLM

    torch.manual_seed(7)
    config = CONFIG_MAPPING[family](**{**COMMON, **FAMILIES[family], **settings})
    model = AutoModelForCausalLM.from_config(config)
    with torch.no_grad():
        for name, values in model.named_parameters():
            if name.endswith("bias") or "norm" in name:
                values.add_(torch.randn_like(values) * 0.1)
    model.to(getattr(torch, kind)).save_pretrained(folder)
    tokenizer(folder)
    return folder


def plain_checkpoint(folder: Path, characters: bool = False, **settings: Any) -> Path:
    """Write a random model of the Llama family in 16-bit floats, without torch."""
    folder.mkdir(parents=True)
    config = {**COMMON, "model_type": "llama", "architectures": ["LlamaForCausalLM"], "rms_norm_eps": 1e-6, **settings}
    (folder / "config.json").write_text(json.dumps(config), "utf-8")
    chance = np.random.default_rng(3)
    save_file(
        {name: chance.normal(0, 0.2, shape).astype(np.float16) for name, shape in plain_shapes().items()},
        folder / "model.safetensors",
    )
    tokenizer(folder, characters)
    return folder


def plain_shapes() -> dict[str, tuple[int, ...]]:
    """Return the tensors of a plain checkpoint, as transformers names them."""
    heads, key_heads, inner, rows = WIDTH, WIDTH // 2, COMMON["intermediate_size"], COMMON["vocab_size"]
    block: dict[str, tuple[int, ...]] = {
        "self_attn.q_proj": (heads, WIDTH), "self_attn.k_proj": (key_heads, WIDTH),
        "self_attn.v_proj": (key_heads, WIDTH), "self_attn.o_proj": (WIDTH, heads), "mlp.gate_proj": (inner, WIDTH),
        "mlp.up_proj": (inner, WIDTH), "mlp.down_proj": (WIDTH, inner), "input_layernorm": (WIDTH,),
        "post_attention_layernorm": (WIDTH,),
    }  # fmt: skip
    layers = {f"model.layers.{i}.{name}.weight": shape for i in range(LAYERS) for name, shape in block.items()}
    ends: dict[str, tuple[int, ...]] = {
        "model.embed_tokens.weight": (rows, WIDTH),
        "model.norm.weight": (WIDTH,),
        "lm_head.weight": (rows, WIDTH),
    }
    return {**layers, **ends}


def plain_lora(folder: Path, **config: Any) -> Path:
    """Write a random adapter for a plain checkpoint, without peft."""
    folder.mkdir(parents=True)
    chance = np.random.default_rng(4)
    matrices = {}
    for name, shape in plain_shapes().items():
        if "proj" in name:
            layer = f"base_model.model.{name.removesuffix('.weight')}"
            matrices[f"{layer}.lora_A.weight"] = chance.normal(0, 0.1, (4, shape[1])).astype(np.float32)
            matrices[f"{layer}.lora_B.weight"] = chance.normal(0, 0.1, (shape[0], 4)).astype(np.float32)
    save_file(matrices, folder / "adapter_model.safetensors")
    values = {"peft_type": "LORA", "r": 4, "lora_alpha": 8, **config}
    (folder / "adapter_config.json").write_text(json.dumps(values), "utf-8")
    return folder


def tokenizer(folder: Path, characters: bool = False) -> None:
    """Write a BPE tokenizer with merges learnt from the survey's questions, and a chat template.

    It is byte-level as GPT-2's, or with `characters` as SentencePiece makes them: over characters, spaces as ▁, and
    bytes for what is none of its characters.
    """
    special = ["<|pad|>", "<|begin|>", "<|stop|>", "<|turn|>", "<|end|>"]
    texts = [question.question for question in survey.load().questions.values()]
    made = _of_characters(special, texts) if characters else _of_bytes(special, texts)
    made.save(str(folder / "tokenizer.json"))
    names = {"bos_token": "<|begin|>", "eos_token": "<|stop|>", "pad_token": "<|pad|>", "chat_template": CHAT}
    settings = {**names, "tokenizer_class": "PreTrainedTokenizerFast"}
    (folder / "tokenizer_config.json").write_text(json.dumps(settings), "utf-8")
    (folder / "generation_config.json").write_text(json.dumps({"eos_token_id": [2, 4]}), "utf-8")


def _of_bytes(special: list[str], texts: list[str]) -> Tokenizer:
    made = Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    made.train_from_iterator(
        texts,
        trainers.BpeTrainer(
            vocab_size=VOCABULARY, special_tokens=special, initial_alphabet=alphabet, show_progress=False
        ),
    )
    return made


def _of_characters(special: list[str], texts: list[str]) -> Tokenizer:
    spaces = normalizers.Sequence([normalizers.Prepend("▁"), normalizers.Replace(" ", "▁")])
    learning = Tokenizer(models.BPE())
    learning.normalizer = spaces
    learning.train_from_iterator(texts, trainers.BpeTrainer(vocab_size=120, show_progress=False))
    learnt = json.loads(learning.to_str())["model"]["vocab"]
    pieces = ["<unk>", *special, *(f"<0x{byte:02X}>" for byte in range(256)), *learnt]
    vocabulary = {piece: index for index, piece in enumerate(pieces[:VOCABULARY])}
    merges = [
        (piece[:cut], piece[cut:])
        for piece in vocabulary
        if piece in learnt
        for cut in range(1, len(piece))
        if piece[:cut] in vocabulary and piece[cut:] in vocabulary
    ]
    made = Tokenizer(models.BPE(vocabulary, merges, unk_token="<unk>", byte_fallback=True, fuse_unk=True))
    made.normalizer = spaces
    made.add_special_tokens([AddedToken(text, special=True, normalized=False) for text in special])
    return made


def predictions(base: Path, lora_folder: Path | None, prompts: Sequence[Sequence[int]]) -> NDArray[np.float32]:
    """Return the logits that transformers, with peft, gives after each prompt, in 32-bit floats."""
    import torch
    from peft import PeftModel
    from transformers import AutoModelForCausalLM

    from training.steps import weights

    weights.quiet()
    model = AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32)
    if lora_folder is not None:
        model = PeftModel.from_pretrained(model, str(lora_folder))
    with torch.no_grad():
        return np.stack([model.eval()(torch.tensor([list(prompt)])).logits[0, -1].numpy() for prompt in prompts])


def lora(folder: Path, base: Path, targets: tuple[str, ...], **settings: Any) -> Path:
    """Train nothing, but write an adapter of the folder's model that changes what it says."""
    import torch
    from peft import LoraConfig, get_peft_model
    from transformers import AutoModelForCausalLM

    from training.steps import weights

    weights.quiet()
    torch.manual_seed(8)
    shape = LoraConfig(r=4, lora_alpha=8, target_modules=list(targets), task_type="CAUSAL_LM", **settings)
    model = get_peft_model(AutoModelForCausalLM.from_pretrained(base, dtype=torch.float32), shape)
    for name, values in model.named_parameters():
        if "lora_B" in name:
            torch.nn.init.normal_(values, std=0.2)
    model.save_pretrained(folder)
    return folder
