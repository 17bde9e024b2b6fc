from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from culturechat.errors import BadFile, UsageError
from training import review, rows
from training.__main__ import main
from training.rows import Wording
from training.workspace import Run

WORDINGS = [
    *(Wording("Q28", "restated", f"Restated {number}?", "", 0.9) for number in range(6)),
    *(Wording("Q29", "replaced", f"Replaced\x1b[31m {number}?", "", 0.9) for number in range(6)),
]


@pytest.fixture
def run(tmp_path: Path) -> Path:
    rows.write(Run(tmp_path).augmented, WORDINGS)
    return tmp_path


def rate(run: Path, answers: str, rater: str = "ada", pairs: int = 4) -> tuple[str, list[str]]:
    """Rate with these answers, then stop; return what is said at the end and all that was shown."""
    shown: list[str] = []
    return review.run(run, rater, pairs, 1, keyboard(answers), shown.append), shown


def keyboard(answers: str) -> Callable[[str], str]:
    given: Iterator[str] = iter(answers)

    def ask(_: str) -> str:
        try:
            return next(given)
        except StopIteration:
            raise EOFError from None

    return ask


def means(run: Path) -> dict[str, object]:
    found = json.loads(Run(run).review.read_text("utf-8"))
    assert isinstance(found, dict)
    return found


def test_the_mean_of_all_ratings_is_written_for_each_stage_and_rater(run: Path) -> None:
    assert rate(run, "5431")[0] == "mean 3.25 of 5 in 4 ratings by 1 person"
    assert rate(run, "5555", "grace")[0] == "mean 4.12 of 5 in 8 ratings by 2 people"
    found = means(run)
    assert found["mean"] == 4.125 and found["ratings"] == 8
    stages, raters = found["stages"], found["raters"]
    assert isinstance(stages, dict) and stages["restated"]["ratings"] == stages["replaced"]["ratings"] == 4
    assert isinstance(raters, dict) and raters["ada"]["mean"] == 3.25 and raters["grace"]["mean"] == 5


def test_a_stopped_review_goes_on_at_the_next_pair(run: Path) -> None:
    _, first = rate(run, "5q")
    _, second = rate(run, "432")
    assert sum("of 4\n" in text for text in first) == 2 and sum("of 4\n" in text for text in second) == 3
    assert first[2] == second[1]
    assert means(run)["ratings"] == 4
    assert rate(run, "")[0] == "mean 3.50 of 5 in 4 ratings by 1 person"


def test_a_pair_can_be_skipped_or_rated_again_and_nonsense_is_asked_again(run: Path) -> None:
    _, shown = rate(run, ["x", "9", "5", "b", "1", "s", "2", "3"])  # type: ignore[arg-type]
    assert shown.count("Type 1 to 5, s, b or q.") == 2
    assert means(run)["mean"] == 2.0


def test_both_stages_are_shown_in_equal_parts_and_in_the_same_order_for_all() -> None:
    chosen = review.sample(WORDINGS, 8, 1)
    assert [wording.stage for wording in chosen].count("restated") == 4
    assert chosen == review.sample(WORDINGS, 8, 1) != review.sample(WORDINGS, 8, 2)
    assert len(review.sample(WORDINGS, 100, 1)) == len(WORDINGS)


def test_what_is_shown_is_safe_for_a_terminal(run: Path) -> None:
    _, shown = rate(run, "5555", pairs=4)
    assert not any("\x1b" in text for text in shown)
    assert sum("How far do you agree" in text for text in shown) == 4


def test_nothing_rated_writes_nothing(run: Path) -> None:
    assert rate(run, "q")[0] == "nothing rated yet"
    assert not Run(run).review.exists()


def test_a_folder_without_wordings_or_with_bad_ratings_is_refused(run: Path, tmp_path: Path, capsys: object) -> None:
    with pytest.raises(BadFile, match="augment"):
        rate(tmp_path / "none", "5")
    with pytest.raises(UsageError, match="at least one pair"):
        rate(run, "5", pairs=0)
    rows.write(Run(run).ratings, [review.Rating("ada", "Q28", "restated", "Restated 1?", 9)])
    with pytest.raises(BadFile, match="rated 9; expected 1 to 5"):
        rate(run, "5")
    rows.write(Run(run).ratings, [])
    rows.write(Run(run).augmented, [Wording("Q999", "restated", "x", "", 0.9)])
    with pytest.raises(BadFile, match="Q999"):
        rate(run, "5")


def test_the_command_line_rates(run: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    monkeypatch.setattr("builtins.input", keyboard("54"))
    assert main(["review", str(run), "--rater", "ada", "--pairs", "2"]) == 0
    assert capsys.readouterr().out.splitlines()[-1] == "mean 4.50 of 5 in 2 ratings by 1 person"
    assert main(["review", str(run / "none")]) == 2
    assert capsys.readouterr().err.count("\n") == 1
