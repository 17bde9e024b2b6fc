"""A process that chats on the scripted engine, writes it down and tells on standard output what was said when.

`python -m tests.app.history_writer NAME`: asks one question after the other until it is killed. Lines are JSON:
seconds of the monotonic clock, question, column, text or "end".
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator
from pathlib import Path
from time import monotonic

from culturechat import cultures
from culturechat.catalogue import Column
from culturechat.engines import Event, Finished, Token
from culturechat.engines.echo import Echo
from culturechat.history import History
from culturechat.session import Session
from culturechat.settings import Settings

WORDS = 30
SECONDS_PER_TOKEN = 0.005
ANSWERS = {name: " ".join(f"{name[:2]}{number}好ه" for number in range(WORDS)) for name in ("chinese", "arabic")}


def columns() -> list[Column]:
    return [Column(name, cultures.load(name), "prompt", "model", Path("model.gguf")) for name in ANSWERS]


def session(engine: Echo, history: History) -> Session:
    settings = Settings()
    made = Session(engine, columns(), settings, history.record(columns(), settings, "echo 1"))
    made.open()
    return made


def lines(question: str, events: Iterator[Event]) -> Iterator[str]:
    for event in events:
        if isinstance(event, Token | Finished):
            said = event.text if isinstance(event, Token) else "end"
            yield json.dumps([monotonic(), question, event.column, said])


if __name__ == "__main__":
    chat = session(Echo(ANSWERS, seconds_per_token=SECONDS_PER_TOKEN), History())
    for number in range(1000):
        asked = f"{sys.argv[1]} asks {number}"
        for line in lines(asked, chat.send(asked)):
            sys.stdout.write(line + "\n")
            sys.stdout.flush()
