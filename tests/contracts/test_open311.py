"""Open311 over a real port: every answer against the published field tables, every error against the standard's."""

import itertools
import math
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager, closing, contextmanager
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import httpx
import pytest
from fastapi import FastAPI
from sqlalchemy import func, select

import bot.web.open311 as open311_module
from bot.app import build_app, load_understanding
from bot.handling import Batch
from bot.intake import GroupCommitIntake
from bot.messages import OPEN311, IncomingMessage, Intake, load_message
from bot.router import Handled, Router
from bot.settings import Settings
from bot.web.open311 import open311_router
from bot.web.open311.base import Open311
from bot.web.open311.masking import NUMBER
from bot.web.open311.posting import NOT_DONE
from models.cases import Action, Actor, Case, CaseKind, CaseState, CaseStep, Part, change, collect
from models.database import Database
from models.inbox import Claim, Outcome
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Post
from schedules.deadlines import promised
from tests.conftest import START, StandingClock
from tests.contracts.passive_app import copied
from tests.fakes.intake import StubIntake
from tests.fakes.serving import ServerThread
from tests.unit.city import ROADS, City, posts
from tests.unit.talk import Talk

KEY, OTHER_KEY = "k" * 24, "键" * 24
SECRET_TEXT = "站长克扣我工资三千块"
PHONE = "13812345678"

Kinds = tuple[type, ...]
# The tables "Response" of https://wiki.open311.org/GeoReport_v2 (source: github.com/open311/open311.github.io,
# GeoReport_v2/index.md), every field in its order. The types are those of the published schemas
# (github.com/open311/schema-validation, schema/georeport-v2); NoneType: "may not be returned", or optional there.
NOTHING = type(None)
SERVICE: dict[str, Kinds] = {
    "service_code": (str,),
    "service_name": (str,),
    "description": (str, NOTHING),
    "metadata": (bool,),
    "type": (str,),
    "keywords": (str, NOTHING),
    "group": (str, NOTHING),
}
SERVICE_DEFINITION: dict[str, Kinds] = {"service_code": (str,), "attributes": (list,)}
REQUEST: dict[str, Kinds] = {
    "service_request_id": (str,),
    "status": (str,),
    "status_notes": (str, NOTHING),
    "service_name": (str, NOTHING),
    "service_code": (str,),
    "description": (str, NOTHING),
    "agency_responsible": (str, NOTHING),
    "service_notice": (str, NOTHING),
    "requested_datetime": (str,),
    "updated_datetime": (str, NOTHING),
    "expected_datetime": (str, NOTHING),
    "address": (str, NOTHING),
    "address_id": (str, NOTHING),
    "zipcode": (str, NOTHING),
    "lat": (float, NOTHING),
    "long": (float, NOTHING),
    "media_url": (str, NOTHING),
}
POSTED: dict[str, Kinds] = {
    "service_request_id": (str,),
    "service_notice": (str, NOTHING),
    "account_id": (str, NOTHING),
}
"""And no ``token``: "This should not be returned if service_request_id is returned"."""
ERROR: dict[str, Kinds] = {"code": (int,), "description": (str,)}
MOMENTS = ("requested_datetime", "updated_datetime", "expected_datetime")
JSON, XML = "application/json; charset=utf-8", "text/xml; charset=utf-8"


def checked(row: Any, table: dict[str, Kinds]) -> dict[str, Any]:
    """The row, which has exactly the fields of the table, each of its type."""
    assert list(row) == list(table)
    assert {name: value for name, value in row.items() if not isinstance(value, table[name])} == {}
    for name in MOMENTS:
        if row.get(name) is not None:
            assert datetime.fromisoformat(row[name]).utcoffset() == timedelta(hours=8)
    assert row.get("status") in (None, "open", "closed")
    assert len(row.get("description") or "") <= 4000
    return dict(row)


