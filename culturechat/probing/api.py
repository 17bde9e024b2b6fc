"""One call from names to a finished run, for notebooks and the command line. Knows nothing of terminals."""

from __future__ import annotations

from collections.abc import Callable, Generator, Iterable, Iterator, Mapping, Sequence
from contextlib import closing, contextmanager
from itertools import chain
from pathlib import Path

from culturechat import catalogue, engines, survey
from culturechat.catalogue import DEFAULT_BASE, Column, Form
from culturechat.engines import Engine
from culturechat.errors import UsageError, unknown
from culturechat.probing.plan import Plan
from culturechat.probing.results import ItemResult
from culturechat.probing.run import ProbeRun, Source, finished
from culturechat.probing.runfile import RunFile, fingerprint, place
from culturechat.probing.stream import checked, stream
from culturechat.survey import Bank

CONTEXT_TOKENS = 2048

Watch = Callable[[Iterable[ItemResult], int], Iterable[ItemResult]]
"""Takes the results as they come and their number in the end, and hands them on."""


def probe(
    cultures: str | Sequence[str],
    items: Sequence[str] | None = None,
    *,
    theme: str | None = None,
    bank: Bank | None = None,
    source: Source | None = None,
    plan: Plan | None = None,
    base: str = DEFAULT_BASE,
    adapters: Mapping[str, Path] | None = None,
    form: Form | None = None,
    seed: int = 0,
    engine: Engine | None = None,
    resume: bool = False,
) -> ProbeRun:
    """Ask models of several cultures survey questions and compare them with the people there.

    Args:
        cultures: Columns, as a list or as `"chinese,german,base"`.
        items: Codes of the questions, such as `["Q33", "Q36"]`; all by default.
        theme: Only questions of this theme.
        bank: Questions and people's answers of your own; see `culturechat.survey.from_csv` and `survey.wvs.read`.
        source: What to say of where they come from.
        plan: How every question is put: orders, label styles, restatements, language.
        base: Id of a base model's card, or the path of a GGUF file.
        adapters: Adapter files of your own, by culture.
        form: Forces `adapter` or `prompt`.
        seed: Of the bootstrap and the simulated halves.
        engine: An engine to use; by default one is started and ended.
        resume: Continue the same run where it was killed.

    Returns:
        The run, with every result and all statistics.

    Raises:
        CulturechatError: a name is unknown, a file is damaged, or the engine failed.
    """
    names = [name.strip() for name in cultures.split(",")] if isinstance(cultures, str) else list(cultures)
    bank = bank or survey.load()
    columns = catalogue.columns(names, base, adapters, form)
    wanted = select(bank, items, theme)
    with _running(engine) as running:
        return probe_columns(running, columns, bank, wanted, plan or Plan(), seed, source, resume)


def probe_columns(
    engine: Engine,
    columns: Sequence[Column],
    bank: Bank,
    items: Sequence[str],
    plan: Plan,
    seed: int = 0,
    source: Source | None = None,
    resume: bool = False,
    watch: Watch | None = None,
    context_tokens: int = CONTEXT_TOKENS,
) -> ProbeRun:
    """Open the columns on this engine, ask everything and return the finished run.

    Scores are kept in the user's data folder while the run lasts; when it is killed they stay there for `resume`.
    """
    checked(bank, items)
    check_style(columns, plan)
    engine.open(columns, context_tokens)
    with closing(measure(engine, columns, bank, items, plan, resume)) as results:
        watched = list(watch(results, len(columns) * len(items)) if watch else results)
    return finished(watched, columns, bank, plan, seed, source or Source())


def measure(
    engine: Engine,
    columns: Sequence[Column],
    bank: Bank,
    items: Sequence[str],
    plan: Plan,
    resume: bool = False,
) -> Generator[ItemResult, None, None]:
    """Yield each result as it becomes known, on an engine with the columns open; see `stream`.

    Scores are kept in the user's data folder until the last is known; where the iterator is closed or fails before,
    they stay there for `resume`.
    """
    questions = checked(bank, items)
    check_style(columns, plan)
    prompts = chain.from_iterable(plan.choices(column, question) for column in columns for question in questions)
    key = fingerprint(columns, prompts)
    file = RunFile(place(key), key, resume)
    try:
        yield from stream(engine, columns, bank, items, plan, file)
    except BaseException:
        file.close()
        raise
    file.discard()


def check_style(columns: Sequence[Column], plan: Plan) -> None:
    """Refuse what a server cannot give: it names the likeliest next tokens, and a label has several."""
    served = next((column.id for column in columns if column.server), None)
    if served is not None and "words" in plan.styles:
        raise UsageError(
            f"{served} is at a server, which does not give the probability of whole labels. Leave out words."
        )


def select(bank: Bank, items: Sequence[str] | None = None, theme: str | None = None) -> list[str]:
    """Return the codes of the questions that are wanted, each once.

    Raises:
        UsageError: a question or the theme is unknown, a question stands twice, or none is left.
    """
    themes = {question.theme for question in bank.questions.values()}
    if theme is not None and theme not in themes:
        raise unknown("theme", theme, themes)
    named = [bank.question(item.strip()).item for item in items] if items else list(bank.questions)
    twice = next((item for item in named if named.count(item) > 1), None)
    if twice is not None:
        raise UsageError(f"{twice} is named twice.")
    wanted = [item for item in named if theme is None or bank.questions[item].theme == theme]
    if not wanted:
        raise UsageError(f"None of {', '.join(items or ())} belongs to theme {theme!r}.")
    return wanted


@contextmanager
def _running(engine: Engine | None) -> Iterator[Engine]:
    """Give the engine, or a new one that ends with the block."""
    if engine is not None:
        yield engine
        return
    started = engines.load()
    try:
        yield started
    finally:
        started.close()
