"""纪要 of a meeting as a docx: what is recorded, and marked places for what only people know."""

import io
from collections.abc import Sequence

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.text import WD_ALIGN_PARAGRAPH, WD_COLOR_INDEX
from docx.oxml.ns import qn
from docx.shared import Cm, Pt
from docx.text.paragraph import Paragraph
from docx.text.run import Run
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.clock import local
from bot.reports.attendance import quorum_hint
from bot.reports.ledgers import Figures
from bot.reports.workbook import plain
from bot.wording import day_text, hour_text
from models.attendance import Mark, attendance, marks
from models.lessons import Lesson, LessonSite
from models.make_ups import MakeUp
from models.materials import Material
from models.people import Person

FILL = "【请填写：{}】"
"""What a person must write stands marked in the document."""
BODY, HEADING = "仿宋", "黑体"
LABELS, VALUES = Cm(2.4), Cm(13.2)
"""Widths of the two columns of the facts."""
GROUPS = (
    ("按时到", Mark.PRESENT),
    ("迟到", Mark.LATE),
    ("请假", Mark.LEAVE),
    ("补课", Mark.MADE_UP),
    ("缺席", Mark.ABSENT),
    ("列席", Mark.GUEST),
)
SOURCE = "时间、人员和材料取自小蜂的记录（会议 {lesson}，消息 {message}）；标黄的地方请参会的人填写、核对。"


def minutes(session: Session, lesson_id: int) -> bytes:
    """The docx of a meeting that was held."""
    lesson = session.get_one(Lesson, lesson_id)
    document = _document()
    _heading(document, f"{lesson.organisation.name}{lesson.kind}纪要")
    _facts(document, session, lesson)
    _section(document, "一、出席情况")
    _attendance(document, session, lesson)
    _section(document, "二、议程")
    _lines(document, lesson.agenda.splitlines(), "议程")
    _section(document, "三、材料")
    titles = session.scalars(select(Material.title).where(Material.lesson_id == lesson.id).order_by(Material.id))
    _materials(document, list(titles))
    _section(document, "四、会议内容")
    _lines(document, (), "谁讲了什么、讨论了什么")
    _section(document, "五、决定的事")
    _lines(document, (), "决定了什么、谁去办、什么时候办完；表决的写明赞成、反对、弃权各几票")
    _make_ups(document, session, lesson)
    _end(document, lesson)
    file = io.BytesIO()
    document.save(file)
    return file.getvalue()


def _document() -> DocumentType:
    document = Document()
    page = document.sections[0]
    page.page_width, page.page_height = Cm(21), Cm(29.7)
    page.left_margin = page.right_margin = Cm(2.7)
    page.top_margin = page.bottom_margin = Cm(2.5)
    normal = document.styles["Normal"]
    normal.font.name, normal.font.size = "Times New Roman", Pt(14)
    normal.element.rPr.rFonts.set(qn("w:eastAsia"), BODY)
    normal.paragraph_format.line_spacing = 1.4
    normal.paragraph_format.space_after = Pt(2)
    return document


def _heading(document: DocumentType, text: str) -> None:
    paragraph = document.add_paragraph()
    paragraph.alignment = WD_ALIGN_PARAGRAPH.CENTER
    paragraph.paragraph_format.space_after = Pt(12)
    _in(paragraph.add_run(plain(text)), HEADING, 20)


def _section(document: DocumentType, text: str) -> None:
    paragraph = document.add_paragraph()
    paragraph.paragraph_format.space_before = Pt(10)
    paragraph.paragraph_format.keep_with_next = True
    _in(paragraph.add_run(text), HEADING, 14)


def _in(run: Run, font: str, size: int) -> None:
    run.font.size = Pt(size)
    run.font.name = "Times New Roman"
    run._element.get_or_add_rPr().get_or_add_rFonts().set(qn("w:eastAsia"), font)


def _write(paragraph: Paragraph, text: str, missing: str) -> None:
    """The text; where there is none, the marked place for it."""
    if text:
        paragraph.add_run(plain(text))
    else:
        paragraph.add_run(FILL.format(missing)).font.highlight_color = WD_COLOR_INDEX.YELLOW


