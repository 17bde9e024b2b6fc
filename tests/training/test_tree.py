from __future__ import annotations

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


def test_groups_share_few_trees_no_larger_than_the_largest_and_come_back_in_order() -> None:
    groups = [[[1, 2], [1, 3]], [[9] * 6], [[4, 5, 6]], [[1, 2, 7]]]
    trees, places = forest(groups)
    assert [len(tree.tokens) for tree in trees] == [6, 6, 3]
    for group, group_places in zip(groups, places, strict=True):
        for sequence, (row, path) in zip(group, group_places, strict=True):
            assert [trees[row].tokens[node] for node in path] == list(sequence)
            assert [trees[row].depths[node] for node in path] == list(range(len(sequence)))
