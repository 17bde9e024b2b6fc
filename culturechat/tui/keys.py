"""The keys that can be changed: what each action is called, and which keys the user gave it. Opens no file."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from difflib import get_close_matches

from textual.binding import Binding, BindingType, Keymap
from textual.keys import KEY_NAME_REPLACEMENTS, Keys, key_to_character

from culturechat.errors import UsageError, unknown
from culturechat.locale import _

_MODIFIERS = {"ctrl", "alt", "shift", "super", "meta", "hyper"}
_NAMES = {key.value for key in Keys if not key.value.startswith("<")}


def changeable(place: str, *bindings: BindingType) -> list[BindingType]:
    """Return the bindings of a place with an id each, such as `chat.survey`, under which a keymap finds them.

    Of several bindings to one action, the first gets the id; the others are second ways that stay.
    """
    taken: set[str] = set()
    named: list[BindingType] = []
    for binding in bindings:
        if isinstance(binding, Binding) and binding.description and (id_ := _id(place, binding)) not in taken:
            taken.add(id_)
            named.append(replace(binding, id=id_))
        else:
            named.append(binding)
    return named


def by_id(bindings: Iterable[BindingType]) -> dict[str, Binding]:
    """Return those of the bindings that can be changed."""
    return {binding.id: binding for binding in bindings if isinstance(binding, Binding) and binding.id}


def keymap(chosen: Mapping[str, Mapping[str, str]]) -> Keymap:
    """Return the user's keys as the screen takes them: ids to keys."""
    return {f"{place}.{action}": normal(keys) for place, actions in chosen.items() for action, keys in actions.items()}


def effective(binding: Binding, chosen: Keymap) -> str:
    """Return the keys that a binding has now, with commas between them."""
    return chosen.get(binding.id or "", binding.key)


def check(chosen: Keymap, places: Sequence[Sequence[Binding]]) -> None:
    """Refuse keys that cannot work; the bindings in each of `places` can be active at the same time.

    Raises:
        UsageError: an action or a key is unknown (the nearest is named), a key is given twice, or could not be typed
            any more.
    """
    known = {binding.id: binding for place in places for binding in place if binding.id}
    for id_, keys in chosen.items():
        if id_ not in known:
            raise unknown("setting", f"keys.{id_}", [f"keys.{name}" for name in known])
        for key in keys.split(","):
            _check_key(id_, key, known[id_])
    for place in places:
        _check_doubles(place, chosen)


def normal(keys: str) -> str:
    """Return keys with commas between them in the words of the screen: `?` is `question_mark`."""
    return ",".join(_normal(key.strip()) for key in (keys.split(",") if keys.strip() != "," else [keys.strip()]))


def _normal(key: str) -> str:
    *modifiers, name = key.split("+") if key != "+" else [key]
    if len(name) == 1 and not name.isalnum():
        name = unicodedata.name(name, name).lower().replace("-", "_").replace(" ", "_")
        name = KEY_NAME_REPLACEMENTS.get(name, name)
    else:
        name = name if len(name) == 1 and not modifiers else name.lower()
    return "+".join([*(modifier.lower() for modifier in modifiers), name])


def _check_key(id_: str, key: str, binding: Binding) -> None:
    *modifiers, name = key.split("+")
    wrong = next((modifier for modifier in modifiers if modifier not in _MODIFIERS), None)
    if wrong is not None or not (name in _NAMES or _is_character(name)):
        near = get_close_matches(wrong or name, _MODIFIERS if wrong is not None else _NAMES, n=1, cutoff=0.55)
        advice = _("Keys are named as in f9, ctrl+s, alt+x, pageup, space.")
        advice = _("Did you mean {name}?").format(name=near[0]) if near else advice
        raise UsageError(f"keys.{id_}: {_('there is no key {key}.').format(key=repr(key))} {advice}")
    if binding.priority and not set(modifiers) - {"shift"} and _is_character(name):
        told = _("with {key} for this, it could not be typed any more; take another key.").format(key=repr(key))
        raise UsageError(f"keys.{id_}: {told}")


def _is_character(name: str) -> bool:
    character = key_to_character(name)
    return character is not None and character.isprintable()


def _check_doubles(place: Sequence[Binding], chosen: Keymap) -> None:
    taken: dict[str, Binding] = {}
    for binding in sorted(place, key=lambda binding: binding.id in chosen):
        for key in effective(binding, chosen).split(","):
            other = taken.setdefault(key, binding)
            if other.id != binding.id and binding.id in chosen:
                whose = f"keys.{other.id}" if other.id else f"“{_(other.description)}”"
                told = _("{key} is the key of {whose} already; change that one first.").format(key=key, whose=whose)
                raise UsageError(f"keys.{binding.id}: {told}")


def _id(place: str, binding: Binding) -> str:
    name, _paren, parameter = binding.action.rpartition(".")[2].partition("(")
    value = parameter.rstrip(")")
    ending = "" if value in ("", "1") else "_back" if value == "-1" else f"_{re.sub(r'[^a-z0-9]+', '', value.lower())}"
    return f"{place}.{name}{ending}"
