from __future__ import annotations

from collections.abc import Sequence

from training.steps.tree import TokenTree, forest


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


def test_groups_share_one_tree_while_they_are_small_and_come_back_in_order() -> None:
    check([[[1, 2], [1, 3]], [[9] * 6], [[4, 5, 6]], [[1, 2, 7]]], [13])


def test_large_groups_are_spread_over_trees_of_about_equal_size() -> None:
    check([[[start + 1] * 200, [start + 1, start + 2]] for start in (10, 20, 30, 40, 50)], [402, 402, 201])


def check(groups: Sequence[Sequence[Sequence[int]]], sizes: list[int]) -> None:
    trees, places = forest(groups)
    assert [len(tree.tokens) for tree in trees] == sizes
    for group, group_places in zip(groups, places, strict=True):
        assert len({row for row, _ in group_places}) == 1
        for sequence, (row, path) in zip(group, group_places, strict=True):
            assert [trees[row].tokens[node] for node in path] == list(sequence)
            assert [trees[row].depths[node] for node in path] == list(range(len(sequence)))
