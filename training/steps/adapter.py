"""Writes a peft adapter as a GGUF file that llama.cpp applies to the base. Knows no torch and no training."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from culturechat import catalogue, gguf_file, gguf_writing, survey
from culturechat.errors import UsageError
from culturechat.gguf_file import Header
from training.bases import Base
from training.checkpoints import Matrix, families, layout, lora
from training.checkpoints.lora import LoraFolder
from training.speaker import Speaker
from training.workspace import Workspace


@dataclass(frozen=True)
class Pair:
    """The two matrices that stand for the change of one layer."""

    tensor: str
    """The base's tensor, as GGUF files name it."""
    a: Matrix
    """rank × inputs."""
    b: Matrix
    """outputs × rank."""


def run(workspace: Workspace, speaker: Speaker, base: Base, source: str = survey.SOURCE) -> str:
    """Write the adapter as GGUF; return how many matrices it holds and its size."""
    count = convert(workspace.lora, workspace.adapter, speaker, base, source)
    return f"{count} matrices in, {workspace.adapter.stat().st_size / 1e6:.2f} MB out"


def convert(folder: Path, path: Path, speaker: Speaker, base: Base, source: str = survey.SOURCE) -> int:
    """Write the adapter in peft folder `folder` as a GGUF file for `base`; return how many matrices it holds.

    `source` says where the shares that it learnt come from.

    Raises:
        UsageError: the architecture or the kind of adapter cannot be converted, or it was trained on another base.
        BadFile: the folder does not hold an adapter, or the disk is full.
    """
    trained = lora.read(folder)
    header = gguf_file.read_header(base.path)
    pairs = list(pairs_of(trained, header))
    with gguf_writing.writing(path, header.architecture) as writer:
        for key, value in _texts(speaker, base, source).items():
            writer.add_string(key, value)
        writer.add_uint32("general.base_model.count", 1)
        writer.add_array("general.languages", ["en"])
        writer.add_float32("adapter.lora.alpha", trained.alpha)
        for pair in pairs:
            writer.add_tensor(f"{pair.tensor}.lora_a", np.ascontiguousarray(pair.a, dtype=np.float16))
            writer.add_tensor(f"{pair.tensor}.lora_b", np.ascontiguousarray(pair.b, dtype=np.float16))
        writer.write_header_to_file()
        writer.write_kv_data_to_file()
        writer.write_tensors_to_file()
    return 2 * len(pairs)


def pairs_of(trained: LoraFolder, header: Header) -> Iterator[Pair]:
    """Return the adapter's matrices by GGUF tensor, their rows in the order of GGUF files.

    Raises:
        UsageError: the base's architecture cannot be converted, or it has no such tensor, or of another shape.
    """
    arch = header.architecture
    family = families.of_architecture(arch)
    names = families.tensor_names(arch, int(header.metadata[f"{arch}.block_count"]))
    shapes = {tensor.name: tuple(reversed(tensor.shape)) for tensor in header.tensors}
    places = {weight: names.get_name(weight, try_suffixes=(".weight",)) for weight in trained.weights}
    nowhere = next((weight for weight, name in places.items() if name is None), None)
    if nowhere:
        raise UsageError(f"llama.cpp has no tensor for the adapted weight {nowhere}.")
    trained.refuse_strange({weight: shapes[name] for weight, name in places.items() if name in shapes})
    for weight, (a, b) in trained.weights.items():
        tensor = str(places[weight])
        yield Pair(tensor, a, layout.interleaved(b, heads_of(tensor, header) if family.interleaved else None))


def heads_of(tensor: str, header: Header) -> int | None:
    """Return how many heads share the rows of a query or key tensor, or None for any other tensor."""
    arch = header.architecture
    heads = int(header.metadata[f"{arch}.attention.head_count"])
    return layout.heads_of(tensor, heads, int(header.metadata.get(f"{arch}.attention.head_count_kv", heads)))


def _texts(speaker: Speaker, base: Base, source: str) -> dict[str, str]:
    return {
        "general.type": "adapter",
        "adapter.type": "lora",
        "general.name": f"{base.record.name} {speaker.name} (culturechat)",
        "general.license": base.record.licence.lower(),
        "general.base_model.0.name": base.record.name,
        "general.base_model.0.repo_url": base.repository,
        "culturechat.culture": speaker.id,
        "culturechat.base_sha256": catalogue.sha256_of(base.path),
        "culturechat.survey": f"{source}; {', '.join(speaker.countries)}",
    }
