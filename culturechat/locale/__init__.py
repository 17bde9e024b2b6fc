"""Words of the screens, by gettext: `_`, `ngettext`, `pgettext` and `N_` mean what they mean everywhere.

English is in the code; every other language is a `<language>/LC_MESSAGES/culturechat.po`, read as it is: there is
nothing to compile. This folder is the registry of languages. Knows nothing of screens, cultures or models.
"""

from __future__ import annotations

import gettext
import io
import os
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from culturechat.errors import unknown

FOLDER = Path(__file__).parent
ENGLISH = "en"
FROM_ENVIRONMENT = "auto"

_VARIABLES = ("LANGUAGE", "LC_ALL", "LC_MESSAGES", "LANG")
"""The first of them that is set counts, as in gettext."""

_words: gettext.NullTranslations = gettext.NullTranslations()


def names() -> list[str]:
    """Return the codes of all languages there are words in, sorted."""
    return sorted([ENGLISH, *(path.parents[1].name for path in FOLDER.glob("*/LC_MESSAGES/culturechat.po"))])


def choose(wanted: str, environment: Mapping[str, str] = os.environ) -> str:
    """Return the code of a language: the one that is wanted, or for `auto` the first known one in the environment.

    Raises:
        UsageError: there are no words in the language that is wanted; the nearest is named.
    """
    if wanted == FROM_ENVIRONMENT:
        return next((code for code in _asked_for(environment) if code in names()), ENGLISH)
    if wanted not in names():
        raise unknown("interface language", wanted, [FROM_ENVIRONMENT, *names()])
    return wanted


def use(code: str) -> None:
    """Let all words from now on be in this language."""
    global _words
    _words = read(FOLDER / code / "LC_MESSAGES" / "culturechat.po") if code != ENGLISH else gettext.NullTranslations()


@contextmanager
def using(words: gettext.NullTranslations) -> Iterator[None]:
    """Let all words inside come from here."""
    global _words
    before, _words = _words, words
    try:
        yield
    finally:
        _words = before


def read(path: Path) -> gettext.NullTranslations:
    """Return the words of a .po file; what is not translated in it, or fuzzy, stays English."""
    # English, which needs none of it, must not wait for the parser
    import polib

    return gettext.GNUTranslations(io.BytesIO(polib.pofile(str(path), encoding="utf-8").to_binary()))


def _(text: str) -> str:
    """Return a text in the language that is used; nothing is nothing in all of them."""
    return _words.gettext(text) if text else ""


def ngettext(one: str, many: str, count: int) -> str:
    """Return the form of a text that goes with a number."""
    return _words.ngettext(one, many, count)


def pgettext(context: str, text: str) -> str:
    """Return a text that means different things in different places."""
    return _words.pgettext(context, text)


def N_(text: str) -> str:
    """Mark a text that is translated later, where it is shown."""
    return text


def whole(number: int) -> str:
    """Return a whole number with its thousands apart, as the language writes it."""
    return f"{number:,}".replace(",", pgettext("between thousands", ","))


def decimal(number: float, places: int) -> str:
    """Return a number with so many decimal places, as the language writes it."""
    return f"{number:.{places}f}".replace(".", pgettext("before decimals", "."))


def listed(names: Iterable[str]) -> str:
    """Return names one after the other, as the language separates them."""
    return pgettext("between names", ", ").join(names)


def _asked_for(environment: Mapping[str, str]) -> Iterator[str]:
    """Yield codes from the most to the least wanted: `pt_BR.UTF-8:es` asks for pt_BR, pt and es."""
    wanted = next((environment[name] for name in _VARIABLES if environment.get(name)), "")
    for locale in wanted.split(":"):
        code = locale.partition(".")[0].partition("@")[0].replace("-", "_")
        if code in ("C", "POSIX"):
            yield ENGLISH
        yield code
        yield code.partition("_")[0]
