"""The sandbox page: its files, whom one can play, what to try, and 快进."""

from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import func, select

from bot.web.demo import GROUPS, PLAYED, seed_demo
from bot.web.state import jumps
from bot.web.story import STORY
from models.cases import Case, CaseKind, CaseState
from models.chats import Chat
from models.database import Database
from models.organisations import Organisation, OrganisationKind
from models.people import COMMITTEE, Identity, Person, Post, Status
from tests.conftest import START, StandingClock
from tests.contracts.sandbox_app import Sandbox, sandbox


@pytest.fixture
def page(database: Database, clock: StandingClock, tmp_path: Path) -> Iterator[Sandbox]:
    seed_demo(database, clock())
    with sandbox(database, clock, tmp_path / "photos") as served:
        yield served


def state(page: Sandbox) -> dict[str, Any]:
    answer: dict[str, Any] = page.client.get("/sandbox/state").json()
    return answer


def report_hazard(database: Database, number: int, at: CaseState = CaseState.COLLECTED) -> None:
    with database.write.begin() as session:
        branch = session.scalars(select(Organisation).where(Organisation.kind == OrganisationKind.BRANCH)).one()
        session.add(
            Case(
                number=number,
                kind=CaseKind.HAZARD,
                state=at,
                category="环境卫生",
                place="170号院",
                text="建筑垃圾",
                photos=[],
                organisation_id=branch.id,
                reporter_platform="sandbox",
                reporter_bot="main",
                reporter_ref="u4",
                created_at=START,
                message_id=1,
            )
        )


# The demonstration branch


def test_the_branch_has_twelve_people(database: Database) -> None:
    assert seed_demo(database, START)
    with database.read() as session:
        branch = session.scalars(select(Organisation).where(Organisation.kind == OrganisationKind.BRANCH)).one()
        people = list(session.scalars(select(Person).where(Person.organisation_id == branch.id)))
        assert len(people) == 12
        assert {person.name for person in people} > {"王书记", "小李", "小张", "小赵"}
        assert sum(person.status is Status.FULL for person in people) >= 7, "large enough for a 支委会"
        assert {person.post for person in people if person.post in COMMITTEE} == {Post.SECRETARY, Post.ORGANISATION}
        chats = {chat.ref: chat.organisation for chat in session.scalars(select(Chat))}
        assert {ref: chat.path for ref, chat in chats.items() if chat} == {ref: path for ref, _, path in GROUPS}


def test_everybody_of_it_can_speak(database: Database) -> None:
    seed_demo(database, START)
    with database.read() as session:
        bound = set(session.scalars(select(Identity.person_id).where(Identity.provider == "sandbox")))
        assert bound == set(session.scalars(select(Person.id)))


def test_it_is_made_once_and_never_beside_a_real_roster(database: Database) -> None:
    assert seed_demo(database, START)
    assert not seed_demo(database, START)
    with database.read() as session:
        assert session.scalar(select(func.count()).select_from(Person)) == 16


# The page


def test_the_page_needs_nobody_else(page: Sandbox) -> None:
    html = page.client.get("/")
    assert html.headers["Content-Type"] == "text/html; charset=utf-8"
    assert "default-src 'self'" in html.headers["Content-Security-Policy"]
    for name in ("style.css", "app.js", "api.js", "world.js", "bubbles.js", "outgoing.js", "photos.js", "bee.svg"):
        answer = page.client.get(f"/sandbox/static/{name}")
        assert answer.status_code == 200
        assert "http://" not in answer.text.replace("http://www.w3.org/2000/svg", "")
        assert "https://" not in answer.text


def test_other_files_are_not_served(page: Sandbox, subtests: pytest.Subtests) -> None:
    for name in ["none.js", "..%2Fsandbox.py", "%2e%2e%2fsandbox.py", ""]:
        with subtests.test(name=name):
            assert page.client.get(f"/sandbox/static/{name}").status_code == 404


def test_it_says_whom_one_can_play_and_where(page: Sandbox) -> None:
    known = state(page)
    people = {person["name"]: person["ref"] for person in known["people"]}
    assert [person["name"] for person in known["people"] if person["played"]] == list(PLAYED)
    chats = {chat["ref"]: set(chat["members"]) for chat in known["chats"]}
    assert len(chats["branch"]) == 12
    assert chats["property"] == {people["老陈"], people["王书记"]}
    assert chats["organisation"] == {people["周组织员"], people["刘书记"], people["王书记"]}


