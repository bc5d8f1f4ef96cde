"""Wrong codes: after ten within a minute a person is heard again only ten minutes later, even with the right one."""

from collections import defaultdict
from datetime import datetime, timedelta

from sqlalchemy import select

from bot.handling import Batch, Context
from models.audit import AuditEntry
from models.people import Person

MOST = 10
"""Wrong codes of one person within a minute."""
MINUTE = timedelta(minutes=1)
REST = timedelta(minutes=10)
FAILED = "code_failed"


class CodeTries:
    """The wrong codes of the people of one batch, read at once when the first of them tells a code."""

    def __init__(self, batch: Batch) -> None:
        since = batch.sent_since - REST - MINUTE
        subjects = [_subject(person) for person in batch.people.values()]
        wrong = (AuditEntry.action == FAILED, AuditEntry.at > since, AuditEntry.subject.in_(subjects))
        self._times: defaultdict[str, list[datetime]] = defaultdict(list)
        for subject, at in batch.session.execute(select(AuditEntry.subject, AuditEntry.at).where(*wrong)):
            self._times[subject].append(at)

    def blocked(self, person: Person, moment: datetime) -> bool:
        """Whether the person has to wait."""
        times = sorted(self._times[_subject(person)])
        minutes = zip(times, times[MOST - 1 :], strict=False)
        return any(last - first <= MINUTE and last <= moment < last + REST for first, last in minutes)

    def add(self, context: Context, moment: datetime) -> None:
        """Notes that the sender told a wrong code then."""
        subject = _subject(context.member)
        self._times[subject].append(moment)
        entry = AuditEntry(
            at=moment, actor_id=context.member.id, action=FAILED, subject=subject, message_id=context.message_id
        )
        context.session.add(entry)


def _subject(person: Person) -> str:
    return f"person:{person.id}"
