"""Writes the merged model in the number formats that are asked for. Knows nothing of how it came about."""

from __future__ import annotations

from collections.abc import Sequence

from culturechat.engines.llama_cpp import facts, quantizer
from culturechat.errors import BadFile, unknown
from training.workspace import Workspace


def run(workspace: Workspace, kinds: Sequence[str]) -> str:
    """Write a file for each format; return their sizes."""
    if not workspace.merged.is_file():
        raise BadFile(workspace.merged, "is not there. Run `python -m training merge` first.")
    for kind in kinds:
        if kind not in quantizer.TYPES:
            raise unknown("type", kind, quantizer.TYPES)
    sizes = []
    for kind in kinds:
        target = workspace.quantized(kind)
        for left in target.parent.glob(f".{target.name}.*.part"):
            left.unlink()  # of a run that was killed; too large to keep
        quantizer.quantize(workspace.merged, target, kind, facts.cores())
        sizes.append(f"{kind} {target.stat().st_size / 1e6:.1f} MB")
    return ", ".join(sizes)
