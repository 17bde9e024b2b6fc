"""Who answers: the flags that name models, the columns they stand for, and the engine that runs them.

Knows nothing of what is asked. Heavy imports come last.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from culturechat.cli import completion
from culturechat.cli.flags import Adapter, Base
from culturechat.cli.server import Remote, Server, ServerModel, remote
from culturechat.errors import UsageError

if TYPE_CHECKING:
    from culturechat.catalogue import Column, Form
    from culturechat.engines import Engine
    from culturechat.settings import Settings

INTERRUPTED = 130


@contextmanager
def interruptible() -> Iterator[None]:
    """End the command when the work inside is stopped by Ctrl-C."""
    try:
        yield
    except KeyboardInterrupt:
        raise typer.Exit(INTERRUPTED) from None


@dataclass(frozen=True)
class LocalModels:
    """Models on this machine."""

    base: Base = None
    adapter: Adapter = None
    form: Annotated[
        str | None,
        typer.Option(
            metavar="merged|adapter|one|prompt",
            help="How a culture comes; by default the fastest there is.",
            autocompletion=completion.forms,
        ),
    ] = None

    def columns(self, names: Sequence[str], settings: Settings) -> list[Column]:
        """Return what answers for cultures.

        Raises:
            CulturechatError: a flag is wrong, or a model is not installed or damaged.
        """
        from culturechat import catalogue

        return catalogue.columns(names, settings.base, self._files, self._forced)

    @contextmanager
    def engine(self) -> Iterator[Engine]:
        """Give the engine and end its work in every case, Ctrl-C included."""
        engine = self._load()
        try:
            with interruptible():
                yield engine
        finally:
            engine.close()

    def _load(self) -> Engine:
        from culturechat import engines

        return engines.load()

    @property
    def _files(self) -> dict[str, Path]:
        return dict(_adapter(text) for text in self.adapter or ())

    @property
    def _forced(self) -> Form | None:
        from culturechat import catalogue

        known = next((one for one in catalogue.FORCED if one == self.form), None)
        if self.form is not None and known is None:
            raise UsageError(
                f"--form {self.form} is unknown; it is {', '.join(catalogue.FORCED[:-1])} or {catalogue.FORCED[-1]}."
            )
        return known


@dataclass(frozen=True)
class Models(LocalModels):
    """Models on this machine, or instead of them those of a server."""

    server: Server = None
    server_model: ServerModel = None

    @cached_property
    def remote(self) -> Remote | None:
        """The server that is named, if one is.

        Raises:
            UsageError: flags contradict each other.
        """
        return remote(self.server, self.server_model, base=self.base, adapter=self.adapter, form=self.form)

    def columns(self, names: Sequence[str], settings: Settings) -> list[Column]:
        """Return what answers for cultures, here or at the server."""
        return self.remote.columns(names) if self.remote else super().columns(names, settings)

    def told(self, names: Sequence[str], settings: Settings) -> list[Column]:
        """Return what answers, told its culture in the language of the prompts that is set."""
        from culturechat import catalogue

        return catalogue.in_language(self.columns(names, settings), settings.language)

    def finder(self) -> Callable[[str, str, int], Column]:
        """Return what finds a further column by its name and base, beside so many others."""
        from culturechat import catalogue

        files, forced = self._files, self._forced

        def find(name: str, base: str, beside: int) -> Column:
            here = self.remote
            return (here.columns([name]) if here else catalogue.columns([name], base, files, forced, beside))[0]

        return find

    def _load(self) -> Engine:
        return self.remote.engine() if self.remote else super()._load()


def _adapter(text: str) -> tuple[str, Path]:
    culture, separator, path = text.partition("=")
    if not separator or not path:
        raise UsageError(f"--adapter {text}: write it as CULTURE=FILE.gguf.")
    return culture.strip().lower(), Path(path).expanduser()
