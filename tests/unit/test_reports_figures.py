"""The counts behind the digests."""

from datetime import datetime, timedelta

from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.reports.figures import LessonFigures, leaders, lessons_held, lessons_planned
from models.database import Database
from models.lessons import CheckIn
from models.make_ups import MakeUp
from models.organisations import Organisation, OrganisationKind, Tree
from models.people import Person
from models.points import Account, PointEntry
from schedules.digests import branch_digest, branches_behind, organiser_digest
from tests.unit.city import City, shanghai

START, END = shanghai(11, 16), shanghai(11, 23)
MIDDLE = shanghai(11, 18, 15)


def neighbours(city: City) -> tuple[Organisation, Organisation, Organisation]:
    """A committee, a branch below it, and a branch of somebody else whose name begins alike."""
    top = city.organisation("甲_党委", OrganisationKind.COMMITTEE)
    city.organisation("甲X党委", OrganisationKind.COMMITTEE)
    return top, city.organisation("支部", parent=top), city.organisation("甲_党委二支部")


def test_lessons_count_who_was_expected_and_came(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top, branch, other = neighbours(city)
        lee, chang, guest = (city.person(branch, name) for name in ("小李", "小张", "客人"))
        city.held(branch, MIDDLE, topic="安全", came=[lee, guest], expected=[lee, chang], led_by=chang)
        city.held(branch, START, came=[lee])
        city.held(branch, MIDDLE)
        city.held(branch, END, came=[lee])
        city.held(other, MIDDLE, came=[lee])
        city.planned(branch, MIDDLE, "主题党日")
        assert lessons_held(session, top, START, END) == [
            LessonFigures("党课", "", 0, 0),
            LessonFigures("党课《安全》", "小张", 2, 1),
        ]
        assert [lesson.kind for lesson in lessons_planned(session, top, START, END)] == ["主题党日"]


def test_leaders_are_the_first_three(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top, branch, other = neighbours(city)
        earners = [city.person(branch, f"骑手{number}") for number in range(4)]
        for number, person in enumerate(earners):
            award(session, person, number + 1)
        award(session, city.person(other, "别人"), 9)
        assert leaders(session, top, START, END) == [("骑手3", 4), ("骑手2", 3), ("骑手1", 2)]
        assert leaders(session, top, END, END + timedelta(days=7)) == []


def award(session: Session, person: Person, points: int) -> None:
    """Gives points in the middle of the week, from an account that nobody of these has."""
    fund = session.scalars(select(Account).where(Account.organisation_id == person.organisation_id)).one_or_none()
    fund = fund or Account(organisation_id=person.organisation_id)
    account = Account(person_id=person.id)
    session.add_all([fund, account])
    session.flush()
    entry = PointEntry(
        from_account_id=fund.id,
        to_account_id=account.id,
        points=points,
        rule="上课",
        cause="lesson:1",
        at=MIDDLE,
        note="",
        message_id=1,
    )
    session.add(entry)
    session.flush()


def test_branches_are_behind_once_half_of_the_period_is_over(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top, idle, _ = neighbours(city)
        busy = city.organisation("勤快支部", parent=top)
        for branch in (idle, busy):
            branch.created_at = shanghai(7, 1, 9)
        rider = city.person(busy, "小李")
        for kind in ("主题党日", "党员大会", "党课"):
            city.held(busy, shanghai(7, 2, 15), kind, came=[rider])
        tree = Tree(session)
        assert branches_behind(session, tree, [idle, busy], shanghai(7, 12)) == []
        late = branches_behind(session, tree, [idle, busy], shanghai(7, 19))
        assert [(behind.branch, [line.kind for line in behind.duties]) for behind in late] == [("支部", ["主题党日"])]
        late = branches_behind(session, tree, [busy, idle], shanghai(8, 30))
        assert [behind.branch for behind in late] == ["支部", "勤快支部"]
        text = organiser_digest(session, tree, top, shanghai(8, 31, 9, 30))
        assert text is not None
        assert "· 支部：党员大会、党课、主题党日；逾期 主题党…\n· 勤快支部：主题党日" in text.text


def test_a_branch_is_behind_for_a_month_after_a_period_without_its_duty(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        top, branch, _ = neighbours(city)
        rider = city.person(branch, "小李")
        for month in (1, 2, 3, 5, 6, 7, 8):
            city.held(branch, shanghai(month, 2, 15), "主题党日", came=[rider])
        for month in (1, 7):
            for kind in ("党员大会", "党课"):
                city.held(branch, shanghai(month, 2, 15), kind, came=[rider])
        tree = Tree(session)

        def missed(month: int, day: int) -> list[str]:
            late = branches_behind(session, tree, [branch], shanghai(month, day))
            return [f"{line.kind}{line.within}" for behind in late for line in behind.overdue]

        assert missed(4, 30) == []
        assert missed(5, 1) == ["主题党日4月"]
        assert missed(5, 31) == ["主题党日4月"]
        assert missed(6, 30) == []
        assert missed(7, 1) == ["党员大会第二季度", "党课第二季度"]
        assert missed(8, 1) == []
        assert "逾期：党员大会（第二季度）、党课（第二季度）" in branch_text(
            session, tree, branch, shanghai(7, 3, 15, 30)
        )
        text = organiser_digest(session, tree, top, shanghai(7, 6, 9, 30))
        assert text is not None
        assert "落下的支部 1 个：\n· 支部：逾期 党员大会（第二季度）、党课（第二…" in text.text


def branch_text(session: Session, tree: Tree, branch: Organisation, now: datetime) -> str:
    return branch_digest(session, tree, branch, now, now).text


def test_who_came_late_or_made_up_is_shown_in_the_digest(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        _, branch, _ = neighbours(city)
        people = [city.person(branch, name) for name in ("小李", "小张", "小赵")]
        lesson = city.held(branch, MIDDLE, came=people[:2], expected=people)
        session.scalars(select(CheckIn).where(CheckIn.person_id == people[1].id)).one().late = True
        made_up = MakeUp(lesson_id=lesson.id, person_id=people[2].id, begun_at=MIDDLE, done_at=END, message_id=1)
        session.add(made_up)
        session.flush()
        (figures,) = lessons_held(session, branch, START, END)
        assert (figures.expected, figures.present, figures.late, figures.made_up) == (3, 2, 1, 1)
        text = branch_text(session, Tree(session), branch, END)
        assert "上课 1 次，到课 2/3（67%），迟到 1，补课 1" in text
