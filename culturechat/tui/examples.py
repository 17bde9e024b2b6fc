"""Questions to begin with; each has a close one in the survey."""

from __future__ import annotations

EXAMPLES = (
    "Should grown-up children look after their parents when they are old?",
    "How important is God in your life?",
    "What should children learn at home: obedience or imagination?",
)
