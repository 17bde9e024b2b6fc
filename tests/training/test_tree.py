from __future__ import annotations

from training.steps.tree import TokenTree


def test_a_shared_beginning_is_kept_once() -> None:
    tree = TokenTree()
    assert tree.add([5, 6, 7]) == [0, 1, 2]
    assert tree.add([5, 6, 8, 9]) == [0, 1, 3, 4]
    assert tree.tokens == [5, 6, 7, 8, 9]
    assert tree.depths == [0, 1, 2, 2, 3]


def test_a_token_sees_itself_and_its_ancestors_only() -> None:
    tree = TokenTree()
    tree.add([5, 6])
    tree.add([5, 7])
    assert tree.sight().tolist() == [[True, False, False], [True, True, False], [True, False, True]]
