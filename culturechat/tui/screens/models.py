"""The models at hand: what each is and needs; build, import, check, remove and bring back, while the chat goes on."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, ClassVar

from rich.cells import cell_len
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
from culturechat.locale import N_, _, decimal, ngettext
from culturechat.settings import Settings
from culturechat.terminal import one_line
from culturechat.tui.chart import fitted, flush_right, thin_bar
from culturechat.tui.jobs import Job, Progress
from culturechat.tui.naming import briefly, called
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
    "q8_0": N_("8 bits: nearly as the adapter on its base"),
    "q4_k_m": N_("4 to 6 bits: small, a good quality"),
    "q4_0": N_("4 bits: small and fast on a CPU"),
    "bf16": N_("16 bits: exact and large"),
}
TYPE_CELLS, SIZE_CELLS = 8, 10
FORMS = {"base": N_("base"), "adapter": N_("adapter"), "merged": N_("merged")}
ROOM = {True: N_("it fits"), False: N_("it does not fit"), None: "?"}
FITS = {True: N_("fits"), False: N_("too large"), None: "?"}
MISSING, DAMAGED = N_("missing"), N_("damaged")
CONTROLS = {
    "uniform": N_("a uniform guess"),
    "others_pooled": N_("the other cultures"),
    "prompted": N_("the prompted base"),
}
ABOUT = N_(
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
        self._status = StatusLine(_("models"))
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
        self._status.state = _("reading")
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
        known = {name: called(cultures.load(name)) for name in cultures.names() if name in adapters}
        if not known:
            self.complain(_("There is no adapter to build with; train one, or import one with i."))
            return
        culture = await self.app.push_screen_wait(ChoiceDialog(_("Build: which culture"), known))
        types = {name: f"{name:{TYPE_CELLS}}{_(told)}" for name, told in TYPE_NAMES.items()}
        kind = await self.app.push_screen_wait(ChoiceDialog(_("Number format"), types)) if culture else None
        if culture and kind in TYPES:
            base = self._settings.base

            def build(progress: Progress) -> str:
                card = building.build(culture, base, kind, progress)
                return _("{model} is built: {size}.").format(model=card.id, size=_megabytes(card.bytes))

            title = _("building {culture} {format}")
            self._begin(Job(title.format(culture=_(cultures.load(culture).name), format=kind), build))

    @work(exclusive=True, group="act")
    async def action_import_file(self) -> None:
        """Ask for a file, and for its culture where it does not say it, and copy it."""
        about = _("Path of a GGUF file: a chat model, an adapter, or a culture's model.")
        file = await self.app.push_screen_wait(ValueDialog(_("Import"), about, _file, ""))
        if file is None:
            return
        culture = None
        if _needs_culture(file):
            known = {name: called(cultures.load(name)) for name in cultures.names()}
            known |= {catalogue.ONE: _("all cultures (One)")}
            culture = await self.app.push_screen_wait(ChoiceDialog(_("For which culture is this adapter"), known))
            if culture is None:
                return

        def take_in(progress: Progress) -> str:
            card = building.take_in(file, culture, progress)
            told = _("{model} is imported as {form}: {size}.")
            return told.format(model=card.id, form=_(FORMS[card.form]), size=_megabytes(card.bytes))

        self._begin(Job(_("importing {file}").format(file=one_line(file.name)), take_in))

    def action_verify(self) -> None:
        """Read the file under the cursor through."""
        if (model := self.chosen) and not self.busy:
            card = model.card

            def verify(progress: Progress) -> str:
                state = catalogue.verify(card, progress)
                if state != "ok":
                    raise BadFile(card.path or card.file, state)
                return _("{model} is whole: its SHA-256 is that of its card.").format(model=card.id)

            self._begin(Job(_("checking {model}").format(model=one_line(card.id)), verify))

    async def action_remove(self) -> None:
        """Move the model under the cursor to the trash folder, unless it answers in this chat."""
        model = self.chosen
        if model is None:
            return
        used = {path for column in self._in_use() for path in (column.base_path, column.adapter_path)}
        if model.card.path in used:
            self.complain(_("{model} answers in this chat; leave it first.").format(model=model.card.id))
        elif await self._try(building.remove, model.card.id):
            self._tell(_("{model} is in the trash folder; u brings it back.").format(model=model.card.id))
            self._read()

    async def action_restore(self) -> None:
        """Bring back the model that was removed last."""
        names = building.removed()
        if not names:
            self._tell(_("The trash folder holds no model."))
        elif await self._try(building.restore, names[0]):
            self._tell(_("{model} is back.").format(model=names[0]))
            self._read()

    def action_cancel(self) -> None:
        """Stop the work."""
        if self.job:
            self.job.cancel()

    def action_help(self) -> None:
        """Show the keys."""
        groups = {N_("Among the models"): [*ModelsScreen.BINDINGS, *self.app.BINDINGS]}
        self.app.push_screen(HelpScreen(groups, ABOUT))

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
            ends = f" {job.share:4.0%}  {_('c cancels')}"
            self._work.update(Content.assemble(job.title, "  ", (bar, "$accent"), ends))
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
            self._status.state = ngettext("{n} model", "{n} models", count).format(n=count)
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
    wrong = MISSING if model.state == "not installed" else DAMAGED
    last = FITS[model.fits] if model.state == "ok" else wrong
    forms = max(cell_len(_(form)) for form in FORMS.values()) + 1
    ends = max(cell_len(_(end)) for end in (*FITS.values(), MISSING, DAMAGED))
    room = max(12, width - forms - SIZE_CELLS - ends - 5)
    shown = (fitted(one_line(card.id), room), "bold" if model.own else "")
    form, size = fitted(_(FORMS[card.form]), forms), flush_right(_megabytes(card.bytes), SIZE_CELLS)
    return Content.assemble(shown, f" {form}{size}  ", (_(last), "" if model.state == "ok" and model.fits else "bold"))


def _card_lines(model: Installed, airy: bool) -> list[Content]:
    card = model.card
    facts = [
        (_("State"), _(model.state) + (f". {card.install}" if model.state == "not installed" and card.install else "")),
        (_("Form"), f"{_(FORMS[card.form])}{f' · {briefly(card.culture)}' if card.culture else ''}"),
        (_("Memory"), f"{_memory(model)}: {_(ROOM[model.fits])}"),
        (_("Base"), card.base or (f"SHA-256 {card.base_sha256[:12]}…" if card.base_sha256 else "")),
        (_("Licence"), card.licence),
        (_("Recipe"), f"{card.recipe}, {_('seed {seed}').format(seed=card.seed)}" if card.recipe else ""),
        ("SHA-256", f"{card.sha256[:32]}…"),
        (_("File"), str(card.path or card.file)),
    ]
    cells = max(cell_len(name) for name, _text in facts) + 2
    lines = [Content.styled(one_line(card.name), "bold $primary"), *([Content("")] if airy else [])]
    lines += [
        Content.assemble((fitted(name, cells), "$foreground 70%"), one_line(text)) for name, text in facts if text
    ]
    scores = _scores(card.scores)
    return [*lines, *([Content(""), *scores] if scores and airy else scores)]


def _memory(model: Installed) -> str:
    """Return how much memory a model needs, and how much there is where that is known."""
    needs = f"{decimal(model.needed / 2**30, 2)} GiB" if model.needed is not None else _("unknown")
    if model.free is None:
        return needs
    return _("{needed} of {free} free").format(needed=needs, free=f"{decimal(model.free / 2**30, 1)} GiB")


def _scores(scores: dict[str, Any]) -> list[Content]:
    """Return how far from the people `culturechat probe` finds a model, beside its controls."""
    probe = scores.get("probe")
    if not isinstance(probe, dict) or not (own := _mean(probe)):
        return []
    means = [(_("this model"), own)]
    means += [(_(title), _mean(probe.get(name) or {})) for name, title in CONTROLS.items()]
    cells = max(cell_len(title) for title, _figure in means) + 2
    heading = Content.styled(_("Mean distance from the people (0 is equal)"), "bold")
    return [heading, *(Content(f"{fitted(title, cells)}{mean}") for title, mean in means if mean)]


def _mean(of: Any) -> str:
    distance = of.get("wd") if isinstance(of, dict) else None
    mean = distance.get("mean") if isinstance(distance, dict) else None
    return decimal(mean, 3) if isinstance(mean, int | float) else ""


def _file(text: str) -> Path:
    path = Path(text.strip()).expanduser()
    if not text.strip():
        raise BadFile(_("(nothing)"), _("type the path of a GGUF file."))
    gguf_file.read_header(path)
    return path


def _needs_culture(file: Path) -> bool:
    metadata = gguf_file.read_header(file).metadata
    return metadata.get("general.type") == "adapter" and not metadata.get("culturechat.culture")


def _megabytes(size: int) -> str:
    return f"{decimal(size / 1e6, 1)} MB"
