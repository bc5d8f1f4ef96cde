"""What 流动党员 are reminded of, and what their secretaries hear of them. Never a word of it in a group.

- The yearly report to the home organisation (每年至少一次向流出地党组织汇报): on the first working day of November, and
  once more two weeks later, to each who has reported nothing this year.
- Those whom the bot cannot reach: to the secretary, once a quarter.
- Those who took part in nothing for six months: to the secretary, each stretch once. Of one who leads the branch
  somebody else there hears, or who leads above.
"""

from collections import defaultdict
from collections.abc import Iterator
from datetime import date, datetime, time, timedelta
from functools import partial

from sqlalchemy import select

from bot.clock import local
from bot.content import Text
from bot.reports.mobile import inactive_list, report_reminder, unreached_list
from models.movements import arrivals, last_activities, last_reports
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import MEMBERS, Person, Post, people_below, posts_of
from models.slots import Slot
from schedules.calendar import is_working_day
from schedules.directory import Directory, day_of, moments
from schedules.due import Due, Work
from schedules.job import Job

HOUR = time(15, 0)
USEFUL = timedelta(days=5)
REPORTS = ((11, 1), (11, 15))
"""Month and day from which on the first working day reminds of the yearly report."""
QUARTERS = (1, 4, 7, 10)
UNREACHED_FROM = 10
"""Day of a quarter's first month from which on the first working day lists whom the bot cannot reach."""
WEDNESDAY = 2
INACTIVE_MONTHS = 6
STRETCH = "inactive"
"""The job of the slots that keep what a secretary was told: one a person and stretch."""

SECRETARIES = (Post.SECRETARY, Post.DEPUTY, Post.ORGANISATION)


def dues(directory: Directory, start: datetime, end: datetime) -> Iterator[Due]:
    """Those of each organisation that has 流动党员; whether there is anything to say is looked at when it is done."""
    due = [
        (moment, what, run)
        for what, fits, run in (
            ("report", _is_report_day, _remind_of_report),
            ("unreached", _is_unreached_day, _list_unreached),
            ("inactive", _is_inactive_day, _warn_of_inactive),
        )
        for moment in moments(start, end, HOUR, fits)
    ]
    for organisation in _concerned(directory) if due else ():
        for moment, what, run in due:
            period, times = f"{day_of(moment).isoformat()} {what}", (moment, moment + USEFUL)
            yield from directory.post(JOB.name, organisation, period, times, partial(run, organisation.id))


def _concerned(directory: Directory) -> list[Organisation]:
    """The branches of the 流动党员, and where there is none above them their own organisations."""
    query = select(Person.organisation_id).where(Person.mobile, Person.left_on.is_(None)).distinct()
    tree = directory.tree
    found = {_branch_of(tree, tree.by_id[organisation_id]).id for organisation_id in directory.session.scalars(query)}
    return [organisation for organisation in tree.by_id.values() if organisation.id in found]


def _branch_of(tree: Tree, organisation: Organisation) -> Organisation:
    around = (organisation, *tree.above(organisation))
    return next((org for org in around if org.kind is OrganisationKind.BRANCH), organisation)


def _is_first_working_day(day: date, since: date) -> bool:
    """Whether the day is the first working day from ``since`` on."""
    return (
        day >= since
        and is_working_day(day)
        and not any(is_working_day(since + timedelta(days=passed)) for passed in range((day - since).days))
    )


def _is_report_day(day: date) -> bool:
    return any(_is_first_working_day(day, date(day.year, *since)) for since in REPORTS)


def _is_unreached_day(day: date) -> bool:
    return day.month in QUARTERS and _is_first_working_day(day, day.replace(day=UNREACHED_FROM))


def _is_inactive_day(day: date) -> bool:
    return day.weekday() == WEDNESDAY and is_working_day(day)


def _mobile_of(organisation_id: int, work: Work) -> list[Person]:
    """The 流动党员 for whom the organisation is the one to look after."""
    tree = Tree(work.session)
    organisation = tree.by_id[organisation_id]
    return [
        person
        for person in people_below(work.session, organisation)
        if person.mobile
        and person.status in MEMBERS
        and _branch_of(tree, tree.by_id[person.organisation_id]) is organisation
    ]


