"""Where things live on this machine. Creates nothing; knows nothing of what the files hold."""

from __future__ import annotations

import os
from pathlib import Path

import platformdirs

_APP = "culturechat"


def config_dir() -> Path:
    """Return the folder of the user's settings."""
    return _home("config") or platformdirs.user_config_path(_APP, appauthor=False)


def data_dir() -> Path:
    """Return the folder of what the user would miss: own models, saved chats."""
    return _home("data") or platformdirs.user_data_path(_APP, appauthor=False)


def cache_dir() -> Path:
    """Return the folder of what can be made again."""
    return _home("cache") or platformdirs.user_cache_path(_APP, appauthor=False)


def log_dir() -> Path:
    """Return the folder of the engine's logs."""
    return _home("log") or platformdirs.user_log_path(_APP, appauthor=False)


def shipped_models() -> Path:
    """Return the folder of the cards and adapters that come with the program.

    A wheel carries them inside the package; a checkout has them at its top.
    """
    packaged = Path(__file__).parent / "models"
    return packaged if packaged.is_dir() else Path(__file__).parent.parent / "models"


def user_models() -> Path:
    """Return the folder of the cards and weights the user added."""
    return data_dir() / "models"


def _home(kind: str) -> Path | None:
    home = os.environ.get("CULTURECHAT_HOME")
    return Path(home) / kind if home else None