def _facts(document: DocumentType, session: Session, lesson: Lesson) -> None:
    sites = session.scalars(select(LessonSite.place).where(LessonSite.lesson_id == lesson.id).order_by(LessonSite.id))
    place = "；".join(part for part in (lesson.place or "、".join(sites), lesson.link) if part)
    rows = [
        ("时间", _time(lesson)),
        ("地点", place),
        ("主持", lesson.host),
        ("记录", lesson.recorder),
        ("主题", lesson.topic),
    ]
    if lesson.counts_as:
        rows.append(("计入", lesson.counts_as))
    table = document.add_table(rows=0, cols=2, style="Table Grid")
    table.autofit = False
    for column, width in zip(table.columns, (LABELS, VALUES), strict=True):
        column.width = width
    for name, value in rows:
        cells = table.add_row().cells
        cells[0].width, cells[1].width = LABELS, VALUES
        cells[0].paragraphs[0].add_run(name)
        _write(cells[1].paragraphs[0], value, name)


def _time(lesson: Lesson) -> str:
    """``2026年11月27日（周五）15:00 至 16:02``, across midnight with both days."""
    begin, end = lesson.opened_at, lesson.closed_at
    if begin is None or end is None:
        raise ValueError(f"lesson {lesson.id} has not been held")
    same = local(begin).date() == local(end).date()
    until = hour_text(end) if same else f"{day_text(end)}{hour_text(end)}"
    return f"{local(begin).year}年{day_text(begin)}{hour_text(begin)} 至 {until}"


def _attendance(document: DocumentType, session: Session, lesson: Lesson) -> None:
    by_person = marks(session, [lesson])[lesson.id]
    people = session.execute(select(Person.id, Person.name).where(Person.id.in_(by_person)).order_by(Person.id))
    named: dict[Mark, list[str]] = {}
    for person_id, name in people:
        named.setdefault(by_person[person_id], []).append(name)
    figures = Figures.of(by_person.values())
    document.add_paragraph(f"应到 {figures.expected} 人，实到 {figures.present} 人。")
    counted, _, _ = quorum_hint(lesson, attendance(session, lesson)).partition("；")
    if counted:
        document.add_paragraph(f"{counted}。")
    for label, mark in GROUPS:
        if mark in named:
            names = named[mark]
            document.add_paragraph(plain(f"{label}（{len(names)} 人）：{'、'.join(names)}"))


def _lines(document: DocumentType, lines: Sequence[str], missing: str) -> None:
    for line in lines or ("",):
        _write(document.add_paragraph(), line.strip(), missing)


def _materials(document: DocumentType, titles: Sequence[str]) -> None:
    for number, title in enumerate(titles, start=1):
        document.add_paragraph(plain(f"{number}. {title}"))
    if not titles:
        document.add_paragraph("没有登记材料。")


def _make_ups(document: DocumentType, session: Session, lesson: Lesson) -> None:
    query = (
        select(Person.name, MakeUp.done_at, MakeUp.note)
        .join(Person, Person.id == MakeUp.person_id)
        .where(MakeUp.lesson_id == lesson.id, MakeUp.done_at.is_not(None))
    )
    done = list(session.execute(query.order_by(MakeUp.done_at)))
    if not done:
        return
    _section(document, "六、会后补课")
    for name, done_at, note in done:
        when = day_text(done_at) if done_at else ""
        document.add_paragraph(plain(f"{name}，{when}补完。{f'心得：{note}' if note else ''}"))


def _end(document: DocumentType, lesson: Lesson) -> None:
    signed = document.add_paragraph()
    signed.paragraph_format.space_before = Pt(18)
    signed.add_run("主持人签字：____________　　记录人签字：____________")
    source = document.add_paragraph()
    run = source.add_run(SOURCE.format(lesson=lesson.id, message=lesson.message_id or "无"))
    run.font.size = Pt(10)
