"""A report that waits for +1 or 另报: after half an hour without an answer it counts as 附议."""

from bot.seconding import settle
from models.drafts import Draft
from schedules.due import Work


def close_alike(work: Work, draft: Draft) -> None:
    """Counts it, says so in private, and closes the draft."""
    settle(work.session, work.posting, draft, work.now)
