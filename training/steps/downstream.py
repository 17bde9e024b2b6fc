"""Scores a culture's models on public test sets of text classification, from the user's own copy of the files.

Nothing is sampled and no answer is parsed: the class is the option with the highest probability, mean of the options'
order and its reverse, as `culturechat probe` reads it. Knows nothing of torch; keeps no text.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

import msgspec

from culturechat import catalogue, engines, prompting, records
from culturechat.catalogue import BASE_COLUMN, ONE, Column, Form
from culturechat.cultures import Culture
from culturechat.engines import Choice, Engine
from culturechat.errors import UsageError, WeightsMissing
from culturechat.probing.resample import Interval
from culturechat.probing.runfile import file_hashes, llama_cpp_version
from culturechat.terminal import one_line
from training import f1, textsets
from training.bases import Base
from training.f1 import Labelled, Scores
from training.textsets import Kind, Text, TextSet
from training.workspace import Workspace

TEXTS = 200
"""Most texts of a set by default; 58 sets of 200 texts and four models take hours on two cores."""
CONTEXT_TOKENS = 2048
COMMONEST = "commonest"
"""The control that takes every text for the class that most texts are of."""
PROMPTED, TRAINED = "prompted", "culture"
PAIRS = ((TRAINED, PROMPTED), (TRAINED, BASE_COLUMN), (ONE, PROMPTED), (TRAINED, ONE), (TRAINED, COMMONEST))


class Asked(msgspec.Struct, frozen=True):
    """What became of one set, as it is kept for a run that is stopped."""

    made_from: str
    in_file: int
    """Texts of the file that can be scored."""
    left_out: dict[str, int]
    """Rows that cannot, by reason."""
    clusters: tuple[str, ...]
    truth: tuple[int, ...]
    predicted: dict[str, tuple[int, ...]]


@dataclass(frozen=True)
class Report:
    """All of one culture's sets."""

    culture: Culture
    base: str
    texts: int
    seed: int
    asked: dict[str, Asked]
    """By set, in the catalogue's order."""
    missing: tuple[str, ...]
    """Files that are not there."""
    scores: Scores


def run(
    workspace: Workspace,
    culture: Culture,
    base: Base,
    folder: Path,
    texts: int = TEXTS,
    seed: int = 1,
    engine: Engine | None = None,
    say: Callable[[str], None] = lambda line: None,
) -> str:
    """Write the scores as JSON and as a page to read, and return the means in a line.

    Args:
        workspace: Where they go, and the trained adapter may lie; without one the shipped adapter is scored.
        culture: Whose sets are scored.
        base: The base model.
        folder: The user's copy of the reference repository's `data` folder.
        texts: Most texts of a set.
        seed: Of the texts that are drawn and of the resamples.
        engine: Used instead of one of its own.
        say: Gets a line for every set that is done.

    Raises:
        UsageError: the folder holds none of the culture's files, or fewer than one text is wanted.
        BadFile: a file is not as the catalogue says; the line is named.
    """
    if texts < 1:
        raise UsageError(f"--texts {texts}: expected a whole number from 1 on.")
    known = textsets.catalogue()
    there = [one for one in known.of(culture.id) if (folder / one.file).is_file()]
    if not there:
        first = known.of(culture.id)
        wanted = f", such as {folder / first[0].file}" if first else ""
        raise UsageError(f"{folder}: holds none of the {len(first)} test sets of {culture.id}{wanted}.")
    columns = models(workspace, culture, base)
    running = engine or engines.load()
    try:
        running.open(columns, CONTEXT_TOKENS)
        asked = {}
        for one in there:
            asked[one.name] = _asked(workspace, one, known.kind(one), folder, texts, seed, columns, running)
            say(f"{one.name}: {len(asked[one.name].truth)} texts")
    finally:
        if engine is None:
            running.close()
    missing = tuple(one.file for one in known.of(culture.id) if one.name not in asked)
    scores = f1.score([_labelled(name, found) for name, found in asked.items()], PAIRS, seed)
    report = Report(culture, base.id, texts, seed, asked, missing, scores)
    _write(workspace.folder / "downstream.json", json.dumps(as_json(report), ensure_ascii=False, indent=1) + "\n")
    _write(workspace.folder / "downstream.md", page(report))
    return f"{len(asked)} sets, macro-F1 " + ", ".join(f"{name} {mean.mean:.3f}" for name, mean in scores.means.items())


