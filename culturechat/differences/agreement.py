"""How far two English answers say the same, from the project's own sentence vectors: offline, without a model.

Each sentence of one answer is paired with the sentence of the other whose vector is nearest (cosine, negative ones
count as 0); precision is the mean over the sentences of one answer, recall over those of the other, weighted by their
words, and the agreement is the harmonic mean of both. This is BERTScore (Zhang et al., ICLR 2020, arXiv:1904.09675, F1
of greedy matching) with sentences in the place of tokens. 1: every sentence has a counterpart of the same meaning.
Answers of the embedded model to the same question get about 0.6, to different ones about 0.3. What is spoken of counts
for more than which side is taken; that is what stances are for. Knows nothing of columns.
"""

from __future__ import annotations

import numpy as np

from culturechat.differences import words
from culturechat.differences.languages import ENGLISH
from culturechat.survey.search import Floats, encoder, pieces

MOST_SENTENCES = 64
"""What stands later in an answer is not looked at."""


class Spoken:
    """An answer as vectors."""

    def __init__(self, vectors: Floats, weights: Floats) -> None:
        self.vectors = vectors
        """A unit vector for each sentence."""
        self.weights = weights
        """Each sentence's part of the answer, by words; they sum to 1."""


def spoken(text: str) -> Spoken | None:
    """Return an answer as vectors; None where it is not in English, for which alone there are vectors."""
    if words.language(text).id != ENGLISH:
        return None
    known = encoder()
    sentences = [part for part in words.sentences(text)[:MOST_SENTENCES] if pieces(part, known.rows)]
    if not sentences:
        return None
    lengths = np.array([len(part.split()) for part in sentences], np.float32)
    return Spoken(known.encode(sentences), lengths / lengths.sum())


def agreement(one: Spoken, other: Spoken) -> float:
    """Return how far two answers say the same, 0 to 1."""
    cosines = np.clip(one.vectors @ other.vectors.T, 0, 1)
    precision = float(cosines.max(axis=1) @ one.weights)
    recall = float(cosines.max(axis=0) @ other.weights)
    return min(1.0, 2 * precision * recall / (precision + recall)) if precision + recall else 0.0