def test_it_tells_no_phone(page: Sandbox) -> None:
    assert "1380000" not in page.client.get("/sandbox/state").text


def test_it_tells_the_story_in_order(page: Sandbox) -> None:
    known = state(page)
    people = {person["ref"]: person["name"] for person in known["people"]}
    members = {chat["ref"]: chat["members"] for chat in known["chats"]}
    assert [step["key"] for step in known["story"]] == [step.key for step in STORY]
    assert [people[step["who"]] for step in known["story"]] == [step.who for step in STORY]
    for step in known["story"]:
        private = step["chat"] == f"private:{step['who']}"
        assert private or step["who"] in members[step["chat"]], "it can only be played by somebody who is there"


def test_the_case_to_speak_of_is_the_latest_open_hazard(page: Sandbox, database: Database) -> None:
    def assign() -> str | None:
        words: dict[str, str | None] = {step["key"]: step["text"] for step in state(page)["story"]}
        return words["assign"]

    assert assign() is None, "nothing has been reported yet"
    report_hazard(database, 1001)
    report_hazard(database, 1003, CaseState.RESOLVED)
    assert assign() == "派单 1001 物业"
    report_hazard(database, 1004)
    assert assign() == "派单 1004 物业"


# 快进


def test_the_clock_goes_forward(page: Sandbox, clock: StandingClock) -> None:
    assert state(page)["clock"] == "11月23日 周一 15:00"
    answer = page.client.post("/sandbox/clock", json={"minutes": 10})
    assert answer.json()["clock"] == "11月23日 周一 15:10"
    answer = page.client.post("/sandbox/clock", json={"to": "2026-11-27T15:30"})
    assert answer.json()["clock"] == "11月27日 周五 15:30"
    assert clock() == datetime(2026, 11, 27, 7, 30, tzinfo=UTC)
    assert datetime.fromisoformat(answer.json()["now"]) == clock()


def test_wrong_moves_are_refused(page: Sandbox, clock: StandingClock, subtests: pytest.Subtests) -> None:
    for move, why in [
        ({}, "minutes 或者 to"),
        ({"minutes": 1, "to": "2026-11-27T15:30"}, "minutes 或者 to"),
        ({"minutes": 0}, "分钟数"),
        ({"minutes": -10}, "分钟数"),
        ({"minutes": 10**9}, "分钟数"),
        ({"minutes": "soon"}, "分钟数"),
        ({"to": "Friday"}, "2026-11-27T15:30"),
        ({"to": "2026-11-23T14:59"}, "只能向前"),
        ({"to": "0001-01-01T00:00"}, "只能向前"),
        ({"to": "2028-01-01T00:00"}, "366 天"),
        ({"to": "9999-12-31T23:59:59-12:00"}, "366 天"),
    ]:
        with subtests.test(move=move):
            answer = page.client.post("/sandbox/clock", json=move)
            assert (answer.status_code, clock()) == (422, START)
            assert why in answer.json()["detail"]


@pytest.mark.parametrize(
    ("now", "labels", "to"),
    [
        ("2026-11-23T15:00", ("到周五 15:30", "到下周一 09:30"), ("2026-11-27T15:30", "2026-11-30T09:30")),
        ("2026-11-23T09:00", ("到周五 15:30", "到周一 09:30"), ("2026-11-27T15:30", "2026-11-23T09:30")),
        ("2026-11-27T15:30", ("到下周五 15:30", "到下周一 09:30"), ("2026-12-04T15:30", "2026-11-30T09:30")),
        ("2026-11-29T23:00", ("到下周五 15:30", "到下周一 09:30"), ("2026-12-04T15:30", "2026-11-30T09:30")),
        ("2026-12-31T12:00", ("到周五 15:30", "到下周一 09:30"), ("2027-01-01T15:30", "2027-01-04T09:30")),
    ],
)
def test_jumps_lead_to_the_next_digests(now: str, labels: tuple[str, ...], to: tuple[str, ...]) -> None:
    moment = datetime.fromisoformat(now).replace(tzinfo=UTC) - timedelta(hours=8)
    friday, monday = jumps(moment)[2:]
    assert (friday["label"], monday["label"]) == labels
    assert (friday["to"], monday["to"]) == to
