"""Puts many prompts into one pass: a tree of tokens in which a shared beginning is computed once. Knows no torch.

All prompts of a culture begin with the same system message, and option lists of one question share its wording. As a
tree they need about half the tokens of a padded batch, for the same result: every token sees its own ancestors and
nothing else.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

Sequences = Sequence[Sequence[int]]

TREE_TOKENS = 350
"""About how many tokens a tree should have."""


def forest(groups: Sequence[Sequences]) -> tuple[list[TokenTree], list[list[tuple[int, list[int]]]]]:
    """Return a few trees of about equal size that hold all sequences, and where each of them went.

    A larger tree computes more of what its sequences share, but writes down for every pair of its tokens who sees whom;
    at `TREE_TOKENS` a step is fastest. Trees of unequal size would be padded to the longest.

    Args:
        groups: Sequences that begin alike and stay in one tree.

    Returns:
        The trees; and for each group, for each of its sequences, its tree and the places of its tokens.
    """
    sizes = [_size(group) for group in groups]
    count = max(1, round(_size([sequence for group in groups for sequence in group]) / TREE_TOKENS))
    trees = [TokenTree() for _ in range(min(count, len(groups)))]
    found: dict[int, list[tuple[int, list[int]]]] = {}
    for index in sorted(range(len(groups)), key=lambda index: -sizes[index]):
        place = min(range(len(trees)), key=lambda place: len(trees[place].tokens))
        found[index] = [(place, trees[place].add(sequence)) for sequence in groups[index]]
    return trees, [found[index] for index in range(len(groups))]


def _size(group: Sequences) -> int:
    tree = TokenTree()
    for sequence in group:
        tree.add(sequence)
    return len(tree.tokens)


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
