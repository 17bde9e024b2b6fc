"""The `probe` command, and `compare` for what it wrote. Heavy imports come last."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from culturechat.cli import flags
from culturechat.cli.answering import Models, interruptible
from culturechat.errors import UsageError
from culturechat.terminal import one_line

if TYPE_CHECKING:
    from culturechat.cluster import Cluster
    from culturechat.probing import Source
    from culturechat.survey import Bank


@flags.grouped
def probe(
    *,
    cultures: flags.Cultures = None,
    items: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="Questions of your own.")] = None,
    shares: Annotated[Path | None, typer.Option(metavar="FILE.csv", help="How people answered them.")] = None,
    wvs: Annotated[
        Path | None, typer.Option(metavar="FILE", help="People's answers from the survey's own file (.csv or .sav).")
    ] = None,
    question: Annotated[str | None, typer.Option(metavar='"…"', help="One question of your own.")] = None,
    options: Annotated[str | None, typer.Option(metavar='"A|B|…"', help="Its options, in scale order.")] = None,
    item: Annotated[str | None, typer.Option(metavar="Q33,Q36,…", help="Only these questions.")] = None,
    theme: Annotated[str | None, typer.Option(help="Only questions of this theme.")] = None,
    orders: Annotated[str, typer.Option(metavar="N|all", help="Orders of the options to average.")] = "2",
    styles: Annotated[
        str, typer.Option(metavar="letters,backwards,digits,words", help="Marks of the options to average.")
    ] = "letters",
    restatements: Annotated[bool, typer.Option("--restatements", help="Ask the other wordings too.")] = False,
    language: Annotated[
        str, typer.Option(metavar="english|own", help="Ask in English, or each culture in its own language.")
    ] = "english",
    models: Models,
    seed: flags.IntervalSeed = 0,
    resume: Annotated[bool, typer.Option("--resume", help="Go on where the same run was stopped.")] = False,
    json_path: Annotated[Path | None, typer.Option("--json", metavar="FILE", help="Write JSON; `-` prints it.")] = None,
    csv_path: Annotated[Path | None, typer.Option("--csv", metavar="FILE", help="Write a long table.")] = None,
    parquet: Annotated[Path | None, typer.Option(metavar="FILE", help="Write it as Parquet (needs polars).")] = None,
    html: Annotated[Path | None, typer.Option(metavar="FILE", help="Write a report as one web page.")] = None,
    on: Annotated[
        str | None, typer.Option(metavar="ray[://HOST:PORT]", help="Ask each column in a task of its own, on Ray.")
    ] = None,
    each: Annotated[
        str | None, typer.Option(metavar="cpus=N,gpus=N,memory=GB", help="What each of these tasks gets.")
    ] = None,
    lm_eval: Annotated[
        Path | None, typer.Option("--export-lm-eval", metavar="DIR", help="Write the bank as lm-eval tasks and stop.")
    ] = None,
) -> None:
    """Read the models' opinions on survey questions from their option probabilities, next to people's answers."""
    from culturechat import plain, probing
    from culturechat.probing import output
    from culturechat.probing.plan import plan as checked_plan
    from culturechat.settings import resolve

    settings = resolve({"base": models.base}).settings
    names = flags.names(cultures)
    bank, source = _bank(items, shares, wvs, question, options)
    wanted = probing.select(bank, item.split(",") if item else None, theme)
    how = checked_plan(_orders(orders), _split(styles), restatements, language)
    if lm_eval is not None:
        plain.say(output.export_lm_eval(lm_eval, names, bank, wanted, how))
        return
    files = output.Files(json_path, csv_path, parquet, html)
    files.check()
    where = _cluster(on, each, models)
    columns = models.columns(names, settings)
    chosen = (columns, bank, wanted, how, seed, source, resume, plain.progress, settings.context)
    stoppable = plain.stoppable("Stopped; the same command with --resume goes on from here.")
    missing: dict[str, str] = {}
    if where is not None:
        with interruptible(), stoppable:
            run, missing = probing.probe_on(where, *chosen)
    else:
        with models.engine() as engine, stoppable:
            run = probing.probe_columns(engine, *chosen)
    files.write(run, plain.today())
    if files.prints_json:
        plain.say(run.to_json())
    else:
        plain.print_probe(run)
    for name, error in missing.items():
        typer.echo(one_line(f"culturechat: {name} failed and is left out: {error}"), err=True)
    raise typer.Exit(1 if missing else 0)


def compare_runs(
    run_a: Annotated[Path, typer.Argument(metavar="RUN_A.json", help="What `probe --json` wrote.")],
    run_b: Annotated[Path, typer.Argument(metavar="RUN_B.json", help="The same, of other models or settings.")],
    seed: flags.IntervalSeed = 0,
    most: Annotated[int, typer.Option(min=0, help="Questions that moved most to print.")] = 15,
    as_json: flags.Json = False,
) -> None:
    """Compare two probe runs question by question: which is nearer to the people, and what moved most."""
    from culturechat import plain
    from culturechat.probing import compare as comparing

    comparison = comparing.compare(comparing.read(run_a), comparing.read(run_b), seed)
    if as_json:
        plain.say(comparing.as_json(comparison))
    else:
        plain.print_comparison(comparison, most)


def _cluster(on: str | None, each: str | None, models: Models) -> Cluster | None:
    from culturechat import cluster

    if on and models.remote:
        raise UsageError("--on is for models in files; a server takes all columns as it is.")
    return cluster.named(on, each)


def _bank(
    items: Path | None, shares: Path | None, wvs: Path | None, question: str | None, options: str | None
) -> tuple[Bank, Source]:
    from culturechat.probing import banks

    if items is None and shares is not None:
        raise UsageError("--shares needs --items: figures of people belong to a list of questions.")
    if wvs is not None and shares is not None:
        raise UsageError("--wvs and --shares both say how people answered; give one of them.")
    if (question is None) != (options is None):
        raise UsageError('--question and --options belong together: --question "…" --options "Agree|Disagree".')
    if question is not None and options is not None:
        if items is not None or wvs is not None:
            raise UsageError("--question is asked alone, without --items or --wvs.")
        return banks.typed(question, options)
    return banks.load(items, shares, wvs)


def _split(text: str) -> list[str]:
    return [part.strip().lower() for part in text.split(",") if part.strip()]


def _orders(text: str) -> int | Literal["all"]:
    if text == "all":
        return "all"
    if not text.isdigit() or int(text) < 1:
        raise UsageError(f"--orders {text}: expected a whole number from 1 on, or all.")
    return int(text)
