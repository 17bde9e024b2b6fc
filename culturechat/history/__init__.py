"""What was asked and answered, kept in one SQLite file in the user's data folder while it happens.

`store` lists and changes chats, `recorder` writes one down, `search` finds texts, `files` exports and imports, `voices`
finds the models of a chat again, `votes` sums up what was thought of answers in blind mode. Knows nothing of engines or
screens.
"""

from __future__ import annotations

from culturechat.history.chat import Answer, Chat, Entry, Finish, Judgement, Turn, Voice
from culturechat.history.recorder import Recorder
from culturechat.history.store import History

__all__ = ["Answer", "Chat", "Entry", "Finish", "History", "Judgement", "Recorder", "Turn", "Voice"]
