"""Strings that want to do something to a terminal, and a look at bytes for whether one of them did.

The strings are generated from a seed. Each sequence in them that the app might also write for its own reasons carries
`CANARY`, so that the two can be told apart in the output.
"""

from __future__ import annotations

import base64
import random
import re
from collections.abc import Callable, Iterator, Sequence

CANARY = "7331"
"""A number that neither the app nor its libraries write into a sequence."""
_SECRET = base64.b64encode(f"stolen {CANARY}".encode()).decode()
_ENDS = ("\x07", "\x1b\\", "\x9c", "")
_WORDS = (
    *("yes", "family", "[", "]", "\\", "中文", "السعادة", "বাংলা", "한국어", "niño", "👩‍👩‍👧", "🇧🇩", "é", "\t", "\n"),
    *("{0}", "%s", "$accent", "&lt;", "# ", "> ", "| a | b |", "```", "* ", "---", "1. "),
)
_BIDI = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
_INVISIBLE = "\u200b\u200c\u200d\u2060\u00ad\ufe0f\U000e0041\u180e\u3164\ufeff\ufff9\ufffb"
_MARKS = "\u0301\u0488\u20dd\u0e31\u0300"
_SEPARATORS = "\u2028\u2029\x85\x0b\x0c\r"


def _csi(chance: random.Random) -> str:
    start = chance.choice(("\x1b[", "\x9b", "\x1b\x1b["))
    parameters = ";".join([CANARY, *(str(chance.randint(0, 999)) for _ in range(chance.randint(0, 3)))])
    private = chance.choice(("", "?", ">", "<", "="))
    return f"{start}{private}{parameters}{chance.choice(('', ' ', '$', '!'))}{chr(chance.randint(0x40, 0x7E))}"


_COMMANDS = (
    *(f"0;title {CANARY}", f"2;{CANARY}", f"52;c;{_SECRET}", f"52;p;{_SECRET}", f"9;{CANARY}", f"10;?{CANARY}"),
    *(f"1337;File={CANARY}:", f"4;1;rgb:{CANARY}", f"777;notify;{CANARY};x", f"7;file://{CANARY}/", f"22;{CANARY}"),
)


def _operating_system(chance: random.Random) -> str:
    return chance.choice(("\x1b]", "\x9d")) + chance.choice(_COMMANDS) + chance.choice(_ENDS)


def _link(chance: random.Random) -> str:
    end = chance.choice(_ENDS[:3])
    return f"\x1b]8;;http://{CANARY}.example{end}press here\x1b]8;;{end}"


def _string(chance: random.Random) -> str:
    start = chance.choice(("\x1bP", "\x90", "\x1b_", "\x9f", "\x1b^", "\x9e", "\x1bX", "\x98"))
    inside = chance.choice((f"+q{CANARY}", f"Gf=100;{CANARY}", f"q#0;2;{CANARY}", f"tmux;\x1b\x1b[{CANARY}m"))
    return start + inside + chance.choice(_ENDS)


def _escape(chance: random.Random) -> str:
    return "\x1b" + chance.choice(("", "(", "#", " ")) + chr(chance.randint(0x20, 0x7E))


def _control(chance: random.Random) -> str:
    return "".join(chr(chance.choice((*range(32), *range(0x7F, 0xA0)))) for _ in range(chance.randint(1, 4)))


def _direction(chance: random.Random) -> str:
    return f"{chance.choice(_BIDI)}evil{chance.choice(_BIDI)}{chance.choice(_BIDI)}"


def _nested(chance: random.Random) -> str:
    """What is left when the inner sequence goes is another one."""
    return f"\x1b\x1b[{CANARY}m[{CANARY}H \x1b\x9b{CANARY}m]52;c;{_SECRET}\x07 \x1b\x07[{CANARY}J"


def _console_markup(chance: random.Random) -> str:
    tags = ("[/]", "[red]x", "[@click=app.quit]z[/]", f"[link=http://{CANARY}.example]y[/link]", "[bold]b[/bold]")
    more = ("[on $error]", "[/nothing]", "\\[red]", "[a='\"]", "[[b]]", "[link='x\x07']", ":smile:")
    return chance.choice(tags + more)


def _document_markup(chance: random.Random) -> str:
    url = chance.choice(
        (f"http://{CANARY}.example", "javascript:alert(1)", "file:///etc/passwd", f"\x1b]8;;{CANARY}\x07")
    )
    forms = (f"[a]({url})", f"![image]({url})", f"<{url}>", f"<script>{url}</script>", f"<a href='{url}'>x</a>")
    more = (
        f"```\n\x1b[{CANARY}m{url}\n```",
        f"| a | {url} |\n|---|---|\n| \x07 | [/] |",
        f"# {url}\n> - **x",
        "&#27;[31m",
    )
    return chance.choice(forms + more)


