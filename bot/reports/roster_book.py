"""The roster of an organisation as a workbook: who there is and who has 报到. Phones are not in it."""

import io

from openpyxl import Workbook
from openpyxl.cell.cell import ILLEGAL_CHARACTERS_RE
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter
from sqlalchemy import select
from sqlalchemy.orm import Session

from models.organisations import Organisation
from models.people import Identity, Person, people_below

COLUMNS = (("姓名", 12), ("组织", 36), ("身份", 16), ("职务", 12), ("职业", 10), ("流动", 8), ("是否报到", 10))
"""With their widths in characters."""
FORMULA = ("=", "+", "-", "@")
"""A cell that begins so could be run as a formula, here or in a CSV that is made of it."""


def roster_book(session: Session, organisation_id: int) -> bytes:
    """The xlsx file of everyone of the organisation and those below it, in order of the roster."""
    organisation = session.get_one(Organisation, organisation_id)
    people = people_below(session, organisation)
    bound = set(session.scalars(select(Identity.person_id).where(Identity.person_id.in_([p.id for p in people]))))
    book = Workbook()
    del book["Sheet"]
    sheet = book.create_sheet("名册")
    sheet.append([name for name, _ in COLUMNS])
    for person in people:
        sheet.append([harmless(cell) for cell in _row(person, bound=person.id in bound)])
    for number, (_, width) in enumerate(COLUMNS, start=1):
        sheet.cell(1, number).font = Font(bold=True)
        sheet.column_dimensions[get_column_letter(number)].width = width
    sheet.freeze_panes = "A2"
    file = io.BytesIO()
    book.save(file)
    return file.getvalue()


def _row(person: Person, *, bound: bool) -> tuple[str, ...]:
    return (
        person.name,
        person.organisation.path,
        person.status,
        person.post or "",
        person.occupation,
        _yes(person.mobile),
        _yes(bound),
    )


def _yes(value: bool) -> str:
    return "是" if value else "否"


def harmless(text: str) -> str:
    """The text of a cell as nothing but text: what looks like a formula gets an apostrophe before it."""
    shown = ILLEGAL_CHARACTERS_RE.sub("", text)
    return f"'{shown}" if shown.lstrip().startswith(FORMULA) else shown
