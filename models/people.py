"""People of the roster and their ids on the platforms."""

from datetime import date, datetime
from enum import StrEnum

from sqlalchemy import ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import SealedText, WithId
from models.organisations import Organisation, OrganisationKind, at_or_below


class Status(StrEnum):
    """身份."""

    FULL = "正式党员"
    PROBATIONARY = "预备党员"
    PROSPECT = "发展对象"
    ACTIVIST = "入党积极分子"
    MASSES = "群众"


class Post(StrEnum):
    """职务."""

    SECRETARY = "书记"
    DEPUTY = "副书记"
    ORGANISATION = "组织委员"
    PUBLICITY = "宣传委员"
    DISCIPLINE = "纪检委员"
    LEADER = "组长"
    ORGANISER = "组织员"
    CONTACT = "联系人"


class Occupation(StrEnum):
    """职业."""

    FOOD = "外卖"
    PARCEL = "快递"
    RIDE = "网约车"
    TRUCK = "货车"
    TAXI = "出租车"
    LIVE = "直播"
    OTHER = "其他"


LEADING = (Post.SECRETARY, Post.DEPUTY, Post.ORGANISATION, Post.LEADER)
"""Who acts for the organisation and all below it; a 组长 for a 党小组 alone."""
COMMITTEE = (Post.SECRETARY, Post.DEPUTY, Post.ORGANISATION, Post.PUBLICITY, Post.DISCIPLINE)
"""支部委员会."""
MEMBERS = (Status.FULL, Status.PROBATIONARY)
"""党员."""


class Person(WithId):
    """One row of the roster. ``vote_here``: 表决权 is in this branch, and not where the formal relation is."""

    __tablename__ = "people"
    __table_args__ = (UniqueConstraint("phone_digest"),)

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    name: Mapped[str] = mapped_column(index=True)
    phone: Mapped[str] = mapped_column(SealedText())
    phone_digest: Mapped[str]
    status: Mapped[Status]
    post: Mapped[Post | None]
    occupation: Mapped[Occupation]
    mobile: Mapped[bool]
    """流动党员."""
    home_organisation: Mapped[str]
    """流出地党组织, as text."""
    left_on: Mapped[date | None]
    """The day from which the person belongs to the organisation no more (离开)."""
    vote_here: Mapped[bool]
    created_at: Mapped[datetime]

    organisation: Mapped[Organisation] = relationship()

    def acts_for(self, organisation: Organisation) -> bool:
        """Whether this person runs the organisation: 书记, 副书记, 组织委员 or 组长 of it or of one above."""
        if self.post is Post.LEADER and self.organisation.kind is not OrganisationKind.GROUP:
            return False
        return self.left_on is None and self.post in LEADING and self.organisation.covers(organisation)

    def settle_vote(self) -> None:
        """表决权 stays with the 流出地党组织 of a 流动党员, where the formal relation is."""
        self.vote_here = self.status is Status.FULL and not (self.mobile and self.home_organisation)

    def looks_after(self, organisation: Organisation) -> bool:
        """Whether this person is the 组织员 of the organisation or of one above: sees how it stands, runs nothing."""
        return self.left_on is None and self.post is Post.ORGANISER and self.organisation.covers(organisation)

    def contact_of(self, organisation: Organisation) -> bool:
        """Whether this person is the unit's 联系人."""
        of_unit = self.post is Post.CONTACT and self.organisation.kind is OrganisationKind.UNIT
        return of_unit and self.left_on is None and self.organisation.covers(organisation)


class Identity(WithId):
    """A person's id on a platform. ``platform`` and ``bot`` say where the person was last met."""

    __tablename__ = "identities"
    __table_args__ = (UniqueConstraint("provider", "ref"),)

    provider: Mapped[str]
    ref: Mapped[str]
    person_id: Mapped[int] = mapped_column(ForeignKey("people.id"), index=True)
    platform: Mapped[str | None]
    bot: Mapped[str | None]
    bound_at: Mapped[datetime]

    person: Mapped[Person] = relationship()


def posts_of(session: Session, organisation: Organisation, *posts: Post) -> list[Person]:
    """The people who hold one of these posts in the organisation, in order of the posts."""
    query = select(Person).where(
        Person.organisation_id == organisation.id, Person.post.in_(posts), Person.left_on.is_(None)
    )
    return sorted(
        session.scalars(query), key=lambda person: (posts.index(person.post), person.id) if person.post else ()
    )


def people_below(session: Session, organisation: Organisation) -> list[Person]:
    """Everyone of the organisation and those below it who has not left, in order of the roster."""
    query = (
        select(Person)
        .join(Person.organisation)
        .where(Person.left_on.is_(None), at_or_below(organisation))
        .order_by(Person.id)
    )
    return list(session.scalars(query))


def people_gone(session: Session, organisation: Organisation) -> list[Person]:
    """Everyone who has left the organisation or one below it."""
    query = select(Person).join(Person.organisation).where(Person.left_on.is_not(None), at_or_below(organisation))
    return list(session.scalars(query.order_by(Person.id)))
