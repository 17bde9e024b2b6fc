"""Where every artefact of a training run lies. Creates nothing; knows nothing of what the files hold."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Run:
    """The folder of a run: what does not depend on the culture, and a workspace for each."""

    folder: Path

    @property
    def fingerprints(self) -> Path:
        """What each finished step that all cultures share was made from."""
        return self.folder / "fingerprints.json"

    @property
    def augmented(self) -> Path:
        """The questions in other words, a JSON object a line."""
        return self.folder / "augmented.jsonl"

    @property
    def augmenting(self) -> Path:
        """What is done of it so far, from which a killed run goes on."""
        return self.folder / "augmenting.jsonl"

    @property
    def augment_report(self) -> Path:
        """How good the other words are, to read."""
        return self.folder / "augment-report.md"

    @property
    def matrix(self) -> Path:
        """How near every culture's adapter is to every culture's people."""
        return self.folder / "matrix.json"

    @property
    def matrix_picture(self) -> Path:
        """The same to look at."""
        return self.folder / "matrix.png"

    @property
    def ratings(self) -> Path:
        """What people said of the other words, a JSON object a line."""
        return self.folder / "ratings.jsonl"

    @property
    def review(self) -> Path:
        """The mean of the ratings."""
        return self.folder / "review.json"


@dataclass(frozen=True)
class Workspace:
    """The folder of one adapter's run."""

    folder: Path

    @classmethod
    def of(
        cls,
        runs: Path,
        base: str,
        recipe: str,
        seed: int,
        name: str,
        survey_file: Path | None = None,
        fold: int = 0,
    ) -> Workspace:
        """Return the workspace of this run: `RUNS/BASE-RECIPE-sSEED[-SURVEY][-fFOLD]/NAME`.

        A survey file of the user's own is part of the name, so that its figures never mix with the shipped ones; so is
        the part of the questions that is left out.
        """
        survey = f"-{survey_file.stem}" if survey_file else ""
        left_out = f"-f{fold}" if fold else ""
        return cls(runs / f"{base}-{recipe}-s{seed}{survey}{left_out}" / name)

    def sibling(self, name: str) -> Workspace:
        """Return the workspace of another adapter of the same run."""
        return Workspace(self.folder.parent / name)

    @property
    def run(self) -> Run:
        """What this culture shares with the others."""
        return Run(self.folder.parent)

    @property
    def fingerprints(self) -> Path:
        """What each finished step was made from."""
        return self.folder / "fingerprints.json"

    @property
    def seeds(self) -> Path:
        """Questions and the shares that are to be learnt, a JSON object a line."""
        return self.folder / "seeds.jsonl"

    @property
    def replies(self) -> Path:
        """The base model's own answers to everyday prompts, a JSON object a line."""
        return self.folder / "replies.jsonl"

    @property
    def dataset(self) -> Path:
        """Training rows, a JSON object a line."""
        return self.folder / "dataset.jsonl"

    @property
    def checkpoints(self) -> Path:
        """The trainer's own folder, from which a killed run goes on."""
        return self.folder / "checkpoints"

    @property
    def losses(self) -> Path:
        """The loss curve as CSV."""
        return self.folder / "losses.csv"

    @property
    def loss_picture(self) -> Path:
        """The loss curve to look at."""
        return self.folder / "losses.png"

    @property
    def lora(self) -> Path:
        """The trained adapter as peft keeps it, a folder."""
        return self.folder / "lora"

    @property
    def lora_weights(self) -> Path:
        """The trained matrices."""
        return self.lora / "adapter_model.safetensors"

    @property
    def lora_config(self) -> Path:
        """The adapter's shape; written after the matrices."""
        return self.lora / "adapter_config.json"

    @property
    def adapter(self) -> Path:
        """The adapter as llama.cpp reads it."""
        return self.folder / "adapter.gguf"

    @property
    def merged(self) -> Path:
        """Base and adapter as one model, changed matrices in 32-bit floats."""
        return self.folder / "merged.gguf"

    def quantized(self, kind: str) -> Path:
        """The merged model in a number format."""
        return self.folder / f"merged.{kind}.gguf"

    @property
    def parity(self) -> Path:
        """How far each exported file's answers are from the trained model's."""
        return self.folder / "parity.json"

    @property
    def scores(self) -> Path:
        """How well the adapter meets the human shares, beside its controls."""
        return self.folder / "scores.json"

    @property
    def answers(self) -> Path:
        """What the adapter answers to every question for every one of its cultures, a JSON object a line."""
        return self.folder / "answers.jsonl"

    @property
    def chats(self) -> Path:
        """What the adapter's file says when it is asked freely, and what was counted in it."""
        return self.folder / "chats.json"

    @property
    def probe(self) -> Path:
        """What `culturechat probe` found of the adapter's file."""
        return self.folder / "probe.json"
