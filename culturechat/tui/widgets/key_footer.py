"""The line of keys at the bottom."""

from __future__ import annotations

from collections.abc import Iterator

from textual.app import ComposeResult
from textual.widgets import Footer
from textual.widgets._footer import FooterKey

from culturechat.locale import _


class KeyFooter(Footer):
    """The keys that do something here, named in the language of the screen."""

    def __init__(self) -> None:
        super().__init__(compact=True, show_command_palette=False)

    def compose(self) -> ComposeResult:
        """Yield the keys."""
        if self._bindings_ready:
            yield from self._keys()

    async def recompose(self) -> None:
        """Grey out and light up the keys that are there; make them anew only where there are others."""
        if not self.is_attached:  # the screen is gone by now
            return
        shown, wanted = list(self.query(FooterKey)), list(self._keys())
        if [_told(key) for key in shown] != [_told(key) for key in wanted]:
            await super().recompose()
            return
        for key, other in zip(shown, wanted, strict=True):
            key._disabled = other._disabled
            key.set_class(other._disabled, "-disabled")

    def _keys(self) -> Iterator[FooterKey]:
        """Yield a key for every action that has one, all of them compact from the start.

        Footer binds each key's look to its own, and each then finds its styles a second time.
        """
        actions = set()
        for _node, binding, enabled, tooltip in self.screen.active_bindings.values():
            if binding.show and binding.action not in actions:
                actions.add(binding.action)
                key = FooterKey(
                    binding.key,
                    self.app.get_key_display(binding),
                    _(binding.description),
                    binding.action,
                    disabled=not enabled,
                    tooltip=_(tooltip) if tooltip else "",
                    classes="-compact",
                )
                key.set_reactive(FooterKey.compact, True)
                yield key


def _told(key: FooterKey) -> tuple[object, ...]:
    return key.key, key.key_display, key.description, key.action, key.tooltip
