"""Lays the adapter into its base and leaves one complete GGUF file. Knows no torch.

A base that is a checkpoint is merged from its own weights, one that is a GGUF file from that; both give the same model.
"""

from __future__ import annotations

from pathlib import Path

from gguf import GGUFReader

from culturechat import building, gguf_file, merging
from culturechat.errors import BadFile
from training.bases import Base
from training.checkpoints import convert, lora
from training.checkpoints.convert import Value
from training.workspace import Workspace

_ADAPTERS = ("culturechat.", "general.base_model.", "general.license", "general.languages", "general.name")


def run(workspace: Workspace, base: Base) -> str:
    """Write the merged model; return its size."""
    if not workspace.adapter.is_file():
        raise BadFile(workspace.adapter, "is not there. Run `python -m training adapter` first.")
    for left in workspace.folder.glob(f".{workspace.merged.name}.*.part"):
        left.unlink()  # of a run that was killed; too large to keep
    building.check_room(base.path, workspace.folder)
    write(workspace, base, workspace.merged)
    count = len(gguf_file.read_header(workspace.merged).tensors)
    return f"{count} tensors, {workspace.merged.stat().st_size / 1e6:.1f} MB out"


def write(workspace: Workspace, base: Base, target: Path) -> None:
    """Write base and adapter as one file, changed matrices in 32-bit floats, whole or not at all."""
    if (checkpoint := base.checkpoint) is not None:
        convert.write(checkpoint, target, _said(workspace.adapter), lora.read(workspace.lora))
    else:
        name = str(gguf_file.read_header(workspace.adapter).metadata["general.name"])
        merging.merge(base.path, workspace.adapter, target, {"general.name": name}, lambda _: None)


def _said(adapter: Path) -> dict[str, Value]:
    """Return what the adapter's file says of culture, survey, licence and origin."""
    fields = GGUFReader(adapter).fields.items()
    return {key: field.contents() for key, field in fields if key.startswith(_ADAPTERS)}
