"""恳谈会: what its group hears of the appeals that were taken in."""

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.reports.case_figures import FEW
from models.cases import Case
from models.lessons import APPEALS_HEARD, Lesson

SOME = "诉求已收集，会后逐件私下跟进。"
COUNTED = "收集诉求 {count} 件，会后逐件私下跟进。"


def taken_in(session: Session, meeting: Lesson) -> str:
    """How many, where they are so many that the number points to nobody; empty for another kind of lesson."""
    if meeting.kind != APPEALS_HEARD:
        return ""
    count = session.scalar(select(func.count()).select_from(Case).where(Case.meeting_id == meeting.id)) or 0
    return COUNTED.format(count=count) if count >= FEW else SOME
