"""A base and its adapter in the form that this engine computes fastest without changing what the model says.

llama.cpp has no fast kernels for some formats on a CPU, Q4_1 among them, which is what the embedded default comes in.
Such a base is written once into the cache: Q4_1 as Q4_0 with the difference in an adapter (see `offsets`), which is
compared with the original before it is used; Q5_0 and Q5_1 as Q8_0. Figures for both are in benchmarks/results.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

from culturechat import catalogue, gguf_file, paths
from culturechat.engines.llama_cpp import facts
from culturechat.errors import CulturechatError
from culturechat.gguf_file import GGMLQuantizationType as Kind

WIDER = {Kind.Q5_0, Kind.Q5_1}
"""Formats that are faster, and no worse, as Q8_0."""

MOST_DIFFERENCE = 0.05
"""Mean KL divergence, in nats, up to which a prepared base passes for the original; a wrong one is off by several."""

_PROBE_TEXT = "People were asked what matters most to them in life. Most of them said that family comes first, and"


def fastest(base: Path, adapter: Path | None) -> tuple[Path, Path | None]:
    """Return the files to load for a base and an adapter: prepared ones where that helps, made now if need be.

    Where they cannot be made (a full disk, a read-only cache) the files are used as they are.
    """
    if facts.supports_gpu():
        return base, adapter
    kind = gguf_file.read_header(base).main_type
    try:
        if kind == Kind.Q4_1:
            return _split(base, adapter)
        if kind in WIDER:
            return _wide(base), adapter
    except (CulturechatError, OSError):
        pass
    return base, adapter


def _split(base: Path, adapter: Path | None) -> tuple[Path, Path | None]:
    from culturechat.engines.llama_cpp import offsets

    digest = catalogue.sha256_of(base)[:16]
    folder = paths.cache_dir() / "prepared"
    unfit = folder / f"{digest}.unfit"
    if unfit.exists():
        return base, adapter
    plain = _made(folder / f"{digest}-offsets.gguf", lambda path: offsets.join(base, None, path))
    fast = folder / f"{digest}-q4_0.gguf"
    if not _is_whole(fast):
        offsets.split(base, fast)
        if not _says_the_same(base, fast, plain):
            fast.unlink()
            unfit.write_text("prepared, it answers differently\n", "ascii")
            return base, adapter
        _seal(fast)
    if adapter is None:
        return fast, plain
    name = f"{digest}-{catalogue.sha256_of(adapter)[:16]}.gguf"
    return fast, _made(folder / name, lambda path: offsets.join(base, adapter, path))


def _wide(base: Path) -> Path:
    from culturechat.engines.llama_cpp.quantizer import quantize

    target = paths.cache_dir() / "prepared" / f"{catalogue.sha256_of(base)[:16]}-q8_0.gguf"
    return _made(target, lambda path: quantize(base, path, "q8_0", facts.cores()))


def _made(target: Path, make: Callable[[Path], None]) -> Path:
    """Return the file, made first where it is not there or not whole."""
    if not _is_whole(target):
        make(target)
        _seal(target)
    return target


def _seal(path: Path) -> None:
    path.with_suffix(".sha256").write_text(catalogue.sha256_of(path) + "\n", "ascii")


def _is_whole(path: Path) -> bool:
    seal = path.with_suffix(".sha256")
    return path.is_file() and seal.is_file() and seal.read_text("ascii").strip() == catalogue.sha256_of(path)


def _says_the_same(base: Path, prepared: Path, adapter: Path) -> bool:
    """Return whether a prepared base predicts what the original does; asked in a process of its own."""
    arguments = [sys.executable, "-m", __name__, str(base), str(prepared), str(adapter)]
    done = subprocess.run(arguments, stdin=subprocess.DEVNULL, capture_output=True)
    return done.returncode == 0


def _difference(base: str, prepared: str, adapter: str) -> float:
    """Return the mean KL divergence of the prepared base's next-token distributions from the original's, in nats."""
    import numpy as np

    from culturechat.engines.llama_cpp.native import Context, Model

    found = []
    for path, lora in ((base, None), (prepared, adapter)):
        model = Model(path)
        tokens = model.tokenize(_PROBE_TEXT)
        context = Context(model, 256, lora)
        context.decode_rows([(token, place, [0]) for place, token in enumerate(tokens)], set(range(len(tokens))))
        logits = np.stack([context.logits(row) for row in range(len(tokens))]).astype(np.float64)
        logits -= logits.max(axis=1, keepdims=True)
        found.append(logits - np.log(np.exp(logits).sum(axis=1, keepdims=True)))
        context.close()
        model.close()
    original, own = found
    return float((np.exp(original) * (original - own)).sum(axis=1).mean())


if __name__ == "__main__":
    sys.exit(0 if _difference(*sys.argv[1:]) <= MOST_DIFFERENCE else 1)
