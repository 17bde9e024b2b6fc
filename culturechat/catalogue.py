"""The models at hand: finds weights by their cards, checks size and hash, says what is missing. Loads none of them."""

from __future__ import annotations

import hashlib
import importlib.util
import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cache
from pathlib import Path
from typing import Any, Literal

from culturechat import cultures, gguf_file, paths, records
from culturechat.cultures import Culture
from culturechat.errors import BadFile, UsageError, WeightsMissing, unknown
from culturechat.gguf_file import GGMLQuantizationType
from culturechat.locale import N_, _

Form = Literal["merged", "adapter", "one", "prompt", "base", "server"]
"""How a column's model comes: a file of its own, base + LoRA adapter, base + the One adapter of all cultures with the
culture in its prompt, base with the culture in its prompt only, the untouched base, or whatever a server has."""

FORCED: tuple[Form, ...] = ("merged", "adapter", "one", "prompt")
"""The forms that can be asked for by name."""

FOLDERS = {"base": "bases", "adapter": "adapters", "merged": "merged"}
"""Where files of each kind lie in a models folder, beside `cards`."""

MOST_MERGED = 2
"""Columns up to which a model of its own is faster for each than adapters on one shared base. Not where the base is
Q4_1: the engine splits that into a faster format, and an adapter then costs next to nothing."""

BASE_COLUMN = "base"
ONE = "one"
"""The adapter trained on all cultures, and the column in which it answers without being told a culture."""
DEFAULT_BASE = "smollm2-135m"
OWN = ":own"
"""Behind the name of a column that is prompted in the culture's own language."""
ENGLISH = "en"

_PIECE_BYTES = 4 * 2**20


@dataclass(frozen=True)
class Survey:
    """Where the figures that a model was trained on come from."""

    source: str
    countries: tuple[str, ...]


@dataclass(frozen=True)
class CardFile:
    """What a model's card says; adapters' cards are written by the training pipeline."""

    form: Literal["base", "adapter", "merged"]
    name: str
    licence: str
    file: str
    """File name in the models folder, inside `package`, or the whole path of a file of the user's."""
    bytes: int
    sha256: str
    package: str = ""
    """The installed Python package that holds the file; it is located, never imported."""
    install: str = ""
    """What to do when the file is not there."""
    context: int = 0
    """Tokens the model was trained to hold; bases only."""
    culture: str = ""
    base: str = ""
    """Id of the base that an adapter belongs to."""
    base_sha256: str = ""
    recipe: str = ""
    seed: int = 0
    survey: Survey | None = None
    scores: dict[str, Any] = field(default_factory=dict)


@dataclass(frozen=True)
class Card(CardFile):
    """One model that can be had."""

    id: str = ""
    """The name of the card's file."""
    folder: Path = Path()
    """The models folder that the card stands in."""

    @property
    def path(self) -> Path | None:
        """Where the weights are, or None where they are not installed."""
        if self.package:
            package = _package_folder(self.package)
            path = package / self.file if package else None
        else:
            path = self.folder / FOLDERS[self.form] / self.file
        return path if path and path.is_file() else None


@dataclass(frozen=True)
class Column:
    """What answers in one column: a culture (or none) and the files of its model."""

    id: str
    """A culture's id, with `:own` behind it where it is prompted in its own language; `one`, or `base`."""
    culture: Culture | None
    form: Form
    model: str
    """What the model is called."""
    base_path: Path
    """Empty where a server answers."""
    adapter_path: Path | None = None
    server: str = ""
    """Address of the server that answers, if one does."""
    language: Literal["english", "own"] = "english"
    """Language of the system prompt that names the culture."""
    told_apart_by: str = ""
    """Code of that language where the title has to say it."""

    @property
    def title(self) -> str:
        """What the column is called on a screen."""
        if self.culture is None:
            return self.id
        title = " ".join(dict.fromkeys((self.culture.own_name, self.culture.name)))
        return f"{title} ({self.told_apart_by})" if self.told_apart_by else title


def cards() -> dict[str, Card]:
    """Return all cards by id, the user's own before shipped ones of the same name."""
    found = {}
    for folder in (paths.shipped_models(), paths.user_models()):
        for path in sorted((folder / "cards").glob("*.toml")):
            found[path.stem] = Card(**vars(records.read(path, CardFile)), id=path.stem, folder=folder)
    return found


