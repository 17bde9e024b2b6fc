"""The command line of training: flags -> jobs -> steps. `python -m training --help` loads no torch."""

from __future__ import annotations

import argparse
import os
import sys
from collections.abc import Sequence
from itertools import groupby, product
from pathlib import Path

from culturechat import cluster
from culturechat.errors import CulturechatError, UsageError
from training import grid, pipeline, review


def main(arguments: Sequence[str] | None = None) -> int:
    """Run what was asked for and return the exit code."""
    options = parser().parse_args(arguments)
    try:
        if options.step == "review":
            print(review.run(options.run, options.rater, options.pairs, options.seed, input, print))
            return 0
        steps = None if options.step == "run" else [options.step]
        where = None if options.step == "matrix" else cluster.named(options.on, options.each)
        rest = {"one": options.one, "fold": options.fold, "types": options.types}
        jobs = [
            job
            for base, recipe, seed in product(options.base, options.recipe, options.seed)
            for job in pipeline.jobs(
                options.cultures, base, recipe, seed, options.runs, options.models, options.wvs, **rest
            )
        ]
        if options.step == "matrix":
            for _, run in groupby(jobs, key=lambda job: job.workspace.run):
                print(pipeline.matrix(run))
            return 0
        if getattr(options, "downstream", None) is None:
            return grid.run(jobs, steps, options.again, where)
        if where is not None:
            raise UsageError("--downstream is scored here; leave --on out.")
        for job in jobs:
            pipeline.downstream(job, options.downstream, options.texts)
    except CulturechatError as error:
        print(error, file=sys.stderr)
        return error.exit_code
    except OSError as error:
        print(f"{error.filename or 'Writing'}: {error.strerror}. Nothing half-written is left.", file=sys.stderr)
        return 1
    except KeyboardInterrupt:
        print("\nStopped. The same command goes on where it was.", file=sys.stderr)
        return 130
    return 0


def parser() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = argparse.ArgumentParser(
        prog="python -m training", description="Train an adapter per culture on survey shares.", allow_abbrev=False
    )
    steps = parser.add_subparsers(dest="step", required=True, metavar="STEP")
    for name, text in {"run": "all steps in order but those taken only when named", **HELP, "matrix": MATRIX}.items():
        step = steps.add_parser(name, help=text, allow_abbrev=False)
        step.add_argument(
            "--cultures", type=listed, required=True, metavar="A,B", help="cultures to train, or all of them by `all`"
        )
        step.add_argument(
            "--base",
            type=listed,
            default="smollm2-135m",
            metavar="A,B",
            help="files of training/bases, or folders of Hugging Face checkpoints (default: %(default)s)",
        )
        step.add_argument(
            "--recipe",
            type=listed,
            default="default",
            metavar="A,B",
            help="files of training/recipes, or paths (default: %(default)s)",
        )
        step.add_argument(
            "--seed", type=numbers, default="1", metavar="N,M", help="starts of all chance (default: %(default)s)"
        )
        step.add_argument("--runs", type=Path, default=Path("runs"), help="where artefacts go (default: %(default)s)")
        step.add_argument("--models", type=Path, default=None, help="where publish writes (default: models)")
        step.add_argument(
            "--wvs",
            type=Path,
            metavar="FILE",
            help="the survey's own wave 7 file, .csv or .sav; name it at every step (default: the shipped shares)",
        )
        step.add_argument("--one", action="store_true", help="also train an adapter of all these cultures, first")
        step.add_argument(
            "--fold",
            type=int,
            choices=range(1, 6),
            default=0,
            metavar="1-5",
            help="leave a fifth of the questions out of training and test on it (default: leave out none)",
        )
        step.set_defaults(types=pipeline.TYPES)
        if name == "quantize":
            step.add_argument(
                "--types",
                type=lambda text: tuple(text.split(",")),
                metavar="A,B",
                help=f"number formats (default: {','.join(pipeline.TYPES)})",
            )
        step.add_argument("--again", action="store_true", help="also run steps that are done")
        if name != "matrix":
            step.add_argument(
                "--on", metavar="ray[://HOST:PORT]", help="do each culture, base, recipe and seed as a task of Ray"
            )
            step.add_argument(
                "--each", metavar="cpus=N,gpus=N,memory=GB", help="what each of these tasks gets (default: a core)"
            )
        if name == "evaluate":
            step.add_argument(
                "--downstream",
                type=Path,
                metavar="DIR",
                help="instead score the models on public test sets: your copy of CultureLLM's `data` folder",
            )
            step.add_argument("--texts", type=int, default=200, help="most texts of a test set (default: %(default)s)")
    rate = steps.add_parser("review", help="rate how alike questions and their other wordings are", allow_abbrev=False)
    rate.add_argument("run", type=Path, metavar="RUN", help="the run's folder, such as runs/smollm2-135m-augmented-s1")
    rate.add_argument("--rater", default="me", help="who rates; each goes on where he or she stopped")
    rate.add_argument("--pairs", type=int, default=40, help="pairs to rate (default: %(default)s)")
    rate.add_argument("--seed", type=int, default=1, help="which pairs (default: %(default)s)")
    return parser


def listed(text: str) -> list[str]:
    """Return the parts between commas, each once."""
    return list(dict.fromkeys(part.strip() for part in text.split(",") if part.strip()))


def numbers(text: str) -> list[int]:
    """Return the numbers between commas, each once."""
    return list(dict.fromkeys(int(part) for part in listed(text)))


MATRIX = "set every culture's adapter beside every culture's people, after `evaluate`"
HELP = {
    "seeds": "take questions and shares from the bank",
    "augment": "put the questions into other words",
    "replies": "ask the base everyday questions, for replay",
    "dataset": "make option questions, prose and replay rows",
    "finetune": "train the adapter with transformers and peft",
    "adapter": "write the adapter as GGUF",
    "merge": "lay the adapter into its base: one whole GGUF file (only when named)",
    "quantize": "write the merged model in small number formats (only when named)",
    "parity": "measure how far each export is from the trained model (only when named)",
    "evaluate": "score it beside its controls",
    "probe": "measure the adapter's file with `culturechat probe`",
    "chat": "ask the adapter's file freely: does it take a stance, whose, and does it still talk",
    "publish": "put adapter, card and table into models/",
}


if __name__ == "__main__":
    os.environ.setdefault("TOKENIZERS_PARALLELISM", "false")
    sys.exit(main())
