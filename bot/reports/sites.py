"""A lesson that is open for days at several places (随到随学), in words: its card, its codes, and who came where."""

from collections.abc import Sequence

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from bot.content import Card, Field
from bot.wording import moment_text
from models.lessons import CheckIn, Lesson, LessonSite, LessonState

HOW = "到了那里，发「签到」加墙上的六位数字，或者扫那里的二维码。"


def sites_of(session: Session, lesson: Lesson) -> list[LessonSite]:
    """The 阵地 of the lesson, in the order in which they were told."""
    return list(session.scalars(select(LessonSite).where(LessonSite.lesson_id == lesson.id).order_by(LessonSite.id)))


def places_of(session: Session, lesson: Lesson) -> list[str]:
    """Their names alone."""
    return [site.place for site in sites_of(session, lesson)]


def site_lesson_card(lesson: Lesson, places: Sequence[str], counted: str) -> Card:
    """The card in the group: where, until when and how. ``counted`` is empty while nobody has come."""
    count = (Field("已签到", counted),) if counted else ()
    if lesson.state is not LessonState.OPEN or lesson.closes_at is None:
        return Card(f"📚 随到随学：{lesson.title}已结束", fields=count)
    return Card(
        f"📚 随到随学：{lesson.title}",
        fields=(Field("阵地", "、".join(places)), Field("截止", moment_text(lesson.closes_at)), *count),
        hint=HOW,
    )


def codes_text(sites: Sequence[LessonSite]) -> str:
    """``东站驿站：482913``, a line each. For the secretary alone."""
    return "\n".join(f"{site.place}：{site.code}" for site in sites)


def count_by_place(session: Session, lesson: Lesson) -> str:
    """``东站驿站 4 人，西站驿站 3 人``; whoever was vouched for was at none of them."""
    came = select(CheckIn.site_id, func.count()).where(CheckIn.lesson_id == lesson.id).group_by(CheckIn.site_id)
    counts = {site_id: number for site_id, number in session.execute(came)}  # noqa: C416  # a Row is no pair to mypy
    return "，".join(f"{site.place} {counts.get(site.id, 0)} 人" for site in sites_of(session, lesson))
