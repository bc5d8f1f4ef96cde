"""What every handler promises, whoever asks it wherever and however little they say: it does not fail, it answers once,
and it tells a group nothing that is confidential. A new handler is asked all of this as soon as it is registered."""

import itertools
import re
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session, contains_eager

import handlers
from bot.content import Card, Content, Refresh, load
from bot.handling import Batch, Who, registered
from bot.messages import IncomingMessage
from bot.posting import Posting, Roads
from bot.router import MAYBE_CHATTER, Handled, Router
from bot.understanding.intent import Intent, Slot
from bot.web.demo import seed_demo
from models.cases import Case, CaseKind
from models.chats import Chat
from models.database import Database
from models.lessons import Lesson
from models.outbox import Post, PostKind
from models.people import Identity, Person
from models.sealing import unlock
from tests.conftest import KEY, START, empty_database
from tests.unit.city import said

MADE_BY_ROUTER = {"reported", "said_more", "arrived", "slip"}
"""What is tested where it is told: by another system, or by words that mean something only after others."""
INTENTS = sorted(intent for intent in registered().keys() - MADE_BY_ROUTER if not intent.startswith("test_"))
"""All that people can want."""
ROLES = {
    "stranger": "nobody",
    "member": "小李",
    "secretary": "王书记",
    "organiser": "周组织员",
    "contact": "老陈",
    "admin": "admin",
}
PLACES = ("branch", "property", "untied", "private")
SECRET = "青铜鲸鱼"
"""A word of the appeal that nobody else would say."""
LONGEST = 400
PRIVATE_MATTERS = {
    *("appeal_file", "bind", "confirm_members", "export", "leave_request", "points_claim", "points_query", "roster"),
    *("inflow", "outflow", "confirm_outflow", "home_report", "mobile_members", "close_notice"),
    *("go_above", "make_anonymous", "meeting_appeals", "my_cases", "record_appeals"),
}
"""Whatever these answer is for the sender alone."""
HAPPENINGS: tuple[Literal["entered", "members"], ...] = ("entered", "members")
"""What nobody said, so that nobody needs an answer."""
STAFF = (Who.SECRETARY, Who.CASEWORKER)
MOVED = "已收到一条诉求，已私下跟进。"
PHONE = re.compile(r"1[3-9]\d{9}")
EMOJI = re.compile("[\U0001f000-\U0001faff\u2600-\u27bf\u2b00-\u2bff]")
LEAK = re.compile(r"None|nan|[{}<>]|\b[A-Z]\w+State\b")
"""What shows where a value is missing, or was not made into words."""


@dataclass(frozen=True, slots=True)
class World:
    """The demonstration branch in the middle of its work, with the numbers that people would name."""

    database: Database
    hazard: int
    appeal: int
    claim: int
    lesson: int
    posts: int
    """How far the posts go: what a test asks is undone again."""


@dataclass(frozen=True, slots=True)
class Asked:
    """One way of asking."""

    intent: str
    role: str
    place: str
    slots: Mapping[str, Slot]
    confidence: float = 1.0
    addressed: bool = True
    kind: Literal["message", "button", "joined", "entered", "members"] = "message"
    about: str = ""


class Stub:
    """Understands everything as the intent that it was told."""

    def __init__(self, intent: Intent) -> None:
        self.intent = intent

    def understand(self, text: str, *, addressed: bool, role: str, private: bool, now: datetime) -> Intent:
        return self.intent


