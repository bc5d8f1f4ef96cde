"""A town's stretch of the year, played to its end."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from functools import cached_property
from pathlib import Path

from models.database import Database
from schedules import branch_digest, organiser_digest
from schedules.jobs import JOBS
from tests.year import judge
from tests.year.days import YEAR, moment
from tests.year.product import Said, duty_standings, said
from tests.year.record import Meeting, Record
from tests.year.story import Story
from tests.year.town import FOUNDED, Town
from tests.year.wire import Wire

DIGESTS = (branch_digest.JOB, organiser_digest.JOB)
"""Left out: they change nothing, have tests of their own, and would take half of the time."""


@dataclass
class Played:
    """What is there once the story is over."""

    database: Database
    town: Town
    record: Record
    story: Story
    now: datetime
    differ: list[str]
    """How duties stood otherwise than the judge says, on the way."""

    @cached_property
    def said(self) -> list[Said]:
        """Everything that the bot has posted."""
        return list(said(self.database))

    @property
    def held(self) -> list[Meeting]:
        """The meetings that were opened."""
        return [meeting for meeting in self.record.meetings if meeting.opened_at is not None]


def duties_differ(
    database: Database, town: Town, record: Record, now: datetime, past_since: datetime | None = None
) -> list[str]:
    """What the judge and the product say differently of the duties, as of now: of the present periods, or of all."""
    judging = judge.Judge(record, now)
    ours = set()
    for branch in town.branches:
        if branch.founded_at <= now:
            verdicts = judging.present(branch) if past_since is None else judging.verdicts(branch)
            judged = [verdict for verdict in verdicts if verdict.counts or verdict.period.end > now]
            ours |= {(branch.path, verdict.org.path, *verdict.standing) for verdict in judged}
    with database.read() as session:
        theirs = duty_standings(session, now, past_since=past_since)
    theirs = {standing for standing in theirs if standing[3].startswith(str(YEAR))}
    return [f"{now} the judge alone: {standing}" for standing in ours - theirs] + [
        f"{now} the product alone: {standing}" for standing in theirs - ours
    ]


def play(database: Database, folder: Path, town: Town, last: date) -> Played:
    """Plays from the beginning of 2026 to the end of the last day."""
    jobs = [job for job in JOBS if job not in DIGESTS]
    wire = Wire(database, folder, town, FOUNDED - timedelta(hours=1), jobs)
    story = Story(wire, town, Record(), last)
    differ: list[str] = []
    story.look = lambda now: differ.extend(duties_differ(database, town, story.record, now))
    story.play()
    now = moment(last, 23, 59)
    wire.clock.move_to(now)
    wire.tick()
    return Played(database, town, story.record, story, now, differ)
