"""What the server lends to a platform, for tests of platforms alone."""

import tempfile
from pathlib import Path

from bot.clock import Clock, system_clock
from bot.links import Links
from bot.mailbox import Mailbox
from bot.media import MediaStore
from bot.messages import Intake
from bot.ownership import Ownership
from bot.platforms.base import Services
from models.database import Database


def services(
    intake: Intake,
    clock: Clock = system_clock,
    *,
    database: Database | None = None,
    folder: Path | None = None,
    bot_name: str = "小蜂",
) -> Services:
    """With a database only for what needs one: passive replies and ownership."""
    kept = database or Database("sqlite://")
    media = MediaStore(folder or Path(tempfile.mkdtemp()))
    return Services(intake, Mailbox(kept, clock), media, clock, bot_name, lambda name: Ownership(kept, name), Links())
