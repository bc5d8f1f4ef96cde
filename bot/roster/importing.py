"""Bringing the records in step with a roster: one transaction, looked up in bulk, all rows or none."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, TypeVar

from sqlalchemy import delete, select
from sqlalchemy.orm import Session

from bot.roster.checking import RosterRow
from bot.roster.problems import Problem, RosterError
from models.audit import AuditEntry
from models.base import new_id
from models.organisations import Organisation, OrganisationKind
from models.people import Identity, Person
from models.sealing import digest

AT_ONCE = 500
"""Values in one query; SQLite takes 32,766."""
OPTIONAL = {
    "身份": "status",
    "职务": "post",
    "职业": "occupation",
    "流动": "mobile",
    "流出地党组织": "home_organisation",
}
"""Columns that a file may leave out: then what is recorded stays."""

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class ImportResult:
    """How many records an import made or changed."""

    organisations_new: int
    organisations_changed: int
    people_new: int
    people_changed: int
    people_unchanged: int
    identities_bound: int


def import_roster(session: Session, rows: Sequence[RosterRow], now: datetime) -> ImportResult:
    """Writes the rows in the session's transaction; the phone says who a person is.

    Raises RosterError, before anything is written, where a platform id is bound to somebody else already.
    """
    roster = _Import(session, rows)
    if problems := list(roster.problems()):
        raise RosterError(problems)
    return roster.write(now)


def conflicts(session: Session, rows: Sequence[RosterRow]) -> list[Problem]:
    """What in the records stands against these rows; empty if they can be imported."""
    return list(_Import(session, rows).problems())


class _Import:
    """The rows beside what is recorded of the same organisations, people and platform ids."""

    def __init__(self, session: Session, rows: Sequence[RosterRow]) -> None:
        self._session = session
        self._rows = rows
        self._members = [(row, digest(row.phone)) for row in rows if row.name]
        self._organisations = {org.path: org for org in session.scalars(select(Organisation))}
        self._people = {person.phone_digest: person for person in self._recorded_people()}
        self._identities = {(identity.provider, identity.ref): identity for identity in self._recorded_identities()}
        self._stale = self._mistaken_identities()

    def _recorded_people(self) -> Iterator[Person]:
        for digests in _parts([phone for _, phone in self._members]):
            yield from self._session.scalars(select(Person).where(Person.phone_digest.in_(digests)))

    def _recorded_identities(self) -> Iterator[Identity]:
        """Those of the people in the file, and those that the file names."""
        for ids in _parts([person.id for person in self._people.values()]):
            yield from self._session.scalars(select(Identity).where(Identity.person_id.in_(ids)))
        for refs in _parts([ref for row, _ in self._members for _, ref in row.identities]):
            yield from self._session.scalars(select(Identity).where(Identity.ref.in_(refs)))

    def _mistaken_identities(self) -> set[int]:
        """Ids of an earlier file that nobody was ever met under and for which this file has another one."""
        wanted = {
            (self._people[phone].id, provider): ref
            for row, phone in self._members
            if phone in self._people
            for provider, ref in row.identities
        }
        return {
            identity.id
            for identity in self._identities.values()
            if identity.platform is None
            and wanted.get((identity.person_id, identity.provider), identity.ref) != identity.ref
        }

    def problems(self) -> Iterator[Problem]:
        """Platform ids that belong to somebody else."""
        for row, phone in self._members:
            person = self._people.get(phone)
            for key in row.identities:
                bound = self._bound(key)
                if bound is not None and (person is None or bound.person_id != person.id):
                    yield Problem(row.line, f"{key[0]} 的 id 已经绑定给「{bound.person.name}」，请核对是谁的")

    def _bound(self, key: tuple[str, str]) -> Identity | None:
        identity = self._identities.get(key)
        return None if identity is None or identity.id in self._stale else identity

    def write(self, now: datetime) -> ImportResult:
        """Makes and changes the records, and notes it in the audit."""
        organisations_changed = self._change_kinds()
        organisations_new = self._make_organisations(now)
        people_new, people_changed = self._write_people(now)
        result = ImportResult(
            organisations_new=organisations_new,
            organisations_changed=organisations_changed,
            people_new=people_new,
            people_changed=people_changed,
            people_unchanged=len(self._members) - people_new - people_changed,
            identities_bound=self._bind(now),
        )
        self._session.add(AuditEntry(at=now, action="import", subject=_summary(result)))
        self._session.flush()
        return result

    def _change_kinds(self) -> int:
        stated = {row.path: row.kind for row in self._rows if row.kind}
        changed = 0
        for path, kind in stated.items():
            organisation = self._organisations.get(path)
            if organisation is not None and organisation.kind is not kind:
                organisation.kind = kind
                changed += 1
        return changed

    def _make_organisations(self, now: datetime) -> int:
        kinds: dict[str, OrganisationKind] = {}
        for row in self._rows:
            for path in _chain(row.path):
                kinds.setdefault(path, OrganisationKind.COMMITTEE)
        kinds |= {row.path: OrganisationKind.BRANCH for row in self._rows}
        kinds |= {row.path: row.kind for row in self._rows if row.kind}
        missing = [path for path in kinds if path not in self._organisations]
        for path in missing:
            self._organisations[path] = self._organisation(path, kinds[path], now)
        self._session.add_all(self._organisations[path] for path in missing)
        self._session.flush()
        return len(missing)

    def _organisation(self, path: str, kind: OrganisationKind, now: datetime) -> Organisation:
        above, _, name = path.rpartition("/")
        parent_id = self._organisations[above].id if above else None
        return Organisation(id=new_id(), parent_id=parent_id, name=name, path=path, kind=kind, created_at=now)

    def _write_people(self, now: datetime) -> tuple[int, int]:
        new = changed = 0
        for row, phone in self._members:
            person = self._people.get(phone)
            if person is None:
                self._people[phone] = self._person(row, phone, now)
                new += 1
            else:
                changed += _update(person, self._stated(row))
        self._session.add_all(self._people.values())
        self._session.flush()
        return new, changed

    def _person(self, row: RosterRow, phone: str, now: datetime) -> Person:
        person = Person(id=new_id(), phone=row.phone, phone_digest=phone, created_at=now)
        _update(person, self._stated(row) | {name: getattr(row, name) for name in OPTIONAL.values()})
        return person

    def _stated(self, row: RosterRow) -> dict[str, Any]:
        optional = {name: getattr(row, name) for column, name in OPTIONAL.items() if column in row.columns}
        # whoever had left is back: the file names those who are there
        return {"name": row.name, "organisation_id": self._organisations[row.path].id, "left_on": None} | optional

    def _bind(self, now: datetime) -> int:
        if self._stale:
            self._session.execute(delete(Identity).where(Identity.id.in_(self._stale)))
        missing = [
            Identity(id=new_id(), provider=provider, ref=ref, person_id=self._people[phone].id, bound_at=now)
            for row, phone in self._members
            for provider, ref in row.identities
            if self._bound((provider, ref)) is None
        ]
        self._session.add_all(missing)
        return len(missing)


def _update(person: Person, stated: dict[str, Any]) -> bool:
    """Whether anything about the person is new."""
    changed = [name for name, value in stated.items() if getattr(person, name) != value]
    for name in changed:
        setattr(person, name, stated[name])
    person.settle_vote()
    return bool(changed)


def _chain(path: str) -> Iterator[str]:
    """The paths of the organisations above and of the organisation itself, from the top."""
    names = path.split("/")
    for depth in range(1, len(names) + 1):
        yield "/".join(names[:depth])


def _parts(items: Iterable[Item]) -> Iterator[list[Item]]:
    everything = list(items)
    for start in range(0, len(everything), AT_ONCE):
        yield everything[start : start + AT_ONCE]


def _summary(result: ImportResult) -> str:
    return (
        f"organisations {result.organisations_new} new {result.organisations_changed} changed, "
        f"people {result.people_new} new {result.people_changed} changed {result.people_unchanged} unchanged, "
        f"identities {result.identities_bound} bound"
    )