@dataclass
class Served:
    """The interface on a port, with a city behind it."""

    client: httpx.Client
    database: Database
    clock: StandingClock

    def get(self, path: str, **arguments: Any) -> list[dict[str, Any]]:
        """The requests that are answered."""
        answer = self.client.get(path, params=arguments)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
        return [checked(row, REQUEST) for row in answer.json()]

    def numbers(self, **arguments: Any) -> list[int]:
        return [int(row["service_request_id"]) for row in self.get("/requests.json", **arguments)]

    def one(self, number: int) -> dict[str, Any]:
        (row,) = self.get(f"/requests/{number}.json")
        assert self.get("/requests.json", service_request_id=number) == [row]
        return row

    def post(self, **fields: Any) -> httpx.Response:
        form: dict[str, Any] = {
            "api_key": KEY,
            "service_code": "facility",
            "address_string": "幸福里东门",
            "description": "井盖没了",
        }
        form |= fields
        told = {name: value for name, value in form.items() if value is not None}
        return self.client.post("/requests.json", data=told)

    def report(self, **fields: Any) -> int:
        answer = self.post(**fields)
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
        (row,) = answer.json()
        return int(checked(row, POSTED)["service_request_id"])

    def case(self, number: int) -> Case:
        with self.database.read() as session:
            return session.scalars(select(Case).where(Case.number == number)).one()


def refused(answer: httpx.Response, status: int, code: int = 0) -> list[str]:
    """The descriptions of the errors of an answer."""
    assert (answer.status_code, answer.headers["Content-Type"]) == (status, JSON)
    errors = [checked(error, ERROR) for error in answer.json()]
    assert errors
    assert {error["code"] for error in errors} == {code or status}
    return [error["description"] for error in errors]


def found_city(database: Database) -> None:
    """A committee with a branch and its unit, and another branch beside it."""
    with database.write.begin() as session:
        city = City(session)
        committee = city.organisation("快递行业党委", OrganisationKind.COMMITTEE)
        branch = city.organisation("幸福里党支部", parent=committee)
        unit = city.organisation("幸福里物业", OrganisationKind.UNIT, parent=committee)
        elsewhere = city.organisation("别处党支部")
        city.person(branch, "王书记", Post.SECRETARY)
        city.person(unit, "老陈", Post.CONTACT)
        city.person(elsewhere, "小赵", Post.SECRETARY)


@contextmanager
def serving(
    database: Database,
    clock: StandingClock,
    intake: Intake | None = None,
    router: Router | None = None,
    seconds: Callable[[], float] | None = None,
) -> Iterator[Served]:
    """The interface on a port; an hour passes from one request to the next, so that none is too many."""
    seconds = seconds or itertools.count(0.0, 3600.0).__next__
    own = GroupCommitIntake(database, router or Router(load_understanding()), clock, ROADS)
    systems = Settings.model_validate(
        {
            "open311": [
                {"name": "city", "key": KEY, "organisation": "快递行业党委"},
                {"name": "lost", "key": OTHER_KEY, "organisation": "没有的党委"},
            ]
        }
    ).open311

    @asynccontextmanager
    async def lifespan(_: FastAPI) -> AsyncIterator[None]:
        own.start(lambda: None)
        yield
        await own.close()

    app = FastAPI(lifespan=lifespan)
    app.include_router(open311_router(Open311(systems, database, clock, intake or own, seconds)))
    with ServerThread(app, lifespan="on") as server, httpx.Client(base_url=f"{server.url}/open311/v2") as client:
        yield Served(client, database, clock)


@pytest.fixture
def served(database: Database, clock: StandingClock) -> Iterator[Served]:
    """On both databases."""
    found_city(database)
    with serving(database, clock) as open311:
        yield open311


@pytest.fixture
def plain(sqlite_template: Path, tmp_path: Path, clock: StandingClock) -> Iterator[Served]:
    """For what no database makes different."""
    with closing(copied(sqlite_template, tmp_path)) as database:
        found_city(database)
        with serving(database, clock) as open311:
            yield open311


