"""Understanding: text to Intent, or nothing at all.

Two sources speak: command patterns over the whole message, and evidence, which is weighed over jieba's tokens. What
they know lies in ``data/*.toml``.
"""

from bot.understanding.intent import NONE, Intent
from bot.understanding.understanding import Understanding

__all__ = ["NONE", "Intent", "Understanding"]