def _remind_of_report(organisation_id: int, work: Work) -> None:
    people = [person for person in _mobile_of(organisation_id, work) if person.home_organisation]
    ids = [person.id for person in people]
    year, reported, came = local(work.now).year, last_reports(work.session, ids), arrivals(work.session, ids)
    open_ = [person for person in people if person.id not in reported or reported[person.id].year < year]
    addresses = work.posting.reach_all(open_)
    for person in open_:
        if person.id in addresses:
            card = report_reminder(person, came.get(person.id))
            work.posting.post(addresses[person.id], card, useful_until=work.due.useful_until)


def _list_unreached(organisation_id: int, work: Work) -> None:
    people = _mobile_of(organisation_id, work)
    addresses = work.posting.reach_all(people)
    if unreached := [person for person in people if person.id not in addresses]:
        _tell_secretary(organisation_id, work, unreached_list(unreached))


def _warn_of_inactive(organisation_id: int, work: Work) -> None:
    """Keeps of whom somebody was told, and of nobody else."""
    stretches = _inactive(_mobile_of(organisation_id, work), work)
    known = _told_before(list(stretches), work)
    fresh = [(person, day) for person, day in stretches.items() if (_target(person), day.isoformat()) not in known]
    for listener, people in _by_listener(organisation_id, work, fresh).items():
        work.tell(listener, inactive_list(people, listener))
        now = work.now
        work.session.add_all(
            Slot(job=STRETCH, target=_target(person), period=day.isoformat(), due_at=now, settled_at=now, missed=False)
            for person, day in people
        )


def _by_listener(
    organisation_id: int, work: Work, inactive: list[tuple[Person, date]]
) -> dict[Person, list[tuple[Person, date]]]:
    """Who is to hear of whom: nobody hears of himself. Who can hear of nobody is missing."""
    tree = Tree(work.session)
    organisation = tree.by_id[organisation_id]
    own = _reached(work, posts_of(work.session, organisation, *SECRETARIES)) if inactive else []
    found: defaultdict[Person, list[tuple[Person, date]]] = defaultdict(list)
    for person, day in inactive:
        leaders = list(own)
        if person.post in SECRETARIES:
            for above in tree.above(organisation):
                leaders += _reached(work, posts_of(work.session, above, *SECRETARIES, Post.ORGANISER))
        listener = next((leader for leader in leaders if leader is not person), None)
        if listener is not None:
            found[listener].append((person, day))
    return found


def _reached(work: Work, people: list[Person]) -> list[Person]:
    addresses = work.posting.reach_all(people)
    return [person for person in people if person.id in addresses]


def _inactive(people: list[Person], work: Work) -> dict[Person, date]:
    """The day of the last activity, or since when the person has been here, where that is six months ago."""
    ids = [person.id for person in people]
    active, came, today = last_activities(work.session, ids), arrivals(work.session, ids), local(work.now).date()
    found: dict[Person, date] = {}
    for person in people:
        days = [local(person.created_at).date()]
        days += [local(active[person.id]).date()] if person.id in active else []
        days += [local(came[person.id].recorded_at).date()] if person.id in came else []
        if _months_after(max(days), INACTIVE_MONTHS) <= today:
            found[person] = max(days)
    return found


def _months_after(day: date, months: int) -> date:
    """The same day so many months later, or the first after a month that has none: 31 August + 6 is 1 March."""
    years, month = divmod(day.month - 1 + months, 12)
    try:
        return date(day.year + years, month + 1, day.day)
    except ValueError:
        return date(day.year + years, month + 2, 1)


def _target(person: Person) -> str:
    return f"person:{person.id}"


def _told_before(people: list[Person], work: Work) -> set[tuple[str, str]]:
    targets = [_target(person) for person in people]
    query = select(Slot.target, Slot.period).where(Slot.job == STRETCH, Slot.target.in_(targets))
    return {(target, period) for target, period in work.session.execute(query)}


def _tell_secretary(organisation_id: int, work: Work, text: Text) -> bool:
    """The 书记, else a 副书记 or the 组织委员: the first who can be reached."""
    organisation = work.session.get_one(Organisation, organisation_id)
    return any(work.tell(person, text) for person in posts_of(work.session, organisation, *SECRETARIES))


JOB = Job("mobile_reminders", dues)