class Hand:
    """Registers cases and does things to them, as handlers would."""

    def __init__(self, served: Served) -> None:
        self.served = served

    def collect(self, at: datetime = START, branch: str = "幸福里党支部", **changes: Any) -> int:
        with self.served.database.write.begin() as session:
            organisation = session.scalars(select(Organisation).where(Organisation.name == branch)).one()
            values: dict[str, Any] = {
                "kind": CaseKind.HAZARD,
                "category": "道路交通",
                "place": "东门",
                "text": "路面塌了",
                "photos": ["a.jpg"],
                "organisation": organisation,
                "reporter_platform": "feishu",
                "reporter_bot": "main",
                "reporter_ref": "ou_secret_reporter",
                "message_id": 1,
            }
            case = collect(session, Case(**(values | changes)), Actor(None, frozenset(), at, 1))
            return case.number

    def do(self, number: int, action: Action, at: datetime, reason: str = "", **changes: Any) -> None:
        with self.served.database.write.begin() as session:
            case = session.scalars(select(Case).where(Case.number == number)).one()
            unit = session.scalars(select(Organisation).where(Organisation.name == "幸福里物业")).one()
            into = changes.pop("into", None)
            change(session, case, action, Actor(None, frozenset(Part), at, 2), reason, unit=unit, **changes)
            if into:
                case.merged_into = session.scalars(select(Case.id).where(Case.number == into)).one()


@pytest.fixture
def hand(served: Served) -> Hand:
    return Hand(served)


def test_services(plain: Served) -> None:
    answer = plain.client.get("/services.json", params={"jurisdiction_id": "city.gov"})
    assert (answer.status_code, answer.headers["Content-Type"]) == (200, JSON)
    services = [checked(row, SERVICE) for row in answer.json()]
    assert len(services) == 11
    assert {(row["metadata"], row["type"]) for row in services} == {(False, "realtime")}
    for row in services:
        definition = plain.client.get(f"/services/{row['service_code']}.json")
        assert checked(definition.json(), SERVICE_DEFINITION) == {"service_code": row["service_code"], "attributes": []}


def test_services_that_are_none(plain: Served) -> None:
    assert "roads" in refused(plain.client.get("/services/roads.json"), 404)[0]
    refused(plain.client.get("/services/.json"), 400)


def test_a_request_through_its_life(served: Served, hand: Hand) -> None:
    number = hand.collect(latitude=36.0611, longitude=103.8343)
    hour = timedelta(hours=1)
    expected = {
        "service_request_id": str(number),
        "status": "open",
        "status_notes": "已收集",
        "service_name": "道路交通",
        "service_code": "road",
        "description": "路面塌了",
        "agency_responsible": "幸福里党支部",
        "service_notice": None,
        "requested_datetime": "2026-11-23T15:00:00+08:00",
        "updated_datetime": "2026-11-23T15:00:00+08:00",
        "address": "东门",
        "address_id": None,
        "zipcode": None,
        "media_url": None,
    }
    row = served.one(number)
    assert row | expected == row
    assert 50 < metres(row, 36.0611, 103.8343) < 1000  # by the world's map it lies elsewhere than by China's
    with served.database.read() as session:
        promise = promised(session, session.scalars(select(Case)).one())
    assert promise is not None
    assert datetime.fromisoformat(row["expected_datetime"]) == promise.replace(microsecond=0)

    hand.do(number, Action.ASSIGN, START + hour)
    row = served.one(number)
    assert (row["status_notes"], row["agency_responsible"]) == ("已派单", "幸福里物业")
    assert row["updated_datetime"] == "2026-11-23T16:00:00+08:00"
    hand.do(number, Action.SUSPEND, START + 2 * hour, "等配件", until=date(2026, 12, 10))
    row = served.one(number)
    assert (row["status"], row["status_notes"]) == ("open", "挂账，12月10日再看：等配件")
    hand.do(number, Action.RESOLVE, START + 3 * hour, f"补好了，有事打{PHONE}")
    resolved = served.one(number)
    assert (resolved["status"], resolved["status_notes"]) == ("closed", f"已办结：补好了，有事打{NUMBER}")
    assert (resolved["updated_datetime"], resolved["expected_datetime"]) == ("2026-11-23T18:00:00+08:00", None)
    hand.do(number, Action.RATE, START + 9 * hour)
    assert served.one(number) == resolved
    hand.do(number, Action.REOPEN, START + 10 * hour, "还是塌的")
    row = served.one(number)
    assert (row["status"], row["status_notes"]) == ("open", "办理中")