def columns(
    names: Sequence[str],
    base: str = DEFAULT_BASE,
    adapters: Mapping[str, Path] | None = None,
    form: Form | None = None,
    beside: int = 0,
) -> list[Column]:
    """Return what answers for each name: a culture's id, `one`, or `base` for the untouched model.

    Args:
        names: Columns in the order they are shown.
        base: Id of a base model's card, or the path of any GGUF file that llama.cpp runs.
        adapters: Adapter files of the user's own, by culture or `one`.
        form: Forces one of `FORCED`; by default what is fastest for so many columns and installed.
        beside: How many columns there are besides.

    Raises:
        UsageError: a name is unknown or stands twice, a file is damaged, or an adapter belongs to another base.
        WeightsMissing: the base, or an adapter that was asked for, is not installed.
    """
    checked(names, adapters or ())
    base_path, base_name = _base(base)
    few = len(names) + beside <= MOST_MERGED and gguf_file.read_header(base_path).main_type != GGMLQuantizationType.Q4_1
    wanted = form or ("merged" if few else None)
    files = adapters or {}
    return [
        _one(name, base_path, base_name, files.get(ONE))
        if name == ONE or (form == "one" and name != BASE_COLUMN)
        else _column(name, base_path, base_name, files.get(name), wanted, forced=form is not None)
        for name in names
    ]


def in_language(columns: Sequence[Column], chosen: Literal["english", "own", "both"]) -> list[Column]:
    """Return these columns prompted in English, in each culture's own language, or one beside the other.

    What is told no culture has no prompt, and a culture whose own language is English has one.
    """
    found: dict[str, Column] = {}
    for column in columns:
        english = replace(column, id=culture_of(column.id), language="english", told_apart_by="")
        if column.culture is None or column.culture.language == ENGLISH:
            found[english.id] = english
        elif chosen == "both":
            found[english.id] = replace(english, told_apart_by=ENGLISH)
            found[f"{english.id}{OWN}"] = _own(english)
        else:
            found[english.id] = _own(english) if chosen == "own" else english
    return list(found.values())


def like(columns: Sequence[Column], names: Sequence[str]) -> list[Column]:
    """Return columns that were found by their cultures under the names that they had, with the languages of those."""
    own = {culture_of(name) for name in names if name.endswith(OWN)}
    return [
        _own(column)
        if name.endswith(OWN)
        else replace(column, told_apart_by=ENGLISH if name in own and column.culture else "")
        for name, column in zip(names, columns, strict=True)
    ]


def culture_of(name: str) -> str:
    """Return the culture of a column's name, or what it is called without one."""
    return name.removesuffix(OWN)


def _own(column: Column) -> Column:
    code = column.culture.language if column.culture else ""
    return replace(column, id=f"{column.id}{OWN}", language="own", told_apart_by=code)


def checked(names: Sequence[str], others: Iterable[str] = ()) -> list[str]:
    """Return all names that a column can have.

    Args:
        names: The columns that are wanted.
        others: Further names that must be known.

    Raises:
        UsageError: a name is unknown or stands twice, or there is none.
    """
    known = [*cultures.names(), ONE, BASE_COLUMN]
    if not names:
        raise UsageError(f"No culture was named. Known: {', '.join(known)}.")
    repeated = next((name for name in names if names.count(name) > 1), None)
    if repeated:
        raise UsageError(f"{repeated} is named twice; each culture is one column.")
    for name in (*names, *others):
        if name not in known:
            raise unknown("culture", name, known)
    return known


def sha256_of(path: Path) -> str:
    """Return the file's SHA-256; remembered by size and time of change, so a large file is read once."""
    status = path.stat()
    key = f"{path.resolve()}:{status.st_size}:{status.st_mtime_ns}"
    memory = paths.cache_dir() / "sha256.json"
    known = _remembered(memory)
    if key not in known:
        with path.open("rb") as file:
            known[key] = hashlib.file_digest(file, "sha256").hexdigest()
        try:
            with records.replacing(memory) as temporary:
                temporary.write_text(json.dumps(known, indent=1), "utf-8")
        except OSError:
            pass  # a read-only cache costs time, nothing else
    return known[key]


def verify(card: Card, progress: Callable[[float], None] | None = None) -> str:
    """Return the state of a card's weights in words: ok, missing, or what does not match.

    Args:
        card: What is looked at.
        progress: Told the share that was read, from 0 to 1, of a file that is read anew to its end; without it, a file
            that was read before is not read again.
    """
    path = card.path
    if path is None:
        return N_("not installed")
    if path.stat().st_size != card.bytes:
        told = _("damaged: {found} bytes instead of {expected}")
        return told.format(found=path.stat().st_size, expected=card.bytes)
    found = _read_through(path, progress) if progress else sha256_of(path)
    return N_("ok") if found == card.sha256 else _("damaged: SHA-256 differs from the card")


def _read_through(path: Path, progress: Callable[[float], None]) -> str:
    digest, size, done = hashlib.sha256(), path.stat().st_size, 0
    with path.open("rb") as file:
        while piece := file.read(_PIECE_BYTES):
            digest.update(piece)
            done += len(piece)
            progress(done / size)
    return digest.hexdigest()


