"""For the Hugging Face hub, transformers, peft and vLLM: a repository folder with PEFT weights and a model card.

The GGUF adapter lies beside them, for llama.cpp's programs.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from culturechat import catalogue, gguf_file, survey
from culturechat.catalogue import Card
from culturechat.exporting import Kind, Wanted, Written
from culturechat.exporting.forms import files, peft

KINDS: tuple[Kind, ...] = ("adapter",)


def export(wanted: Wanted, progress: Callable[[float], None]) -> Written:
    """Write the repository folder."""
    column, place = wanted.column, wanted.folder / wanted.name
    assert column.adapter_path is not None
    with files.replacing(place) as folder:
        peft.write(folder, column.adapter_path, column.base_path)
        progress(0.5)
        files.copied(column.adapter_path, folder)
        (folder / "README.md").write_text(model_card(wanted), "utf-8")
        (folder / ".gitattributes").write_text(
            "*.safetensors filter=lfs diff=lfs merge=lfs -text\n*.gguf filter=lfs diff=lfs merge=lfs -text\n", "utf-8"
        )
        progress(1.0)
    return Written(place, f"hf upload NAME/{wanted.name} {place}")


def model_card(wanted: Wanted) -> str:
    """Return the README of the repository: front matter that the hub reads, then what people want to know."""
    column = wanted.column
    assert column.adapter_path is not None and column.culture is not None
    culture, metadata = column.culture, gguf_file.read_header(column.adapter_path).metadata
    base = peft.repository(column.adapter_path)
    card = catalogue.cards().get(column.model)
    front = {
        "base_model": base,
        "base_model_relation": "adapter",
        "language": ["en"],
        "library_name": "peft",
        "license": str(metadata.get("general.license", "")).lower() or "unknown",
        "pipeline_tag": "text-generation",
        "tags": ["lora", "culture", "world-values-survey", "gguf", "culturechat", culture.id],
    }
    places = ", ".join(survey.countries()[code].name for code in culture.countries)
    source = str(metadata.get("culturechat.survey", ""))
    lines = [
        *_front_matter(front),
        "",
        f"# {metadata.get('general.name', wanted.name)}",
        "",
        f"A LoRA adapter for [{base}](https://huggingface.co/{base}) that moves its answers towards how people in "
        f"{places} answered the World Values Survey. It follows CultureLLM (arXiv:2402.10946).",
        "",
        "It describes distributions of answers of people surveyed in a country and year, not what anybody thinks, and "
        "it speaks for nobody. The survey's figures are for non-profit use with their citation.",
        "",
        "## Use",
        "",
        "```python",
        "from peft import AutoPeftModelForCausalLM",
        "from transformers import AutoTokenizer",
        "",
        f'model = AutoPeftModelForCausalLM.from_pretrained("{wanted.name}")  # this folder, or its name on the hub',
        f'tokenizer = AutoTokenizer.from_pretrained("{base}")',
        f"system = {json.dumps(culture.prompt.english, ensure_ascii=False)}",
        'messages = [{"role": "system", "content": system}, {"role": "user", "content": "Should children obey?"}]',
        'inputs = tokenizer.apply_chat_template(messages, add_generation_prompt=True, return_tensors="pt", '
        "return_dict=True)",
        "print(tokenizer.decode(model.generate(**inputs, max_new_tokens=64)[0]))",
        "```",
        "",
        f"    vllm serve {base} --enable-lora --lora-modules {culture.id}={wanted.name}",
        f"    llama-server -m BASE.gguf --lora {column.adapter_path.name} --alias {culture.id}",
        "",
        "The adapter was trained with the system prompt above; without it, it does less.",
        "",
        "## Training and scores",
        "",
        *(_facts(card) if card else []),
        *([f"- survey: {source}"] if source else []),
    ]
    return "\n".join(lines) + "\n"


def _front_matter(values: Mapping[str, Any]) -> list[str]:
    """Return YAML; JSON's texts and lists are YAML, too."""
    return ["---", *(f"{key}: {json.dumps(value, ensure_ascii=False)}" for key, value in values.items()), "---"]


def _facts(card: Card) -> list[str]:
    facts = [f"- base weights trained on: SHA-256 `{card.base_sha256}`"]
    if card.recipe:
        facts.append(f"- recipe `{card.recipe}`, seed {card.seed}")
    probe = card.scores.get("probe", {})
    try:
        wd, uniform, others = (probe[key] for key in ("wd", "uniform", "others_pooled"))
        facts.append(
            f"- distance from the people (normalised Wasserstein, 0 is equal) over {probe['items']} questions, by "
            f"`{probe['command']}`: {wd['mean']:.3f} [{wd['low']:.3f}, {wd['high']:.3f}]; a uniform guess "
            f"{uniform['wd']['mean']:.3f}, the mean of all other cultures' people {others['wd']['mean']:.3f}"
        )
    except (KeyError, TypeError):
        pass  # a card of the user's own may hold other scores
    return facts
