"""The languages of the screens: complete, and with the same places to fill in as the English texts."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path

import polib
import pytest

from culturechat import cultures, locale, settings
from culturechat.errors import UsageError
from culturechat.locale import _, decimal, ngettext, whole
from culturechat.terminal import clean
from tests.app.messages import messages, po_path, unmarked_commands

TRANSLATED = [code for code in locale.names() if code != locale.ENGLISH]
MESSAGES = messages()


def entries(code: str) -> dict[tuple[str, str], polib.POEntry]:
    file = polib.pofile(str(po_path(code)), encoding="utf-8")
    return {(entry.msgid, entry.msgctxt or ""): entry for entry in file}


def forms(entry: polib.POEntry) -> list[str]:
    return list(entry.msgstr_plural.values()) if entry.msgid_plural else [entry.msgstr]


def places(text: str) -> list[str]:
    return sorted(re.findall(r"\{\w*\}", text))


def test_every_cultures_language_has_its_words() -> None:
    assert {cultures.load(name).language for name in cultures.names()} <= set(locale.names())


def test_the_texts_of_the_screens_are_found_in_the_code() -> None:
    texts = {message.text for message in MESSAGES}
    for text in ("writing", "Ask both", "{n} answer", "Enter", "China", "security", "Put the chat in the trash"):
        assert (text in texts) is (text != "Enter"), text
    assert unmarked_commands() == []


@pytest.mark.parametrize("code", TRANSLATED)
def test_no_text_of_the_screens_is_left_untranslated_and_none_is_left_over(code: str) -> None:
    known = entries(code)
    wanted = {(message.text, message.context): message for message in MESSAGES}
    advice = "python -m tests.app.messages adds what is new, then translate it"
    assert not sorted(set(wanted) - set(known)), advice
    assert not sorted(set(known) - set(wanted)), advice
    for key, entry in known.items():
        assert entry.msgid_plural == wanted[key].plural
        assert all(forms(entry)) and not entry.fuzzy, f"{entry.msgid!r} has no translation in {code}"


@pytest.mark.parametrize("code", TRANSLATED)
def test_every_translation_fills_in_the_same_places_and_fits_a_line(code: str) -> None:
    for entry in entries(code).values():
        for form in forms(entry):
            assert places(form) == places(entry.msgid), entry.msgid
            assert clean(form) == form and "\n" not in form and (entry.msgctxt or form.strip() == form), entry.msgid


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_plural_forms_are_those_that_the_language_needs(code: str) -> None:
    count = int(re.findall(r"nplurals=(\d)", polib.pofile(str(po_path(code))).metadata["Plural-Forms"])[0])
    words = locale.read(po_path(code))
    used = set()
    for entry in entries(code).values():
        if entry.msgid_plural:
            assert sorted(entry.msgstr_plural) == list(range(count))
    for number in range(120):
        used.add(words.ngettext("{n} token", "{n} tokens", number))
    plurals = entries(code)["{n} token", ""].msgstr_plural.values()
    assert used == set(plurals)


def test_arabic_has_a_form_each_for_none_one_two_few_many_and_hundreds() -> None:
    with locale.using(locale.read(po_path("ar"))):
        told = [ngettext("{n} token", "{n} tokens", number).format(n=number) for number in (1, 2, 3, 11, 100)]
    assert told == ["رمز واحد (1)", "رمزان (2)", "3 رموز", "11 رمزًا", "100 رمز"]


def test_numbers_are_written_as_the_language_writes_them() -> None:
    assert (whole(3029), decimal(0.634, 2)) == ("3,029", "0.63")
    with locale.using(locale.read(po_path("de"))):
        assert (whole(3029), decimal(0.634, 2)) == ("3.029", "0,63")


def test_nothing_is_nothing_and_what_is_unknown_stays_english() -> None:
    with locale.using(locale.read(po_path("de"))):
        assert (_(""), _("writing"), _("no such text")) == ("", "schreibt", "no such text")
    assert _("writing") == "writing"


def test_a_fuzzy_translation_is_not_shown(tmp_path: Path) -> None:
    file = polib.POFile(encoding="utf-8")
    file.metadata = {"Content-Type": "text/plain; charset=UTF-8"}
    file.append(polib.POEntry(msgid="done", msgstr="?", flags=["fuzzy"]))
    file.append(polib.POEntry(msgid="failed", msgstr="gefallen"))
    file.save(str(tmp_path / "x.po"))
    words = locale.read(tmp_path / "x.po")
    assert (words.gettext("done"), words.gettext("failed")) == ("done", "gefallen")


@pytest.mark.parametrize(
    ("environment", "code"),
    [
        ({}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "de"),
        ({"LANG": "de_DE.UTF-8", "LC_ALL": "C.UTF-8"}, "en"),
        ({"LANG": "C.UTF-8", "LC_MESSAGES": "pt_BR"}, "pt"),
        ({"LC_MESSAGES": "tr_TR", "LC_ALL": "ko_KR.UTF-8"}, "ko"),
        ({"LANGUAGE": "fr:es_MX:de", "LANG": "en_US.UTF-8"}, "es"),
        ({"LANG": "zh-Hans-CN"}, "zh"),
        ({"LANG": "ar_EG@euro"}, "ar"),
        ({"LANG": "fr_FR.UTF-8"}, "en"),
        ({"LANG": ""}, "en"),
    ],
)
def test_the_language_comes_from_the_environment_as_in_gettext(environment: dict[str, str], code: str) -> None:
    assert locale.choose("auto", environment) == code


def test_a_language_that_is_named_beats_the_environment_and_an_unknown_one_is_refused() -> None:
    assert locale.choose("bn", {"LANG": "de_DE.UTF-8"}) == "bn"
    with pytest.raises(UsageError, match=r"Unknown interface language 'german'. .*de"):
        locale.choose("german", {})


def test_the_setting_is_checked_wherever_it_comes_from() -> None:
    assert settings.load({}, {"CULTURECHAT_INTERFACE_LANGUAGE": "tr"}).interface_language == "tr"
    with pytest.raises(UsageError, match="interface language 'xx'"):
        settings.load({"interface_language": "xx"}, {})


def test_english_does_not_load_the_parser() -> None:
    code = (
        "import sys, culturechat.locale as l; l.use('en'); assert l._('done') == 'done'; print('polib' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout == "False\n"
