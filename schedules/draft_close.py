"""A begun report that nobody has completed is closed at its time: the person hears that nothing was registered.

What was only overheard is dropped without a word, and so is the question where a registered hazard is. Never missed.
"""

from collections.abc import Iterator
from datetime import datetime
from functools import partial

from sqlalchemy import select

from bot.clock import local
from bot.content import Text
from bot.posting import Address
from models.downloads import forget
from models.drafts import Draft
from schedules.directory import Directory
from schedules.draft_alike import close_alike
from schedules.due import Due, Work
from schedules.job import Job

NOT_REGISTERED = "刚才的{what}没等到说明，这次先不登记。想报的话，说一句哪里、怎么了，再发一次就行。"


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:  # noqa: ARG001  # however late
    """One for each open draft."""
    query = select(Draft.id, Draft.closes_at).where(Draft.closed_at.is_(None), Draft.closes_at <= end)
    for draft_id, closes_at in directory.session.execute(query):
        period = f"{local(closes_at):%Y-%m-%dT%H:%M:%S}"
        yield Due(JOB.name, f"draft:{draft_id}", period, closes_at, None, partial(_close, draft_id))


def _close(draft_id: int, work: Work) -> None:
    draft = work.session.get_one(Draft, draft_id, with_for_update=True)
    if draft.closed_at is not None or draft.closes_at > work.now:
        return
    if draft.alike_id is not None:
        close_alike(work, draft)
        return
    if draft.overheard:
        forget(work.session, draft.photos)
    draft.closed_at = work.now
    if draft.case_id is None and not draft.overheard:
        what = "照片" if draft.photos else "位置"
        work.posting.post(_private(draft), Text(NOT_REGISTERED.format(what=what)))


def _private(draft: Draft) -> Address:
    return Address(draft.platform, draft.bot, draft.sender, to_person=True)


JOB = Job("draft_close", dues)
