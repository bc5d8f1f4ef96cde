"""The sandbox (沙盒): a little chat cloud inside the server, for trying everything out on one machine.

What a person posts is kept in its own chat log and handed to the intake like any other platform's message
(``routes``); what the bot posts lands in the same log (``cloud``). Every change is published to the open pages
(``feed``). Nobody but this machine may come in (``guard``).
"""

from bot.platforms.sandbox.platform import SandboxPlatform

__all__ = ["SandboxPlatform"]