def metres(row: dict[str, Any], latitude: float, longitude: float) -> float:
    north, east = row["lat"] - latitude, (row["long"] - longitude) * math.cos(math.radians(latitude))
    return math.hypot(north, east) * 111_320


def test_other_ends(served: Served, hand: Hand) -> None:
    first, declined, merged, withdrawn = (hand.collect() for _ in range(4))
    hour = timedelta(hours=1)
    hand.do(declined, Action.DECLINE, START + hour, "不属实")
    hand.do(merged, Action.MERGE, START + hour, "", into=first)
    hand.do(withdrawn, Action.WITHDRAW, START + hour, "发错了")
    rows = {number: served.one(number) for number in (declined, merged, withdrawn)}
    assert {row["status"] for row in rows.values()} == {"closed"}
    assert rows[declined]["status_notes"] == "不予受理：不属实"
    assert rows[merged]["status_notes"] == f"已并案：和 {first} 是一件事，一起办"
    assert rows[withdrawn]["status_notes"] == "已撤回"
    assert (rows[withdrawn]["description"], rows[withdrawn]["address"]) == (None, None)
    assert {row["updated_datetime"] for row in rows.values()} == {"2026-11-23T16:00:00+08:00"}
    assert served.numbers(status="open") == [first]
    assert served.numbers(status="closed") == [withdrawn, merged, declined]
    assert served.numbers(status="closed,open") == [withdrawn, merged, declined, first]


def test_what_is_not_for_everybody(served: Served, hand: Hand) -> None:
    seen = hand.collect(text=f"井盖没了，找小李{PHONE}", place=f"东门（{PHONE}）", latitude=None, longitude=None)
    appeal = hand.collect(kind=CaseKind.APPEAL, category="劳动报酬", text=SECRET_TEXT)
    elsewhere = hand.collect(branch="别处党支部")
    assert served.numbers() == served.numbers(service_request_id=f"{appeal},{seen},{elsewhere}") == [seen]
    words = [
        refused(served.client.get(f"/requests/{number}.json"), 404)[0].replace(str(number), "N")
        for number in (appeal, elsewhere, 424242)
    ]
    assert len(set(words)) == 1
    row = served.one(seen)
    assert row["description"] == f"井盖没了，找小李{NUMBER}"
    assert row["address"] == f"东门（{NUMBER}）"
    assert (row["lat"], row["long"]) == (None, None)
    for form in ("json", "xml"):
        whole = served.client.get(f"/requests.{form}").text
        assert not [word for word in ("ou_secret", "a.jpg", PHONE, SECRET_TEXT, "劳动报酬") if word in whole]


def test_asking_for_some(served: Served, hand: Hand) -> None:
    day = timedelta(days=1)
    old = hand.collect(START - 91 * day)
    first = hand.collect(START - 90 * day, category="消防安全")
    second = hand.collect(START - 1 * day)
    third = hand.collect(START)
    assert served.numbers() == served.numbers(status="", start_date="", jurisdiction_id="") == [third, second, first]
    assert served.numbers(service_code="fire") == [first]
    assert served.numbers(service_code="fire,road,other") == [third, second, first]
    assert served.numbers(start_date="2026-11-22T15:00:00+08:00") == [third, second]
    assert served.numbers(start_date="2026-11-22T07:00:01Z") == [third]
    assert served.numbers(end_date="2026-11-22T07:00:00Z") == [second, first, old]
    assert served.numbers(end_date="2026-08-25T07:00:00Z") == [first, old]
    assert served.numbers(start_date="2027-01-01T00:00:00Z") == []
    assert served.numbers(service_request_id=f"{old},{third},x,99999999999", status="closed", page=7) == [third, old]
    others = {"status": "nope", "service_code": "nope", "start_date": "yesterday", "page": "x"}
    assert served.numbers(service_request_id=old, **others) == [old], "it overrides all other arguments"
    pages = [served.numbers(page=page, page_size=2) for page in (1, 2, 3)]
    assert pages == [[third, second], [first], []]


