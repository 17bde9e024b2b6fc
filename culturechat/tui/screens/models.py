"""The models at hand: what each is and needs; build, import, check, remove and bring back, while the chat goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from textual import work
from textual.app import ComposeResult
from textual.binding import Binding, BindingType
from textual.containers import Horizontal
from textual.content import Content
from textual.widgets import OptionList, Static
from textual.widgets.option_list import Option

from culturechat import building, catalogue, cultures, gguf_file
from culturechat import installed as at_hand
from culturechat.catalogue import Column
from culturechat.engines.llama_cpp.quantizer import TYPES
from culturechat.errors import BadFile, CulturechatError
from culturechat.installed import Installed
from culturechat.settings import Settings
from culturechat.terminal import one_line
from culturechat.tui.chart import fitted, thin_bar
from culturechat.tui.jobs import Job, Progress
from culturechat.tui.screens.dialogs import ChoiceDialog
from culturechat.tui.screens.help import HelpScreen
from culturechat.tui.screens.listing import ListingScreen
from culturechat.tui.screens.setting_dialogs import ValueDialog
from culturechat.tui.widgets.key_footer import KeyFooter
from culturechat.tui.widgets.status import StatusLine

LOOK_SECONDS = 0.2
"""How often the progress of work is shown."""
BAR_CELLS = 20
TYPE_NAMES = {
    "q8_0": "q8_0    8 bits: nearly as the adapter on its base",
    "q4_k_m": "q4_k_m  4 to 6 bits: small, a good quality",
    "q4_0": "q4_0    4 bits: small and fast on a CPU",
    "bf16": "bf16    16 bits: exact and large",
}
FITS = {True: "fits", False: "too large", None: "?"}
CONTROLS = {"uniform": "a uniform guess", "others_pooled": "the other cultures", "prompted": "the prompted base"}
ABOUT = (
    "Models that are installed, and those that have a card but no file. What you built or imported can be removed; it"
    " goes to a trash folder, and u brings it back."
)


class ModelsScreen(ListingScreen):
    """A list of models, the card of the one under the cursor, and the work that goes on."""

    BINDINGS: ClassVar[list[BindingType]] = [
        Binding("escape,f7", "app.pop_screen", "Back", tooltip="Back; work goes on"),
        Binding("b", "build", "Build", tooltip="Merge a culture's adapter into its base: one file, for use anywhere"),
        Binding("i", "import_file", "Import", tooltip="Copy a GGUF file of your own into the models folder"),
        Binding("v", "verify", "Verify", tooltip="Read the file through and check its SHA-256"),
        Binding("x,delete", "remove", "Remove", tooltip="Move a model of your own to the trash folder"),
        Binding("u", "restore", "Undo", tooltip="Bring back the model that was removed last"),
        Binding("c", "cancel", "Cancel", tooltip="Stop the work; nothing half-written stays"),
        Binding("f1", "help", "Help", priority=True, show=False),
        Binding("question_mark", "help", "Help", show=False),
    ]

    def __init__(self, settings: Settings, in_use: Callable[[], Sequence[Column]]) -> None:
        """Show the models.

        Args:
            settings: Names the base, and how much a column holds.
            in_use: Returns the columns of the chat, whose models cannot be removed.
        """
        super().__init__()
        self._settings = settings
        self._in_use = in_use
        self.models: list[Installed] = []
        self.job: Job | None = None
        self._status = StatusLine("models")
        self._list = OptionList(id="models", markup=False, compact=True)
        self._card = Static("", markup=False, id="card")
        self._work = Static("", markup=False, id="work")

    def compose(self) -> ComposeResult:
        """From top to bottom."""
        yield self._status
        with Horizontal(id="stock"):
            yield self._list
            yield self._card
        yield self._work
        yield KeyFooter()

    def on_mount(self) -> None:
        """Begin on the list."""
        self._list.focus()
        self._status.state = "reading"
        self._read()
        self.set_interval(LOOK_SECONDS, self._look)

    @property
    def chosen(self) -> Installed | None:
        """The model under the cursor."""
        place = self._list.highlighted
        return self.models[place] if place is not None and place < len(self.models) else None

    @property
    def busy(self) -> bool:
        """Whether work goes on."""
        return self.job is not None

    def check_action(self, action: str, parameters: tuple[object, ...]) -> bool | None:
        """Grey out what cannot be done now."""
        if action == "cancel":
            return True if self.busy else None
        if action in ("build", "import_file"):
            return None if self.busy else True
        if action == "verify":
            return True if self.chosen and self.chosen.card.path and not self.busy else None
        if action == "remove":
            return True if self.chosen and self.chosen.own else None
        return True

    @work(exclusive=True, group="act")
    async def action_build(self) -> None:
        """Ask for a culture and a number format, and build."""
        adapters = {card.culture for card in catalogue.cards().values() if card.form == "adapter" and card.path}
        known = {name: _title(name) for name in cultures.names() if name in adapters}
        if not known:
            self.complain("There is no adapter to build with; train one, or import one with i.")
            return
        culture = await self.app.push_screen_wait(ChoiceDialog("Build: which culture", known))
        kind = await self.app.push_screen_wait(ChoiceDialog("Number format", TYPE_NAMES)) if culture else None
        if culture and kind in TYPES:
            base = self._settings.base

            def build(progress: Progress) -> str:
                card = building.build(culture, base, kind, progress)
                return f"{card.id} is built: {_megabytes(card.bytes)}."

            self._begin(Job(f"building {culture} {kind}", build))

    @work(exclusive=True, group="act")
    async def action_import_file(self) -> None:
        """Ask for a file, and for its culture where it does not say it, and copy it."""
        about = "Path of a GGUF file: a chat model, an adapter, or a culture's model."
        file = await self.app.push_screen_wait(ValueDialog("Import", about, _file, ""))
        if file is None:
            return
        culture = None
        if _needs_culture(file):
            known = {name: _title(name) for name in cultures.names()} | {catalogue.ONE: "all cultures (One)"}
            culture = await self.app.push_screen_wait(ChoiceDialog("For which culture is this adapter", known))
            if culture is None:
                return

        def take_in(progress: Progress) -> str:
            card = building.take_in(file, culture, progress)
            return f"{card.id} is imported as {card.form}: {_megabytes(card.bytes)}."

        self._begin(Job(f"importing {one_line(file.name)}", take_in))

    def action_verify(self) -> None:
        """Read the file under the cursor through."""
        if (model := self.chosen) and not self.busy:
            card = model.card

            def verify(progress: Progress) -> str:
                state = catalogue.verify(card, progress)
                if state != "ok":
                    raise BadFile(card.path or card.file, state)
                return f"{card.id} is whole: its SHA-256 is that of its card."

            self._begin(Job(f"checking {one_line(card.id)}", verify))

    async def action_remove(self) -> None:
        """Move the model under the cursor to the trash folder, unless it answers in this chat."""
        model = self.chosen
        if model is None:
            return
        used = {path for column in self._in_use() for path in (column.base_path, column.adapter_path)}
        if model.card.path in used:
            self.complain(f"{model.card.id} answers in this chat; leave it first.")
        elif await self._try(building.remove, model.card.id):
            self._tell(f"{model.card.id} is in the trash folder; u brings it back.")
            self._read()

    async def action_restore(self) -> None:
        """Bring back the model that was removed last."""
        names = building.removed()
        if not names:
            self._tell("The trash folder holds no model.")
        elif await self._try(building.restore, names[0]):
            self._tell(f"{names[0]} is back.")
            self._read()

    def action_cancel(self) -> None:
        """Stop the work."""
        if self.job:
            self.job.cancel()

    def action_help(self) -> None:
        """Show the keys."""
        self.app.push_screen(HelpScreen({"Among the models": [*ModelsScreen.BINDINGS, *self.app.BINDINGS]}, ABOUT))

    def close(self) -> None:
        """Stop what is under way, at the end of the app."""
        if self.job:
            self.job.close()

    def _begin(self, job: Job) -> None:
        self.job = job
        job.start()
        self._look()
        self.refresh_bindings()

    def _look(self) -> None:
        if not (job := self.job):
            return
        self._work.display = job.state == "running"
        if job.state == "running":
            bar = thin_bar(job.share, BAR_CELLS)
            self._work.update(Content.assemble(job.title, "  ", (bar, "$accent"), f" {job.share:4.0%}  c cancels"))
            return
        self.job = None
        failed = job.state == "failed"
        self.app.notify(one_line(job.outcome), severity="error" if failed else "information", markup=False, timeout=8)
        self._read()
        self.refresh_bindings()

    @work(exclusive=True, group="read")
    async def _read(self) -> None:
        # files that were never read through are, to know whether they are whole
        found = await self._try(at_hand.everything, self._settings.context)
        self.models = found or []
        self.show_list()

    def show_list(self) -> None:
        """Show the models that were found."""
        place = self._list.highlighted or 0
        width = max(40, self._list.scrollable_content_region.width)
        self._list.clear_options()
        self._list.add_options([Option(_row(model, width)) for model in self.models])
        if self.models:
            self._list.highlighted = min(place, len(self.models) - 1)
            count = len(self.models)
            self._status.state = f"{count} model{'s' if count != 1 else ''}"
        self.show_chosen()
        self.refresh_bindings()

    def show_chosen(self) -> None:
        """Show the card of the model under the cursor."""
        if model := self.chosen:
            self._card.update(Content("\n").join(_card_lines(model, self.has_class("-beside"))))

    async def _try(self, act: Callable[..., Any], *arguments: object) -> Any:
        try:
            return await asyncio.to_thread(act, *arguments)
        except (CulturechatError, OSError) as error:
            self.complain(str(error))
            return None

    def _tell(self, message: str) -> None:
        self.notify(one_line(message), markup=False, timeout=5)


def _row(model: Installed, width: int) -> Content:
    card = model.card
    wrong = "missing" if model.state == "not installed" else "damaged"
    last = FITS[model.fits] if model.state == "ok" else wrong
    room = max(12, width - 32)
    shown = (fitted(one_line(card.id), room), "bold" if model.own else "")
    return Content.assemble(
        shown, f" {card.form:8}{_megabytes(card.bytes):>10}  ", (last, "" if last == "fits" else "bold")
    )


def _card_lines(model: Installed, airy: bool) -> list[Content]:
    card = model.card
    needs = f"{model.needed / 2**30:.2f} GiB" if model.needed is not None else "unknown"
    free = f" of {model.free / 2**30:.1f} GiB free" if model.free is not None else ""
    facts = {
        "State": model.state + (f". {card.install}" if model.state == "not installed" and card.install else ""),
        "Form": f"{card.form}{f' · {card.culture}' if card.culture else ''}",
        "Memory": f"{needs}{free}: {'it fits' if model.fits else 'it does not fit' if model.fits is False else '?'}",
        "Base": card.base or (f"SHA-256 {card.base_sha256[:12]}…" if card.base_sha256 else ""),
        "Licence": card.licence,
        "Recipe": f"{card.recipe}, seed {card.seed}" if card.recipe else "",
        "SHA-256": f"{card.sha256[:32]}…",
        "File": str(card.path or card.file),
    }
    lines = [Content.styled(one_line(card.name), "bold $primary"), *([Content("")] if airy else [])]
    lines += [
        Content.assemble((f"{name:9}", "$foreground 70%"), one_line(text)) for name, text in facts.items() if text
    ]
    scores = _scores(card.scores)
    return [*lines, *([Content(""), *scores] if scores and airy else scores)]


def _scores(scores: dict[str, Any]) -> list[Content]:
    """Return how far from the people `culturechat probe` finds a model, beside its controls."""
    probe = scores.get("probe")
    if not isinstance(probe, dict) or not (own := _mean(probe)):
        return []
    lines = [
        Content.styled("Mean distance from the people (0 is equal)", "bold"),
        Content(f"this model          {own}"),
    ]
    lines += [
        Content(f"{title:20}{mean}") for name, title in CONTROLS.items() if (mean := _mean(probe.get(name) or {}))
    ]
    return lines


def _mean(of: Any) -> str:
    distance = of.get("wd") if isinstance(of, dict) else None
    mean = distance.get("mean") if isinstance(distance, dict) else None
    return f"{mean:.3f}" if isinstance(mean, int | float) else ""


def _file(text: str) -> Path:
    path = Path(text.strip()).expanduser()
    if not text.strip():
        raise BadFile("(nothing)", "type the path of a GGUF file.")
    gguf_file.read_header(path)
    return path


def _needs_culture(file: Path) -> bool:
    metadata = gguf_file.read_header(file).metadata
    return metadata.get("general.type") == "adapter" and not metadata.get("culturechat.culture")


def _title(name: str) -> str:
    culture = cultures.load(name)
    return " ".join(dict.fromkeys((culture.own_name, culture.name)))


def _megabytes(size: int) -> str:
    return f"{size / 1e6:.1f} MB"
