"""Party organisations, companies and responsible units, as one tree."""

from datetime import datetime
from enum import StrEnum

from sqlalchemy import JSON, ColumnElement, ForeignKey, UniqueConstraint, select
from sqlalchemy.orm import InstrumentedAttribute, Mapped, Session, mapped_column

from models.base import WithId


class OrganisationKind(StrEnum):
    """组织类型."""

    COMMITTEE = "党委"
    BRANCH = "党支部"
    GROUP = "党小组"
    COMPANY = "企业"
    UNIT = "责任单位"


class Organisation(WithId):
    """A node of the tree. ``path`` is its address from the top: ``兰州市快递行业党委/顺丰速运党支部``."""

    __tablename__ = "organisations"
    __table_args__ = (UniqueConstraint("path"),)

    parent_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    name: Mapped[str]
    path: Mapped[str]
    kind: Mapped[OrganisationKind]
    rush_hours: Mapped[list[list[str]] | None] = mapped_column(JSON(none_as_null=True))
    """``[["10:30", "13:30"], …]`` where they differ from those of the members' 职业."""
    created_at: Mapped[datetime]

    def covers(self, other: "Organisation") -> bool:
        """Whether ``other`` is this organisation or below it."""
        return other.path == self.path or other.path.startswith(self.path + "/")


class Tree:
    """All organisations, read once."""

    def __init__(self, session: Session) -> None:
        self.by_id = {org.id: org for org in session.scalars(select(Organisation).order_by(Organisation.path))}

    def above(self, organisation: Organisation) -> list[Organisation]:
        """The organisations over this one, nearest first."""
        chain = []
        while organisation.parent_id is not None:
            organisation = self.by_id[organisation.parent_id]
            chain.append(organisation)
        return chain

    def below(self, organisation: Organisation) -> list[Organisation]:
        """This organisation and all below it, in order of their paths."""
        return [org for org in self.by_id.values() if organisation.covers(org)]

    def named(self, text: str) -> list[Organisation]:
        """The organisations whose name or path is ``text``; failing that, those whose name contains it."""
        exact = [org for org in self.by_id.values() if text in (org.name, org.path)]
        return exact or [org for org in self.by_id.values() if text and text in org.name]


def find_organisation(session: Session, text: str) -> Organisation | None:
    """The one with this path, else with this name. None: there is none, or there are several of the name."""
    query = select(Organisation).where((Organisation.path == text) | (Organisation.name == text))
    found = list(session.scalars(query))
    of_path = [organisation for organisation in found if organisation.path == text]
    return (of_path or found)[0] if of_path or len(found) == 1 else None


def at_or_below(organisation: Organisation) -> ColumnElement[bool]:
    """The condition on ``Organisation`` that it is this one or below it."""
    below = Organisation.path.startswith(organisation.path + "/", autoescape=True)
    return (Organisation.path == organisation.path) | below


def belongs_to(column: InstrumentedAttribute[int], organisation: Organisation) -> ColumnElement[bool]:
    """The condition that ``column`` names the organisation or one below it."""
    return column.in_(select(Organisation.id).where(at_or_below(organisation)))