@pytest.mark.parametrize(
    "arguments",
    [
        {"start_date": "yesterday"},
        {"start_date": "2026-11-01"},
        {"end_date": "2026-11-01T00:00:00"},
        {"end_date": "2026-02-30T00:00:00Z"},
        {"start_date": "9999-12-31T23:59:59Z"},
        {"end_date": "0001-01-01T00:00:00Z"},
        {"start_date": "2026-11-02T00:00:00Z", "end_date": "2026-11-01T00:00:00Z"},
        {"start_date": "2026-08-01T00:00:00Z", "end_date": "2026-11-01T00:00:00Z"},
        {"status": "done"},
        {"page": "0"},
        {"page_size": "1001"},
        {"page_size": "many"},
        {"service_request_id": ",".join(map(str, range(51)))},
    ],
    ids=str,
)
def test_bad_questions(shared: Served, arguments: dict[str, str]) -> None:
    refused(shared.client.get("/requests.json", params=arguments), 400)


@pytest.fixture(scope="module")
def shared(sqlite_template: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    """For questions that change nothing."""
    folder = tmp_path_factory.mktemp("open311")
    with closing(copied(sqlite_template, folder)) as database, serving(database, StandingClock()) as open311:
        yield open311


def test_what_does_not_exist(shared: Served) -> None:
    refused(shared.client.get("/requests.json?service_code=road,roads"), 404)
    refused(shared.client.get("/requests/.json"), 400)
    for number in ("1", "x", "-1", "9" * 40, "１", "%00"):
        refused(shared.client.get(f"/requests/{number}.json"), 404)
    for path in ("", "/", "/services", "/services.csv", "/requests/1", "/other.json", "/services/road/x.json"):
        refused(shared.client.get(path), 404)
    for method in ("PUT", "DELETE", "PATCH"):
        refused(shared.client.request(method, "/requests.json"), 404)
    assert "token" in refused(shared.client.get("/tokens/1.json"), 404)[0]


def test_a_report(served: Served) -> None:
    number = served.report(
        lat="36.061100", long="103.834300", description=f"井盖没了\n当心，{PHONE}", first_name="三", email="a@b"
    )
    case = served.case(number)
    assert (case.kind, case.state, case.category) == (CaseKind.HAZARD, CaseState.COLLECTED, "公共设施")
    assert (case.text, case.place) == (f"井盖没了\n当心，{PHONE}", "幸福里东门")
    assert (case.reporter_platform, case.reporter_bot, case.reporter_ref) == (OPEN311, "city", "")
    assert case.reporter_id is None
    row = served.one(number)
    assert metres(row, 36.0611, 103.8343) < 0.5  # what came in by WGS-84 goes out by it,
    assert case.longitude is not None
    assert abs(case.longitude - 103.8343) > 0.001  # and is kept as the maps of China count
    assert (row["description"], row["agency_responsible"]) == (f"井盖没了\n当心，{NUMBER}", "快递行业党委")
    with served.database.read() as session:
        claim = session.scalars(select(Claim)).one()
        kept = load_message(claim.message)
    assert (claim.id, claim.outcome, claim.intent) == (case.message_id, Outcome.DONE, "reported")
    assert (kept.sender, kept.platform, "a@b" in claim.message.decode()) == ("", OPEN311, False)


def test_who_hears_of_a_report(served: Served) -> None:
    with served.database.write.begin() as session:
        city = City(session)
        committee = session.scalars(select(Organisation).where(Organisation.name == "快递行业党委")).one()
        city.person(committee, "小张", Post.SECRETARY)
    number = served.report(description="燃气泄漏，味道很大", service_code="power_gas")
    assert served.case(number).urgent
    ((whom, said),) = posts(served.database)
    assert whom == "ou_小张"
    assert "燃气泄漏" in said
    assert "谁报的：城市平台（city）" in said
    talk = Talk(served.database, served.clock)
    talk.answers()
    told = talk.say("小张", "accept_case", case=number) + talk.say("小张", "resolve_case", case=number, text="修好了")
    assert {whom for whom, _ in told} == {"小张"}
    assert served.one(number)["status_notes"] == "已办结：修好了"
    with served.database.read() as session:
        assert session.scalar(select(func.count()).where(OutboxPost.platform == OPEN311)) == 0


def test_a_report_that_is_sent_again(served: Served) -> None:
    first = served.report()
    assert served.report() == served.report(jurisdiction_id=None) == first
    assert served.report(description="井盖又没了") == first + 1
    assert served.report(account_id="17") == first + 2
    served.clock.move_to(START + timedelta(days=1))
    assert served.report() == first + 3


def test_what_a_report_needs_not_have(plain: Served) -> None:
    number = plain.report(description=None, address_string=None, lat="36.0611", long="103.8343", attribute="x")
    case = plain.case(number)
    assert (case.text, case.urgent) == ("公共设施", False)
    assert "36.0" in case.place
    assert "103.8" in case.place
    answer = plain.post(media_url="https://example.org/a.jpg")
    assert "media_url" in answer.json()[0]["service_notice"]
    assert plain.case(number + 1).photos == []
    assert "media_url" not in plain.post(description="路灯坏了").json()[0]["service_notice"]
    assert plain.case(plain.report(description="字" * 4000, address_string="段" * 200)).place == "段" * 200


@pytest.mark.parametrize(
    ("fields", "status", "count"),
    [
        ({"service_code": None}, 400, 1),
        ({"service_code": ""}, 400, 1),
        ({"service_code": "roads"}, 404, 1),
        ({"address_string": None}, 400, 1),
        ({"address_string": None, "address_id": "7"}, 400, 1),
        ({"lat": "36"}, 400, 1),
        ({"lat": "x", "long": "y"}, 400, 1),
        ({"lat": "91", "long": "0"}, 400, 1),
        ({"description": "字" * 4001}, 400, 1),
        ({"address_string": "段" * 201, "description": "字" * 4001, "long": "1"}, 400, 3),
        ({"description": "字" * 40000}, 400, 1),
        ({"api_key": None}, 403, 1),
        ({"api_key": KEY[:-1]}, 403, 1),
        ({"api_key": "键"}, 403, 1),
        ({"api_key": KEY + "k", "service_code": "roads"}, 403, 1),
    ],
    ids=lambda value: str(value)[:60],
)
def test_bad_reports(shared: Served, fields: dict[str, str | None], status: int, count: int) -> None:
    before = counted(shared.database)
    answer = shared.post(**fields)
    code = 413 if len(fields.get("description") or "") > 10_000 else 0
    assert len(refused(answer, status, code)) == count
    assert KEY not in answer.text
    assert counted(shared.database) == before


def counted(database: Database) -> list[int]:
    """What was kept."""
    with database.read() as session:
        tables = (Case, CaseStep, Claim)
        return [session.scalars(select(func.count()).select_from(table)).one() for table in tables]


@pytest.mark.parametrize(
    ("body", "kind"),
    [
        (b'{"api_key": "k"}', "application/json"),
        (b"api_key=%FF%FE", "application/x-www-form-urlencoded"),
        (b"\xff\xfe", "application/x-www-form-urlencoded; charset=utf-8"),
        (b"&".join(b"a%d=1" % n for n in range(200)), "application/x-www-form-urlencoded"),
        (b"", ""),
    ],
)
def test_bodies_that_are_no_form(shared: Served, body: bytes, kind: str) -> None:
    refused(shared.client.post("/requests.json", content=body, headers={"Content-Type": kind}), 400)


def test_a_key_whose_organisation_is_not_in_the_roster(plain: Served) -> None:
    assert "名册" in refused(plain.post(api_key=OTHER_KEY), 400, 503)[0]
    assert counted(plain.database) == [0, 0, 0]


def test_when_nothing_can_be_kept(sqlite_template: Path, tmp_path: Path, clock: StandingClock) -> None:
    with closing(copied(sqlite_template, tmp_path)) as database:
        found_city(database)
        with serving(database, clock, intake=StubIntake(unavailable=1)) as open311:
            refused(open311.post(), 400, 503)
        with serving(database, clock, router=Failing(load_understanding())) as open311:
            assert refused(open311.post(), 400, 500) == [NOT_DONE]
            assert refused(open311.post(), 400, 500) == [NOT_DONE]
        with database.read() as session:
            assert [claim.outcome for claim in session.scalars(select(Claim))] == [Outcome.DEAD]
            assert session.scalars(select(OutboxPost)).all() == []


class Failing(Router):
    """Cannot do anything."""

    def handle(self, batch: Batch, message: IncomingMessage, message_id: int) -> Handled | None:
        raise ZeroDivisionError


def test_too_much_is_refused(sqlite_template: Path, tmp_path: Path, clock: StandingClock) -> None:
    with closing(copied(sqlite_template, tmp_path)) as database:
        found_city(database)
        moment = [0.0]
        with serving(database, clock, seconds=lambda: moment[0]) as open311:
            answers = [open311.post(description=f"第 {n} 件") for n in range(open311_module.OF_ONE_SYSTEM.limit + 1)]
            assert {answer.status_code for answer in answers[:-1]} == {200}
            refused(answers[-1], 400, 429)
            left = open311_module.OF_ONE_ADDRESS.limit - len(answers)
            assert {open311.client.get("/services.json").status_code for _ in range(left)} == {200}
            answer = open311.client.get("/services.json")
            refused(answer, 400, 429)
            assert 0 < int(answer.headers["Retry-After"]) <= 61
            moment[0] += 61.0
            assert open311.client.get("/services.json").status_code == 200


def test_xml_says_the_same(served: Served, hand: Hand) -> None:
    number = hand.collect(text="<b>井盖</b> & \x07 没了", latitude=36.0611, longitude=103.8343)
    roots = {
        "/services": ("services", "service"),
        "/requests": ("service_requests", "request"),
        f"/requests/{number}": ("service_requests", "request"),
        "/requests/424242": ("errors", "error"),
        "/requests?status=x": ("errors", "error"),
    }
    for path, (root, item) in roots.items():
        name, _, query = path.partition("?")
        json, xml = (served.client.get(f"{name}.{form}?{query}") for form in ("json", "xml"))
        assert (xml.status_code, xml.headers["Content-Type"]) == (json.status_code, XML)
        assert xml.content.startswith(b"<?xml version='1.0' encoding='utf-8'?>")
        top = ElementTree.fromstring(xml.content)
        assert (top.tag, {child.tag for child in top}) == (root, {item})
        assert [{field.tag: field.text for field in child} for child in top] == [as_texts(row) for row in json.json()]
    definition = ElementTree.fromstring(served.client.get("/services/road.xml").content)
    assert [(child.tag, child.text) for child in definition] == [("service_code", "road"), ("attributes", None)]


def as_texts(row: dict[str, Any]) -> dict[str, str | None]:
    """The values as XML has them, which has no bell."""
    texts = {name: str(value).replace("\x07", "") for name, value in row.items() if value is not None}
    return dict.fromkeys(row) | {name: {"False": "false"}.get(text, text) for name, text in texts.items()}


@pytest.mark.parametrize("configured", [True, False])
def test_it_is_there_only_where_it_is_configured(configured: bool, tmp_path: Path) -> None:
    values: dict[str, Any] = {
        "database": {"url": f"sqlite:///{tmp_path / 'jufeng.db'}"},
        "bot": {"data_dir": tmp_path},
        "open311": [{"name": "city", "key": KEY, "organisation": "演示"}] if configured else [],
    }
    app = build_app(Settings.model_validate(values))
    with ServerThread(app, lifespan="on") as server:
        answers = [httpx.get(f"{server.url}/open311/v2/{path}.json").status_code for path in ("services", "requests")]
        posted = httpx.post(f"{server.url}/open311/v2/requests.json", data={"api_key": KEY}).status_code
    assert (answers, posted) == (([200, 200], 400) if configured else ([404, 404], 404))
