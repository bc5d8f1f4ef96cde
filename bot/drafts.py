"""The begun reports that the messages of one transaction may complete."""

from datetime import datetime

from sqlalchemy import select

from bot.handling import Batch
from bot.messages import IncomingMessage
from models.downloads import forget
from models.drafts import Draft

_Place = tuple[str, str, str, str]


class OpenDrafts:
    """Those of the senders of a batch, read at once: most of what is said in groups concerns none."""

    def __init__(self, batch: Batch) -> None:
        self._session = batch.session
        query = select(Draft).where(Draft.closed_at.is_(None), Draft.sender.in_(batch.senders)).order_by(Draft.id)
        # locked, so that none is told to have come to nothing while it becomes a case
        self._open = {_where(draft): draft for draft in batch.session.scalars(query.with_for_update())}

    def of(self, message: IncomingMessage, now: datetime) -> Draft | None:
        """The one that the sender of the message has open in its chat, if its time is not over.

        One that waits for +1 is open until it has been counted. What was asked in private about a photo in a group may
        be answered there.
        """
        here = self._open.get((message.platform, message.bot, message.chat, message.sender))
        draft = here or (self._asked_in_private(message) if message.private else None)
        return draft if draft is not None and (draft.closes_at > now or draft.alike_id is not None) else None

    def _asked_in_private(self, message: IncomingMessage) -> Draft | None:
        sender = (message.platform, message.bot, message.sender)
        theirs = (draft for draft in self._open.values() if (draft.platform, draft.bot, draft.sender) == sender)
        return next((draft for draft in theirs if _wants_words(draft)), None)

    def begin(self, draft: Draft, now: datetime) -> None:
        """Keeps a new one, instead of the one that was open there."""
        former = self._open.get(_where(draft))
        if former is not None:
            self.close(former, now)
        self._open[_where(draft)] = draft
        self._session.add(draft)
        self._session.flush()

    def close(self, draft: Draft, now: datetime) -> None:
        """It waits for nothing any more. Photos that were only overheard, and that nobody has taken, are forgotten."""
        if draft.overheard:
            forget(self._session, draft.photos)
        draft.closed_at = now
        self._open.pop(_where(draft), None)
        self._session.flush()


def _wants_words(draft: Draft) -> bool:
    return not draft.overheard and draft.case_id is None and draft.alike_id is None


def _where(draft: Draft) -> _Place:
    return draft.platform, draft.bot, draft.chat, draft.sender
