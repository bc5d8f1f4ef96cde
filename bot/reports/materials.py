"""The materials of a lesson in words, with links to what can be opened."""

from collections.abc import Callable
from datetime import timedelta

from sqlalchemy import func, select
from sqlalchemy.orm import Session

from models.lessons import Lesson
from models.materials import Material

MakeLink = Callable[[str, str, timedelta], str]
"""``context.link`` or ``work.link``: page, subject and for how long, to an address; empty where there is none."""

PAGE = "material"
"""The page that gives out a file; its subject is the material's id."""
READABLE = timedelta(days=180)
NO_LINK = "还没有配公网地址，请找书记要"


def material_lines(session: Session, lesson: Lesson, link: MakeLink) -> list[str]:
    """One line for each material, in the order in which they were added."""
    query = select(Material).where(Material.lesson_id == lesson.id).order_by(Material.id)
    return [f"{number}. {_line(material, link)}" for number, material in enumerate(session.scalars(query), 1)]


def _line(material: Material, link: MakeLink) -> str:
    if not material.file:
        return " ".join(part for part in (material.title, material.link) if part)
    address = link(PAGE, str(material.id), READABLE)
    size = f"（{size_text(material.size)}）" if material.size else ""
    return f"{material.title}{size} {address or f'（{NO_LINK}）'}"


def count_materials(session: Session, lesson: Lesson) -> int:
    """How many materials the lesson has."""
    return session.scalar(select(func.count()).where(Material.lesson_id == lesson.id)) or 0


def size_text(size: int) -> str:
    """``1.2 MB``, or ``12 KB`` where that is less."""
    kilobytes = max(1, round(size / 1024))
    return f"{size / 1024 / 1024:.1f} MB" if kilobytes >= 1024 else f"{kilobytes} KB"