def models(workspace: Workspace, culture: Culture, base: Base) -> list[Column]:
    """Return the untouched base, the base with a prompt only, and the culture's and the One adapter where there are."""
    adapters = {culture.id: workspace.adapter, ONE: workspace.folder.parent / ONE / workspace.adapter.name}
    own = {name: path for name, path in adapters.items() if path.is_file()}
    (untouched,) = catalogue.columns([BASE_COLUMN], base.card)
    (prompted,) = catalogue.columns([culture.id], base.card, form="prompt")
    found = [untouched, replace(prompted, id=PROMPTED)]
    forms: dict[str, Form] = {TRAINED: "adapter", ONE: "one"}
    for name, form in forms.items():
        try:
            (column,) = catalogue.columns([culture.id], base.card, own, form)
        except WeightsMissing:
            continue
        found.append(replace(column, id=name))
    return found


def ask(engine: Engine, column: Column, kind: Kind, texts: Sequence[Text]) -> Iterator[int]:
    """Yield the class that a model takes each text for."""
    labels = tuple(kind.classes.values())
    marks = prompting.marks(labels)
    choices = [
        Choice(tuple(prompting.survey(column.culture, question(kind, text), order)), marks)
        for text in texts
        for order in (labels, labels[::-1])
    ]
    scores = engine.score(column.id, choices)
    for _ in texts:
        forward, backward = next(scores).probabilities, next(scores).probabilities[::-1]
        both = [one + other for one, other in zip(forward, backward, strict=True)]
        yield both.index(max(both))


def question(kind: Kind, text: Text) -> str:
    """Return what is asked, options left out."""
    return f"{kind.question}\n\nText: {text.words}"


def _asked(
    workspace: Workspace,
    texts: TextSet,
    kind: Kind,
    folder: Path,
    most: int,
    seed: int,
    columns: Sequence[Column],
    engine: Engine,
) -> Asked:
    """Return what the models take a set's texts for, from an earlier run that did the same or by asking."""
    reading = textsets.read(texts, kind, folder)
    drawn = textsets.sample(reading.texts, most, seed)
    made_from = _fingerprint(kind, drawn, columns)
    place = workspace.folder / "downstream" / f"{texts.name}.json"
    if (known := _known(place)) is not None and known.made_from == made_from:
        return known
    found = Asked(
        made_from,
        len(reading.texts),
        reading.left_out,
        tuple(text.cluster for text in drawn),
        tuple(text.of_class for text in drawn),
        {column.id: tuple(ask(engine, column, kind, drawn)) for column in columns},
    )
    _write(place, json.dumps(msgspec.to_builtins(found)) + "\n")
    return found


def _known(place: Path) -> Asked | None:
    try:
        return msgspec.json.decode(place.read_bytes(), type=Asked)
    except (OSError, msgspec.MsgspecError):
        return None


def _fingerprint(kind: Kind, texts: Iterable[Text], columns: Iterable[Column]) -> str:
    digest = hashlib.sha256(f"llama.cpp {llama_cpp_version()} {json.dumps(asdict(kind))}\n".encode())
    for column in columns:
        prompt = [message.text for message in prompting.survey(column.culture, "", ())]
        digest.update(f"{column.id} {column.form} {file_hashes(column)} {prompt}\n".encode())
    for text in texts:
        digest.update(f"{text.of_class} {text.words}\n".encode())
    return digest.hexdigest()[:16]


def _labelled(name: str, asked: Asked) -> Labelled:
    one = Labelled(name, asked.clusters, asked.truth, asked.predicted)
    control = (f1.commonest(one.counts),) * len(asked.truth)
    return replace(one, predicted={COMMONEST: control, **asked.predicted})


