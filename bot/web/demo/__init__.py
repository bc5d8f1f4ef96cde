"""The demonstration branch (演示支部): a roster of made-up people, and the groups in which they talk."""

from datetime import datetime
from pathlib import Path

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.roster import import_roster, read_roster
from models.chats import Chat
from models.database import Database
from models.organisations import Organisation
from models.people import Identity, Person

ROSTER = Path(__file__).with_name("roster.csv")
BRANCH = "幸福里街道行业党委/幸福里流动党支部"
GROUPS = (
    ("branch", "支部群", BRANCH),
    ("organisation", "组织群", "幸福里街道行业党委"),
    ("property", "物业群", "幸福里街道行业党委/幸福里物业"),
)
"""The sandbox's id of each group, its title, and the organisation that it is tied to."""

PLAYED = {
    "王书记": "支部书记",
    "小李": "外卖骑手",
    "小张": "外卖骑手",
    "小赵": "快递小哥",
    "周组织员": "街道组织员",
    "老陈": "物业联系人",
}
"""Whom the sandbox page offers to play, and in what part. The others are there to be counted."""


def seed_demo(database: Database, now: datetime) -> bool:
    """Makes the demonstration branch in a database that has no organisation yet. False where it has one."""
    with database.write.begin() as session:
        if session.scalar(select(Organisation.id).limit(1)) is not None:
            return False
        import_roster(session, read_roster(ROSTER), now)
        session.flush()
        _bind(session, now)
        _tie(session, now)
    return True


def _bind(session: Session, now: datetime) -> None:
    """Everybody can be played: u1 is the first of the roster."""
    for number, person in enumerate(session.scalars(select(Person).order_by(Person.id)), start=1):
        session.add(
            Identity(
                provider="sandbox",
                ref=f"u{number}",
                person_id=person.id,
                platform="sandbox",
                bot="main",
                bound_at=now,
            )
        )


def _tie(session: Session, now: datetime) -> None:
    for ref, title, path in GROUPS:
        organisation = session.scalars(select(Organisation).where(Organisation.path == path)).one()
        session.add(
            Chat(
                platform="sandbox",
                bot="main",
                ref=ref,
                title=title,
                organisation_id=organisation.id,
                tied_by=None,
                tied_at=now,
                seen_at=now,
            )
        )
