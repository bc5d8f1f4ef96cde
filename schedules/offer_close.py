"""What the bot has asked somebody back is closed at its time, without a word: what was said is not kept any longer."""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import select

from bot.clock import local
from models.offers import OPEN_FOR, Offer
from schedules.directory import Directory
from schedules.due import Due, Work
from schedules.job import Job


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # however late
    """One for each open offer."""
    query = select(Offer.id, Offer.asked_at).where(Offer.closed_at.is_(None), Offer.asked_at <= end - OPEN_FOR)
    for offer_id, asked_at in directory.session.execute(query):
        closes_at = asked_at + OPEN_FOR
        period = f"{local(closes_at):%Y-%m-%dT%H:%M:%S}"
        yield Due(JOB.name, f"offer:{offer_id}", period, closes_at, None, partial(_close, offer_id))


def _close(offer_id: int, work: Work) -> None:
    offer = work.session.get_one(Offer, offer_id, with_for_update=True)
    if offer.closed_at is None:
        offer.close(work.now)


JOB = Job("offer_close", dues)
