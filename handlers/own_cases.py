"""The cases that the sender has told, on this platform or, being in the roster, on any other."""

from sqlalchemy import ColumnElement, and_, or_, select

from bot.handling import Context
from models.cases import OPEN_STATES, Case

CONSIDERED = 20
"""Cases of one person among which the meant one is looked for."""


def told_by_sender(context: Context) -> ColumnElement[bool]:
    """The condition on ``Case`` that the sender is its reporter."""
    message = context.message
    here = and_(Case.reporter_platform == message.platform, Case.reporter_ref == message.sender)
    return or_(here, Case.reporter_id == context.person.id) if context.person else here


def open_cases_of_sender(context: Context) -> list[Case]:
    """Those not at an end yet, the latest first; in a group no appeals."""
    query = select(Case).where(told_by_sender(context), Case.state.in_(OPEN_STATES)).order_by(Case.number.desc())
    cases = context.session.scalars(query.limit(CONSIDERED))
    return [case for case in cases if context.private or not case.confidential]
