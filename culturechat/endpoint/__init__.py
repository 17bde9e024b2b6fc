"""Cultures as models of a local server that speaks OpenAI's protocol, for other programs' clients.

Needs starlette and uvicorn: `pip install 'culturechat[api]'`.
"""

from __future__ import annotations

from culturechat.endpoint.desk import Desk
from culturechat.endpoint.listen import Place, listen

__all__ = ["Desk", "Place", "listen"]