def _broken(chance: random.Random) -> str:
    """Bytes that are no UTF-8, as Python hands them on, and halves of characters, as JSON may hold them."""
    return chance.choice(("\udcff\udc9b", "\udce2\udc80", "\udcc3", "\ud83d", "\ude00\ud83d", "\ud800\udfff"))


def _long(chance: random.Random) -> str:
    return chance.choice(("x", "中", "Donaudampfschiff", "\t", " ", "a\u0301")) * chance.randint(200, 900)


def _flood(chance: random.Random) -> str:
    return chance.choice("eا中 ") + chance.choice(_MARKS + _INVISIBLE) * chance.randint(20, 400)


def _separator(chance: random.Random) -> str:
    return chance.choice(_SEPARATORS)


_KINDS: Sequence[Callable[[random.Random], str]] = (
    *(_csi, _csi, _operating_system, _operating_system, _link, _string, _escape, _control, _direction, _nested),
    *(_console_markup, _document_markup, _broken, _separator),
)
_LARGE: Sequence[Callable[[random.Random], str]] = (_long, _flood)


def strings(count: int = 1000, seed: int = 7331) -> list[str]:
    """Return so many hostile strings, each with words around what is hostile; every twentieth is very long.

    Each begins with a word of its own, `tag(number)`, by which it can be found on a screen.
    """
    chance = random.Random(seed)
    found = []
    for number in range(count):
        kinds = [_LARGE[number // 20 % 2]] if number % 20 == 0 else []
        kinds += [_KINDS[number % len(_KINDS)], *chance.choices(_KINDS, k=chance.randint(0, 2))]
        parts = [tag(number), " ", chance.choice(_WORDS)]
        for kind in kinds:
            parts += [kind(chance), chance.choice(_WORDS)]
        found.append("".join(parts))
    return found


def tag(number: int) -> str:
    """Return the harmless word at the beginning of a string."""
    return f"q{number:04}"


def encodable(text: str) -> str:
    """Return the text with what UTF-8 cannot hold replaced, for files."""
    return text.encode("utf-8", "replace").decode()


def pieces(text: str, chance: random.Random) -> Iterator[str]:
    """Yield the text cut at random places, most of them inside of sequences."""
    while text:
        size = chance.choice((1, 1, 2, 3, 8, 40))
        yield text[:size]
        text = text[size:]


SCREEN = re.compile(
    rb"\x1b\[(?:\d+(?:;\d+)*)?m"  # colours
    rb"|\x1b\[\d+;\d+H"  # to a place on the screen
    rb"|\x1b\[\?(?:25|7|1000|1003|1004|1006|1015|1016|1049|2004|2026|2048)[hl]"  # modes: cursor, mouse, paste, …
    rb"|\x1b\[\?(?:2026|2048)\$p"  # what the terminal can do
    rb"|\x1b\[[<>]\d*u"  # how it reports keys
    rb"|\x1b\]22;[a-z-]+\x07"  # the shape of the pointer
    rb"|\r\n"
)
"""All that the screen writes besides text."""


PLAIN = re.compile(rb"\r+\n|\t|\r(?=[^\r\n]*\x1b\[K)|\x1b\[K")
"""What commands may write besides text: the ends of lines, tabs, and a line of progress that replaces itself."""


def shown(output: bytes, ours: re.Pattern[bytes] = SCREEN) -> str:
    """Return the text of what was written, without the sequences that may be in it."""
    return ours.sub(b"", output).decode("utf-8", "replace")


def faults(output: bytes, ours: re.Pattern[bytes] = SCREEN) -> list[str]:
    """Return what a terminal would act on and the app had no reason to write, each with what is around it."""
    found = [
        _around(output, match.start())
        for match in ours.finditer(output)
        if CANARY.encode() in match.group() or _SECRET.encode() in match.group()
    ]
    text = ours.sub(b"", output)
    try:
        words = text.decode()
    except UnicodeDecodeError as error:
        return [*found, f"no UTF-8: {_around(text, error.start)}"]
    unsafe = (place for place, character in enumerate(words) if _acts(character))
    return found + [repr(words[max(0, place - 30) : place + 30]) for place in unsafe]


def _acts(character: str) -> bool:
    return ord(character) < 0x20 or 0x7F <= ord(character) < 0xA0 or character in _BIDI


def _around(text: bytes, place: int) -> str:
    return repr(text[max(0, place - 30) : place + 40])
