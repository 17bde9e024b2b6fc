"""Puts many prompts into one pass: a tree of tokens in which a shared beginning is computed once. Knows no torch.

All prompts of a culture begin with the same system message, and option lists of one question share its wording. As a
tree they need about half the tokens of a padded batch, for the same result: every token sees its own ancestors and
nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


class TokenTree:
    """Token sequences, merged where they begin alike."""

    def __init__(self) -> None:
        self.tokens: list[int] = []
        self.depths: list[int] = []
        """Position of each token in its own sequence."""
        self._parents: list[int] = []
        self._children: dict[tuple[int, int], int] = {}

    def add(self, sequence: Sequence[int]) -> list[int]:
        """Return where each token of the sequence stands in the tree."""
        path: list[int] = []
        node = -1
        for depth, token in enumerate(sequence):
            node = self._child(node, token, depth)
            path.append(node)
        return path

    def sight(self) -> NDArray[np.bool_]:
        """Return which token (row) sees which (column): itself and its ancestors."""
        seen = np.zeros((len(self.tokens), len(self.tokens)), dtype=np.bool_)
        for node, parent in enumerate(self._parents):
            if parent >= 0:
                seen[node] = seen[parent]
            seen[node, node] = True
        return seen

    def _child(self, parent: int, token: int, depth: int) -> int:
        key = (parent, token)
        if key not in self._children:
            self._children[key] = len(self.tokens)
            self.tokens.append(token)
            self.depths.append(depth)
            self._parents.append(parent)
        return self._children[key]
