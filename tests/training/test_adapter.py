from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from safetensors.numpy import save_file

from culturechat import cultures, gguf_file
from culturechat.catalogue import check_adapter
from culturechat.errors import BadFile, UsageError
from training import bases, speaker
from training.checkpoints import families, layout, lora
from training.steps import adapter

BASE = bases.load("smollm2-135m")
CHINESE = speaker.of(cultures.load("chinese"))
LAYER = "base_model.model.model.layers.0"


def matrices(layer: str, outputs: int, inputs: int) -> dict[str, Any]:
    return {
        f"base_model.model.{layer}.lora_A.weight": np.ones((2, inputs), np.float32),
        f"base_model.model.{layer}.lora_B.weight": np.ones((outputs, 2), np.float32),
    }


def written(folder: Path, config: dict[str, Any], extra: dict[str, Any] | None = None) -> Path:
    matrices = {
        f"{LAYER}.self_attn.q_proj.lora_A.weight": np.ones((2, 576), np.float32),
        f"{LAYER}.self_attn.q_proj.lora_B.weight": np.arange(1152, dtype=np.float32).reshape(576, 2),
        f"{LAYER}.mlp.down_proj.lora_A.weight": np.ones((2, 1536), np.float32),
        f"{LAYER}.mlp.down_proj.lora_B.weight": np.ones((576, 2), np.float32),
        **(extra or {}),
    }
    folder.mkdir()
    save_file(matrices, folder / "adapter_model.safetensors")
    (folder / "adapter_config.json").write_text(
        json.dumps({"peft_type": "LORA", "r": 2, "lora_alpha": 4, **config}), "utf-8"
    )
    return folder


def test_rows_move_within_their_head_from_halves_to_neighbours() -> None:
    rows = np.arange(8, dtype=np.float32).reshape(8, 1)
    assert layout.interleaved(rows, 2).ravel().tolist() == [0, 2, 1, 3, 4, 6, 5, 7]
    assert layout.interleaved(rows, None).ravel().tolist() == list(range(8))


def test_only_query_and_key_have_heads() -> None:
    header = gguf_file.read_header(BASE.path)
    heads = {
        name: adapter.heads_of(f"blk.0.{name}.weight", header) for name in ("attn_q", "attn_k", "attn_v", "ffn_up")
    }
    assert heads == {"attn_q": 9, "attn_k": 3, "attn_v": None, "ffn_up": None}


def test_the_file_names_base_culture_and_survey(tmp_path: Path) -> None:
    path = tmp_path / "a.gguf"
    assert adapter.convert(written(tmp_path / "lora", {}), path, CHINESE, BASE) == 4
    check_adapter(path, BASE.path)
    header = gguf_file.read_header(path)
    assert header.metadata["general.type"] == "adapter" and header.metadata["adapter.type"] == "lora"
    assert header.metadata["adapter.lora.alpha"] == 4.0
    assert header.metadata["culturechat.culture"] == "chinese"
    assert "CHN" in header.metadata["culturechat.survey"]
    assert {tensor.name: tensor.shape for tensor in header.tensors} == {
        "blk.0.attn_q.weight.lora_a": (576, 2),
        "blk.0.attn_q.weight.lora_b": (2, 576),
        "blk.0.ffn_down.weight.lora_a": (1536, 2),
        "blk.0.ffn_down.weight.lora_b": (2, 576),
    }


def test_rank_stabilised_scaling_becomes_a_larger_alpha() -> None:
    assert lora.strength({"lora_alpha": 8, "r": 4}) == 8
    assert lora.strength({"lora_alpha": 8, "r": 4, "use_rslora": True}) == 16


@pytest.mark.parametrize(
    ("config", "extra", "says"),
    [
        ({"use_dora": True}, {}, "DoRA"),
        ({"bias": "lora_only"}, {}, "bias"),
        ({"lora_bias": True}, {f"{LAYER}.self_attn.q_proj.lora_B.bias": np.ones(576, np.float32)}, "bias"),
        ({"trainable_token_indices": [1, 2]}, {}, "trained embeddings"),
        ({"init_lora_weights": "pissa_niter_16"}, {}, "pissa"),
        ({"layer_replication": [[0, 2]]}, {}, "twice"),
        ({"target_parameters": ["mlp.experts"]}, {}, "bare parameters"),
        ({"r": 3}, {}, "rank 3"),
        ({}, matrices("lm_head", 49152, 576), "has no lm_head.weight of its own.*embedding"),
        ({}, matrices("model.layers.0.self_attn.v_proj", 64, 576), "64 × 576 here and 192 × 576 in the base"),
        ({}, matrices("model.layers.30.self_attn.v_proj", 192, 576), "layers.30"),
        ({}, {f"{LAYER}.self_attn.q_proj.lora_magnitude_vector": np.ones(4, np.float32)}, "DoRA"),
        ({"modules_to_save": ["lm_head"]}, {}, "lm_head"),
        ({"rank_pattern": {"q_proj": 4}}, {}, "differ between layers"),
        ({"peft_type": "IA3"}, {}, "IA3"),
        (
            {},
            {"base_model.model.model.embed_tokens.lora_embedding_A": np.ones((2, 4), np.float32)},
            "trained embeddings",
        ),
    ],
)
def test_what_llama_cpp_cannot_apply_is_refused(
    tmp_path: Path, config: dict[str, Any], extra: dict[str, Any], says: str
) -> None:
    path = tmp_path / "a.gguf"
    with pytest.raises(UsageError, match=says):
        adapter.convert(written(tmp_path / "lora", config, extra), path, CHINESE, BASE)
    assert list(tmp_path.glob("*.gguf")) == [] and list(tmp_path.glob(".*")) == []


def test_an_architecture_without_a_rule_is_refused_by_name() -> None:
    with pytest.raises(UsageError, match="'mamba'"):
        families.of_architecture("mamba")


def test_a_folder_without_an_adapter_is_refused(tmp_path: Path) -> None:
    with pytest.raises(BadFile, match="training finetune"):
        adapter.convert(tmp_path, tmp_path / "a.gguf", CHINESE, BASE)