def as_json(report: Report) -> dict[str, Any]:
    """Return the scores as plain values."""
    kinds = {one.name: textsets.catalogue().kind(one) for one in textsets.catalogue().of(report.culture.id)}
    sets = {}
    for name, asked in report.asked.items():
        classes, counts = list(kinds[name].classes), _labelled(name, asked).counts
        sets[name] = {
            "texts": len(asked.truth),
            "in_file": asked.in_file,
            "left_out": asked.left_out,
            "single_class": len(counts) == 1,
            "classes": {classes[one]: n for one, n in counts.items()},
            "models": {
                model: {
                    "macro_f1": asdict(score.macro),
                    "f1": {classes[one]: value for one, value in score.by_class.items()},
                }
                for model, score in report.scores.sets[name].items()
            },
        }
    return {
        "culture": report.culture.id,
        "base": report.base,
        "most_texts": report.texts,
        "seed": report.seed,
        "missing": list(report.missing),
        "sets": sets,
        "mean_macro_f1": {model: asdict(mean) for model, mean in report.scores.means.items()},
        "differences": {f"{a} - {b}": asdict(found) for (a, b), found in report.scores.differences.items()},
    }


def page(report: Report) -> str:
    """Return the scores as Markdown: a table of all sets, the differences, each class, and what to know."""
    models = list(next(iter(report.scores.sets.values())))
    several = [name for name, asked in report.asked.items() if len(set(asked.truth)) > 1]
    means = {model: _interval(report.scores.means.get(model)) for model in models}
    summary = [
        [name, str(len(report.asked[name].truth)), *(_interval(scores[model].macro) for model in models)]
        for name, scores in report.scores.sets.items()
        if name in several
    ]
    differences = [[f"{a} − {b}", _interval(found)] for (a, b), found in report.scores.differences.items()]
    parts = [
        f"# Test sets: {report.culture.name}",
        f"Base: {report.base}. Macro-F1 with 95 % bootstrap intervals over clusters of equal texts; at most "
        f"{report.texts} texts of a set, drawn with seed {report.seed}. Every text is put with its options forward and "
        "in reverse, and the class is the option with the higher mean probability. `commonest` takes every text for "
        "the commonest class.",
        _table(["set", "texts", *models], [*summary, [f"mean ({len(several)})", "", *means.values()]]),
        "## Differences of the means\n\nPaired: the same texts are drawn for both.",
        _table(["models", "macro-F1"], differences),
        "## Class by class\n\nF1; n is the number of texts of the class.",
        _table(["set", "class", "n", *models], list(_classes(report, models))),
        "## To know\n\n" + "\n".join(f"- {line}" for line in _notes(report)),
    ]
    return "\n\n".join(parts) + "\n"


def _classes(report: Report, models: Sequence[str]) -> Iterator[list[str]]:
    kinds = {one.name: textsets.catalogue().kind(one) for one in textsets.catalogue().of(report.culture.id)}
    for name, scores in report.scores.sets.items():
        words = list(kinds[name].classes.values())
        for one, n in _labelled(name, report.asked[name]).counts.items():
            yield [name, words[one], str(n), *(f"{scores[model].by_class[one]:.3f}" for model in models)]


def _notes(report: Report) -> Iterator[str]:
    for one in textsets.catalogue().of(report.culture.id):
        if one.name not in report.asked:
            yield f"{one.name}: the file {one_line(one.file)} is not there."
            continue
        asked = report.asked[one.name]
        if len(set(asked.truth)) == 1:
            yield f"{one.name}: all texts that were drawn are of one class, so it is left out of the means."
        for reason, count in asked.left_out.items():
            yield f"{one.name}: {count} rows {reason} were left out."
        if one.note:
            yield f"{one.name}: {one.note}"
    yield "The texts are those of the files; sets of one source share texts, and their scores are not independent."


def _interval(found: Interval | None) -> str:
    return f"{found.mean:.3f} [{found.low:.3f}, {found.high:.3f}]" if found else "–"


def _table(heading: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    lines = [heading, ["---"] * len(heading), *rows]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _write(path: Path, text: str) -> None:
    with records.replacing(path) as temporary:
        temporary.write_text(text, "utf-8")
