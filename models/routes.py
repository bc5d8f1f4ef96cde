"""派单规则: which unit the cases of a category of an organisation go to."""

from datetime import datetime

from sqlalchemy import ForeignKey, select
from sqlalchemy.orm import Mapped, Session, mapped_column, relationship

from models.base import WithId
from models.cases import CaseKind
from models.organisations import Organisation, Tree


class Route(WithId):
    """From ``set_at`` on, of an organisation and all below it. Append-only: the last one said counts.

    ``unit`` None: the category goes to the secretary again.
    """

    __tablename__ = "routes"

    organisation_id: Mapped[int] = mapped_column(ForeignKey("organisations.id"), index=True)
    kind: Mapped[CaseKind]
    category: Mapped[str]
    unit_id: Mapped[int | None] = mapped_column(ForeignKey("organisations.id"))
    set_by: Mapped[int | None] = mapped_column(ForeignKey("people.id"))
    set_at: Mapped[datetime]
    message_id: Mapped[int]

    unit: Mapped[Organisation | None] = relationship(foreign_keys=[unit_id])


def routes_of(session: Session, organisation: Organisation) -> dict[tuple[CaseKind, str], Route]:
    """What the organisation itself has said, by kind and category."""
    query = select(Route).where(Route.organisation_id == organisation.id).order_by(Route.id)
    return {(route.kind, route.category): route for route in session.scalars(query)}


def unit_for(
    session: Session, tree: Tree, organisation: Organisation, kind: CaseKind, category: str
) -> Organisation | None:
    """The unit by the nearest organisation's rule; None where the secretary decides."""
    for org in (organisation, *tree.above(organisation)):
        route = routes_of(session, org).get((kind, category))
        if route is not None:
            return route.unit
    return None
