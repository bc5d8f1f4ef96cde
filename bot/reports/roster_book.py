"""The roster of an organisation as a workbook: who there is and who has 报到. Phones are not in it."""

from collections import Counter
from collections.abc import Sequence

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.reports.ledgers import chunks
from bot.reports.workbook import Book, Sheet, area
from models.organisations import Organisation
from models.people import Identity, Occupation, Person, Status, people_below

COLUMNS = (("姓名", 12), ("组织", 40), ("身份", 15), ("职务", 12), ("职业", 10), ("流动", 8), ("是否报到", 11))
"""With their widths in characters."""
NAMES = [name for name, _ in COLUMNS]
Row = tuple[str, ...]
_COUNTED = (("身份", [*Status]), ("职业", [*Occupation]), ("流动", ["是", "否"]), ("是否报到", ["是", "否"]))
"""The columns that are counted, and what can stand in them."""


def roster_book(session: Session, organisation_id: int) -> bytes:
    """The xlsx file of everyone of the organisation and those below it, in order of the roster."""
    rows = roster_rows(session, organisation_id)
    book = Book("名册")
    sheet = book.sheet("名册", [width for _, width in COLUMNS])
    sheet.head(0, NAMES)
    sheet.stays(1, 1)
    for at, row in enumerate(rows, start=1):
        for column, text in enumerate(row):
            sheet.text(at, column, text)
        sheet.fit(at, row)
    _write_counts(book.sheet("汇总", (12, 16, 8)), rows)
    return book.data()


def roster_rows(session: Session, organisation_id: int) -> list[Row]:
    """The lines below ``COLUMNS``."""
    people = people_below(session, session.get_one(Organisation, organisation_id))
    bound: set[int] = set()
    for ids in chunks([person.id for person in people]):
        bound |= set(session.scalars(select(Identity.person_id).where(Identity.person_id.in_(ids))))
    return [_row(person, bound=person.id in bound) for person in people]


def roster_counts(rows: Sequence[Row]) -> list[tuple[str, str, int]]:
    """How many have what in the columns that are counted: ``("身份", "正式党员", 12)``."""
    by_column = {name: Counter(row[NAMES.index(name)] for row in rows) for name, _ in _COUNTED}
    return [(name, value, by_column[name][value]) for name, values in _COUNTED for value in values]


def _write_counts(sheet: Sheet, rows: Sequence[Row]) -> None:
    sheet.head(0, ("", "", "人数"))
    for at, (name, value, number) in enumerate(roster_counts(rows), start=1):
        sheet.text(at, 0, name)
        sheet.text(at, 1, value)
        column = NAMES.index(name)
        cells = area(1, column, max(len(rows), 1), column)
        sheet.formula(at, 2, f"COUNTIF('名册'!{cells},\"{value}\")", number)


def _row(person: Person, *, bound: bool) -> Row:
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