@pytest.fixture(scope="module", params=["sqlite", "postgres"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """Everything has happened once: a lesson is open, cases are under way and done, claims are waiting."""
    unlock(KEY)
    database = Database(empty_database(request, tmp_path_factory.mktemp("handlers")))
    seed_demo(database, START - timedelta(days=1))
    with database.write.begin() as session:
        yesterday = (START + timedelta(hours=24)).isoformat()
        do(session, "小赵", "branch", "hazard_report", text="东门井盖没了", place="东门", category="公共设施")
        do(session, "王书记", "branch", "assign_case", case=1001, org="幸福里物业")
        do(session, "小李", "branch", "hazard_report", text="170号院内有建筑垃圾", place="170号院", category="环境卫生")
        do(session, "王书记", "branch", "resolve_case", case=1002, text="已清运")
        do(session, "小张", "private", "appeal_file", text=f"站点扣了我两百块，{SECRET}", category="考核处罚")
        do(session, "王书记", "private", "assign_case", case=1003, org="幸福里物业")
        do(session, "王书记", "branch", "plan_lesson", kind="党员大会", time=yesterday)
        do(session, "小郑", "private", "points_claim", hours=2, text="帮社区搬物资")
        do(session, "王书记", "branch", "open_lesson", kind="10分钟微课堂", topic="交通安全")
        do(session, "小高", "branch", "leave_request", text="今晚要跑单")
        numbers = {case.kind: case.number for case in session.scalars(select(Case).where(Case.number != 1002))}
        (lesson,) = [found.id for found in session.scalars(select(Lesson)) if found.card]
        posts = max(session.scalars(select(Post.id)))
    yield World(database, numbers[CaseKind.HAZARD], numbers[CaseKind.APPEAL], claim=1, lesson=lesson, posts=posts)
    database.close()


_keys = itertools.count(1)


def do(session: Session, who: str, where: str, intent: str, /, category: str = "", **slots: Slot) -> None:
    """Something that happened before."""
    meant = Intent(intent, 1.0, reply=True, slots=slots, category=category or None)
    answered(session, who, where, meant, text=str(slots.get("text", intent)))


def answered(
    session: Session, who: str, place: str, intent: Intent, admin: str = "admin", **fields: str | bool
) -> Handled | None:
    """Has the router handle one message in the session, and flushes what is to be said."""
    by_name = select(Identity).join(Identity.person).where(Person.name == who)
    found = session.scalars(by_name.options(contains_eager(Identity.person))).one_or_none()
    sender = found.ref if found else who
    number, private = next(_keys), place == "private"
    message = IncomingMessage(
        "sandbox",
        "main",
        f"key{number}",
        f"private:{sender}" if private else place,
        private,
        sender,
        START,
        **{"addressed": True, "ref": f"ref{number}", **fields},  # type: ignore[arg-type]  # fields of the message
    )
    chat = None if private else session.scalars(select(Chat).where(Chat.ref == place)).one_or_none()
    if chat is None and not private:
        chat = Chat(platform="sandbox", bot="main", ref=place, title="", seen_at=START)
        session.add(chat)
    posting = Posting(session, START, Roads())
    people = {("sandbox", sender): found.person} if found else {}
    chats = {("sandbox", "main", place): chat} if chat else {}
    batch = Batch(session, START, posting, people, chats, frozenset({f"sandbox:{admin}"}))
    handled = Router(Stub(intent)).handle(batch, message, number)
    posting.write()
    return handled


def slots_about(world: World, case: int) -> dict[str, Slot]:
    """Something for every slot of the contract, true to this world."""
    return {
        "case": case,
        "into": world.hazard,
        "number": world.claim,
        "place": "西门",
        "time": (START + timedelta(days=2)).isoformat(),
        "hours": 1.5,
        "points": 5,
        "person": "小高",
        "code": "0012",
        "org": "幸福里物业",
        "kind": "党课",
        "topic": "安全行车",
        "text": "就是这样",
        "item": "头盔",
    }


def ways(world: World, intent: str, role: str) -> Iterator[Asked]:
    """Every place with nothing said, with everything said, and about the appeal; half understood, or by a button."""
    for happening in (kind for kind in HAPPENINGS if kind == intent):
        yield from (Asked(intent, role, place, {}, kind=happening) for place in PLACES)
        return
    full, appeal = slots_about(world, world.hazard), slots_about(world, world.appeal)
    for place, slots in itertools.product(PLACES, ({}, full, appeal)):
        yield Asked(intent, role, place, slots)
    for place in ("branch", "private"):
        yield Asked(intent, role, place, full, confidence=0.5)
        yield Asked(intent, role, place, appeal, kind="button", about=f"lesson:{world.lesson}")
        yield Asked(intent, role, place, {}, kind="button", about="case:x")
    for slots in ({}, full, appeal):
        yield Asked(intent, role, "branch", slots, addressed=False)


def _one_case_each(asked: Asked) -> str:
    return f"{asked.intent} by {asked.role} in {asked.place}, {asked.kind}, {dict(asked.slots)}"


@pytest.mark.parametrize("role", ROLES)
@pytest.mark.parametrize("intent", INTENTS)
def test_every_handler_keeps_its_promises(world: World, intent: str, role: str) -> None:
    for asked in ways(world, intent, role):
        with world.database.write() as session:
            handled = ask(session, asked)
            posts = list(session.scalars(select(Post).where(Post.id > world.posts).order_by(Post.id)))
            try:
                check_answers(asked, handled, posts)
                for post in posts:
                    check_words(load(post.content))
                check_discretion(world, asked, posts)
            except AssertionError as error:
                raise AssertionError(f"{_one_case_each(asked)}: {error}") from error
            finally:
                session.rollback()


def ask(session: Session, asked: Asked) -> Handled | None:
    meant = Intent(asked.intent, asked.confidence, reply=True, slots=asked.slots, category="其他")
    return answered(
        session,
        ROLES[asked.role],
        asked.place,
        meant,
        kind=asked.kind,
        about=asked.about,
        addressed=asked.addressed or asked.place == "private",
        text=str(asked.slots.get("text", "")),
    )


def check_answers(asked: Asked, handled: Handled | None, posts: list[Post]) -> None:
    """Who asked is answered once, in one place. An appeal is also moved, and a lesson or a case has a card besides."""
    shown = [post for post in posts if post.kind is not PostKind.UPDATE]
    if handled is None:
        assert asked.intent in MAYBE_CHATTER, "only what people also say to one another may be none of its business"
        assert not asked.addressed
        assert not shown
        return
    assert handled.intent == asked.intent
    here = [post for post in shown if not post.to_person and post.target == asked.place]
    sender = [post for post in shown if post.to_person and post.target == sender_of(posts, asked)]
    moved = [post for post in here if words_of(post) == MOVED]
    own = [post for post in (*here, *sender) if post not in moved and not _is_task(post)]
    assert len(own) <= 1, [words_of(post) for post in own]
    assert len(moved) == (asked.intent == "appeal_file" and bool(moved))
    if asked.addressed and asked.kind == "message":
        assert own or here or sender, "nobody is answered"
    if asked.kind == "button":
        assert handled.answer or own or here or sender, "the button shows nothing"
        assert not LEAK.search(handled.answer), handled.answer


def _is_task(post: Post) -> bool:
    """A card that gives somebody something to do is no answer."""
    content = load(post.content)
    return isinstance(content, Card) and bool(content.buttons)


def sender_of(posts: list[Post], asked: Asked) -> str:
    """The sandbox's id of who asked."""
    known = {"小李": "u4", "王书记": "u3", "周组织员": "u1", "老陈": "u15"}
    return known.get(ROLES[asked.role], ROLES[asked.role])


def check_words(content: Content) -> None:
    if isinstance(content, Refresh):
        return
    words = said(content)
    assert words.strip(), "an empty text"
    assert not LEAK.search(words), words
    assert not PHONE.search(words), words
    assert len(EMOJI.findall(words)) <= 1, words
    assert len(words) <= LONGEST, words
    if isinstance(content, Card):
        options = content.choice.options if content.choice else ()
        forms = (content.form.submit,) if content.form else ()
        for button in (*content.buttons, *options, *forms):
            assert button.label.strip(), button
            assert button.says.strip(), button
            assert not LEAK.search(button.says), button
        assert content.hint or not (options or forms), "where there is no choice and no form, something must be typed"


def check_discretion(world: World, asked: Asked, posts: list[Post]) -> None:
    """No group hears the words, the category or the number of an appeal, nor an answer for one person alone."""
    for post in posts:
        if post.to_person:
            continue
        words = words_of(post)
        assert SECRET not in words, words
        if asked.slots.get("case") == world.appeal:
            assert str(world.appeal) not in words, words
            assert "考核处罚" not in words, words
        private = asked.intent in PRIVATE_MATTERS if asked.confidence == 1.0 else asked.intent == "appeal_file"
        assert not private or words == MOVED, words


def words_of(post: Post) -> str:
    return said(load(post.content))


def test_every_job_is_asked() -> None:
    assert handlers.__all__
    assert Counter(INTENTS) == Counter(set(INTENTS))
    assert {"check_in", "hazard_report", "appeal_file", "points_query", "help", "none", "doubt"} <= set(INTENTS)


@pytest.mark.parametrize("intent", [name for name, found in registered().items() if found.by in STAFF])
def test_an_administrator_who_is_an_organiser_was_sent_to_the_secretary(world: World, intent: str) -> None:
    with world.database.write() as session:
        meant = Intent(intent, 1.0, reply=True, slots=slots_about(world, world.hazard))
        answered(session, "周组织员", "branch", meant, admin="u1", text="就是这样")
        said = [words_of(post) for post in session.scalars(select(Post).where(Post.id > world.posts))]
        session.rollback()
    assert said
    assert not {who.value for who in STAFF} & set(said)
