"""The files of a run: which are wanted, and whether they can be written before the work begins."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from culturechat.errors import UsageError
from culturechat.probing import lm_eval, table
from culturechat.probing.plan import Plan
from culturechat.probing.run import ProbeRun, write
from culturechat.survey import Bank

STANDARD_OUTPUT = Path("-")


@dataclass(frozen=True)
class Files:
    """Where to write what; None writes nothing."""

    json: Path | None = None
    """`-` is standard output, which the caller prints."""
    csv: Path | None = None
    parquet: Path | None = None
    html: Path | None = None

    @property
    def prints_json(self) -> bool:
        """Whether standard output is for JSON alone."""
        return self.json == STANDARD_OUTPUT

    def check(self) -> None:
        """Refuse what could not be written in the end, before minutes of work.

        Raises:
            UsageError: a folder cannot be made or written, or Parquet is wanted without polars.
        """
        if self.parquet is not None:
            table.installed("polars")
        for path in (self.json, self.csv, self.parquet, self.html):
            if path is not None and path != STANDARD_OUTPUT:
                _check_place(path)

    def write(self, run: ProbeRun, made: str) -> None:
        """Write every file that is wanted, each whole or not at all.

        Args:
            run: What to write.
            made: The date that the report names.
        """
        if self.json is not None and not self.prints_json:
            write(self.json, run.to_json())
        if self.csv is not None:
            write(self.csv, table.csv_text(run))
        if self.parquet is not None:
            table.write_parquet(run, self.parquet)
        if self.html is not None:
            write(self.html, run.to_html(made))


def export_lm_eval(folder: Path, cultures: Sequence[str], bank: Bank, items: Sequence[str], plan: Plan) -> str:
    """Write the bank as tasks of lm-evaluation-harness and return what to do with them."""
    names = lm_eval.export(folder, cultures, bank, items, plan)
    return (
        f"Wrote {len(names)} tasks to {folder}. Run them with:\n"
        f"lm_eval --model hf --model_args pretrained=… --apply_chat_template --include_path {folder} "
        f"--tasks {lm_eval.GROUP}\n"
    )


def _check_place(path: Path) -> None:
    if path.is_dir():
        raise UsageError(f"{path}: is a folder; name a file.")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(f"{path}: cannot be written ({error.strerror}).") from None