def _column(
    name: str, base_path: Path, base_name: str, adapter: Path | None, form: Form | None, forced: bool
) -> Column:
    if name == BASE_COLUMN:
        return Column(name, None, "base", base_name, base_path)
    culture = cultures.load(name)
    if adapter is not None:
        check_adapter(adapter, base_path)
        return Column(name, culture, "adapter", adapter.stem, base_path, adapter)
    if form == "prompt":
        return Column(name, culture, "prompt", base_name, base_path)
    if form == "merged" and (card := _card_for("merged", name, base_path)):
        return Column(name, culture, "merged", card.id, _installed(card))
    if form == "merged" and forced:
        raise WeightsMissing(
            f"There is no merged {name} model of {base_name}. Make it: culturechat models build --cultures {name}"
        )
    if card := _card_for("adapter", name, base_path):
        path = _installed(card)
        check_adapter(path, base_path)
        return Column(name, culture, "adapter", card.id, base_path, path)
    if form == "adapter":
        raise WeightsMissing(
            f"There is no {name} adapter for {base_name}. Train one with `python -m training run`, "
            f"name a file with --adapter {name}=FILE.gguf, or use --form prompt."
        )
    if card := _card_for("merged", name, base_path):
        return Column(name, culture, "merged", card.id, _installed(card))
    return Column(name, culture, "prompt", base_name, base_path)


def _one(name: str, base_path: Path, base_name: str, adapter: Path | None) -> Column:
    """Return a column of the One adapter, which learns in its prompt what culture it speaks for."""
    culture = None if name == ONE else cultures.load(name)
    model = adapter.stem if adapter else ""
    if adapter is None:
        card = _card_for("adapter", ONE, base_path)
        if card is None:
            raise WeightsMissing(
                f"There is no adapter of all cultures for {base_name}. Train it with `python -m training run --one`, "
                f"or name a file with --adapter {ONE}=FILE.gguf."
            )
        adapter, model = _installed(card), card.id
    check_adapter(adapter, base_path)
    return Column(name, culture, "one", model, base_path, adapter)


def check_adapter(adapter: Path, base_path: Path) -> None:
    """Refuse an adapter file that is damaged or was made for another base."""
    header = gguf_file.read_header(adapter)
    if header.metadata.get("general.type") != "adapter":
        raise BadFile(adapter, "is a GGUF file but no adapter.")
    made_for = header.metadata.get("culturechat.base_sha256")
    if made_for is not None and made_for != sha256_of(base_path):
        made_for_name = header.metadata.get("general.base_model.0.name", f"SHA-256 {str(made_for)[:12]}…")
        raise BadFile(adapter, f"belongs to another base ({made_for_name}), not to {base_path.name}.")


def _base(base: str) -> tuple[Path, str]:
    bases = {card.id: card for card in cards().values() if card.form == "base"}
    if base in bases:
        path = _installed(bases[base])
        gguf_file.read_header(path)
        return path, base
    path = Path(base).expanduser()
    if path.suffix != ".gguf" and not path.exists():
        raise unknown("base model", base, bases)
    header = gguf_file.read_header(path)
    if header.metadata.get("general.type") == "adapter":
        raise BadFile(path, "is an adapter; a base is a whole model. Use --adapter CULTURE=FILE.gguf for it.")
    return path, path.stem


def _card_for(form: str, culture: str, base_path: Path) -> Card | None:
    """Return the card of a culture's model made from these base weights, known by hash; the user's own come first."""
    mine = [card for card in cards().values() if card.form == form and card.culture == culture]
    own_first = sorted(mine, key=lambda card: card.folder != paths.user_models())
    return next((card for card in own_first if card.base_sha256 == sha256_of(base_path)), None) if mine else None


def _installed(card: Card) -> Path:
    path = card.path
    if path is None:
        raise WeightsMissing(f"The weights of {card.id} are not installed. {card.install}".strip())
    if path.stat().st_size != card.bytes:
        raise BadFile(path, f"has {path.stat().st_size} bytes, its card says {card.bytes}. Install it again.")
    if sha256_of(path) != card.sha256:
        raise BadFile(path, "does not match the SHA-256 of its card. Install it again.")
    return path


def _remembered(memory: Path) -> dict[str, str]:
    try:
        known = json.loads(memory.read_text("utf-8"))
    except (OSError, ValueError):
        return {}
    return known if isinstance(known, dict) else {}


@cache
def _package_folder(package: str) -> Path | None:
    spec = importlib.util.find_spec(package)
    places: Iterator[str] = iter((spec.submodule_search_locations or ()) if spec else ())
    place = next(places, None)
    return Path(place) if place else None
