"""Who is in a group: kept, matched by name with the roster, and bound once the secretary has seen the names."""

import itertools
from datetime import timedelta

import pytest
from sqlalchemy import select

import handlers
from bot.content import Card, load
from bot.intake import GroupCommitIntake
from bot.messages import IncomingMessage, Member
from bot.router import Router
from bot.understanding import Understanding
from models.audit import AuditEntry
from models.chat_members import ChatMember, members_of
from models.chats import Chat
from models.database import Database
from models.organisations import OrganisationKind
from models.outbox import Post as OutboxPost
from models.people import Identity, Person, Post
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City, said

GROUP = "oc_branch"
assert handlers.__all__
_keys = itertools.count(1)


@pytest.fixture(scope="module")
def understanding() -> Understanding:
    return Understanding()


class Town:
    """A branch of five, of whom only the secretary has ever met the bot, and its group on Feishu."""

    def __init__(self, database: Database, clock: StandingClock, understanding: Understanding) -> None:
        self.database = database
        self._clock = clock
        self._intake = GroupCommitIntake(database, Router(understanding), clock, ROADS)
        self._seen = 0
        with database.write.begin() as session:
            city = City(session)
            above = city.organisation("幸福里街道行业党委", OrganisationKind.COMMITTEE)
            branch = city.organisation(parent=above)
            other = city.organisation("和平里支部", parent=above)
            unit = city.organisation("幸福里物业", OrganisationKind.UNIT, parent=above)
            city.person(above, "刘书记", Post.SECRETARY)
            city.person(branch, "王书记", Post.SECRETARY)
            city.person(other, "马书记", Post.SECRETARY)
            for name in ("小李", "小张", "小赵", "小赵"):
                city.person(branch, name, reachable=False)
            city.person(unit, "老陈", Post.CONTACT, reachable=False)
            city.chat(branch, GROUP)
            city.chat(unit, "oc_unit")

    def become(
        self, *names: str, left: tuple[str, ...] = (), chat: str = GROUP, **fields: object
    ) -> list[tuple[str, str]]:
        """People of the group become known: ``李明=小李`` is the account ``on_李明`` under the name 小李."""
        members = []
        for shown in names:
            account, _, name = shown.rpartition("=")
            members.append(Member(f"on_{account or name}", name))
        refs = tuple(f"on_{account}" for account in left)
        return self._do(self.message("", chat, kind="members", members=tuple(members), left=refs, **fields))

    def present(self, chat: str = GROUP) -> list[str]:
        """Who is in the group, by name."""
        with self.database.read() as session:
            return [
                row.name for row in members_of(session, session.scalars(select(Chat).where(Chat.ref == chat)).one())
            ]

    def say(self, who: str, text: str, chat: str = "") -> list[tuple[str, str]]:
        """Somebody with this account says something, in private or to the bot in a group."""
        return self._do(self.message(who, chat, text=text))

    def together(self, *messages: IncomingMessage) -> list[tuple[str, str]]:
        return self._do(*messages)

    def message(self, who: str, chat: str, **fields: object) -> IncomingMessage:
        return IncomingMessage(
            platform="feishu",
            bot="main",
            key=f"key{next(_keys)}",
            chat=chat or f"private {who}",
            private=not chat,
            sender=who,
            **{"sent_at": self._clock(), "addressed": True, **fields},  # type: ignore[arg-type]  # fields of the message
        )

    def _do(self, *messages: IncomingMessage) -> list[tuple[str, str]]:
        self._intake.process(messages)
        with self.database.read() as session:
            rows = list(session.scalars(select(OutboxPost).where(OutboxPost.id > self._seen).order_by(OutboxPost.id)))
        self._seen = max((row.id for row in rows), default=self._seen)
        return [(row.target, said(load(row.content))) for row in rows]

    def last_card(self) -> Card:
        with self.database.read() as session:
            contents = [load(row.content) for row in session.scalars(select(OutboxPost).order_by(OutboxPost.id))]
        return [content for content in contents if isinstance(content, Card)][-1]

    def bound(self) -> dict[str, str]:
        """The accounts that were bound here, with whose they are."""
        with self.database.read() as session:
            found = session.scalars(select(Identity).where(Identity.ref.startswith("on_")))
            return {identity.ref.removeprefix("on_"): identity.person.name for identity in found}


@pytest.fixture
def town(database: Database, clock: StandingClock, understanding: Understanding) -> Town:
    return Town(database, clock, understanding)


ASKED = """🙋 「oc_branch」里有 {count} 人和名册对上了名字
{names}{strangers}
都是本人就回复「确认对上 {number}」，他们不用再发「报到」。有不对的，请先不要确认，让他们自己报到。"""


def asked(number: int, *names: str, strangers: str = "") -> list[tuple[str, str]]:
    """What the secretary is asked, and nobody else."""
    others = f"\n没对上名册的：{strangers}" if strangers else ""
    return [("ou_王书记", ASKED.format(number=number, count=len(names), names="、".join(names), strangers=others))]


def test_who_comes_and_goes_is_kept_and_the_group_hears_nothing(town: Town) -> None:
    assert town.become("甲", "乙") == []
    assert town.become("乙=乙二", "丙", left=("甲", "丁")) == []
    with town.database.read() as session:
        chat = session.scalars(select(Chat).where(Chat.ref == GROUP)).one()
        assert [(row.ref, row.name) for row in members_of(session, chat)] == [("on_乙", "乙二"), ("on_丙", "丙")]
        gone = session.scalars(select(ChatMember).where(ChatMember.left_at.is_not(None))).one()
        assert (gone.ref, gone.left_at) == ("on_甲", town._clock())
    town.become("甲")
    with town.database.read() as session:
        assert [row.name for row in members_of(session, chat)] == ["甲", "乙二", "丙"]


def test_who_is_not_in_a_whole_list_has_left(town: Town, clock: StandingClock) -> None:
    town.become("甲", "乙")
    town.become("甲", chat="oc_unit")
    town.become("丙")
    assert town.present() == ["甲", "乙", "丙"]
    clock.move_to(clock() + timedelta(hours=1))
    town.become("乙", "丁", whole=True)
    assert town.present() == ["乙", "丁"]
    assert town.present("oc_unit") == ["甲"]


def test_who_came_or_went_while_the_list_was_read_is_as_the_events_say(town: Town, clock: StandingClock) -> None:
    town.become("甲", "乙")
    clock.move_to(clock() + timedelta(hours=1))
    read_at = clock()
    clock.move_to(clock() + timedelta(minutes=1))
    town.become("丙", left=("乙",))
    town.become("甲", "乙", whole=True, sent_at=read_at)
    assert town.present() == ["甲", "丙"]


def test_a_group_that_was_never_seen_is_kept_too(town: Town) -> None:
    assert town.become("小李", chat="oc_new") == []
    with town.database.read() as session:
        chat = session.scalars(select(Chat).where(Chat.ref == "oc_new")).one()
        assert [row.name for row in members_of(session, chat)] == ["小李"]


def test_the_secretary_alone_is_asked_about_names_that_fit(town: Town) -> None:
    assert town.become("小李", "小张", "路人甲") == asked(1, "小李", "小张", strangers="路人甲")
    (button,) = town.last_card().buttons
    assert (button.label, button.says) == ("确认", "确认对上 1")
    assert town.bound() == {}


def test_a_name_that_two_have_is_never_matched(town: Town) -> None:
    """小赵 is twice in the roster; two accounts call themselves 小李."""
    assert town.become("一=小李", "二=小李", "小赵", "小张") == asked(1, "小张", strangers="小李、小李、小赵")


def test_who_is_bound_is_left_alone(town: Town) -> None:
    """王书记 is bound under another account: this one may be anybody's."""
    assert town.become("一=王书记", "小张") == asked(1, "小张", strangers="王书记")
    with town.database.write.begin() as session:
        person = session.scalars(select(Person).where(Person.name == "小李")).one()
        session.add(Identity(provider="feishu", ref="on_李", person_id=person.id, bound_at=town._clock()))
    assert town.become("李=小张") == []


def test_nobody_is_asked_twice_about_the_same_people(town: Town) -> None:
    town.become("小李", "路人甲")
    assert town.become("小李", "路人甲") == []
    assert town.become("路人乙") == []
    assert town.become("小张") == asked(2, "小张", strangers="路人甲、路人乙")
    assert town.say("ou_王书记", "确认对上 1") == [("ou_王书记", "已替 1 人报到：小李")]
    assert town.bound() == {"小李": "小李"}


def test_who_leaves_may_make_a_name_clear(town: Town) -> None:
    assert town.become("一=小李", "二=小李") == []
    assert town.become(left=("二",)) == asked(1, "小李")


def test_tying_the_group_asks_about_those_known_so_far(town: Town) -> None:
    town.become("小李", chat="oc_new")
    first, second = town.say("ou_王书记", "绑定 幸福里流动党支部", chat="oc_new")
    assert first[0] == "ou_王书记"
    assert first[1].startswith("🙋 群里有 1 人和名册对上了名字\n小李")
    assert second == ("oc_new", "🔗 这个群绑定到「幸福里流动党支部」了。发「帮助」看看能做什么。")
    assert len(town.say("ou_王书记", "绑定 幸福里流动党支部", chat="oc_new")) == 1, "once"


def test_a_unit_without_a_secretary_has_the_one_above(town: Town) -> None:
    ((whom, text),) = town.become("老陈", chat="oc_unit")
    assert (whom, text.splitlines()[1]) == ("ou_刘书记", "老陈")
    assert town.say("ou_刘书记", "确认对上 1") == [("ou_刘书记", "已替 1 人报到：老陈")]


def test_confirming_binds_once_and_is_on_record(town: Town) -> None:
    town.become("小李", "小张")
    assert town.say("ou_王书记", "确认对上 1") == [("ou_王书记", "已替 2 人报到：小李、小张")]
    assert town.say("ou_王书记", "确认对上 1") == [("ou_王书记", "这份名单上没有还要报到的人了。")]
    assert town.bound() == {"小李": "小李", "小张": "小张"}
    assert town.say("on_小李", "我有多少积分")[0][1].startswith("你还没有积分")
    with town.database.read() as session:
        secretary = session.scalars(select(Person).where(Person.name == "王书记")).one()
        entries = list(session.scalars(select(AuditEntry).where(AuditEntry.action == "bind_by_name")))
        people = [session.get_one(Person, int(entry.subject.removeprefix("person:"))).name for entry in entries]
        assert (people, {entry.actor_id for entry in entries}) == (["小李", "小张"], {secretary.id})


def test_whoever_is_bound_can_act_right_behind_it(town: Town) -> None:
    town.become("小李")
    town.say("ou_王书记", "开课 党课", chat=GROUP)
    confirm, check_in = (
        town.message("ou_王书记", "", text="确认对上 1"),
        town.message("on_小李", GROUP, text="签到", ref="om_1"),
    )
    answers = town.together(confirm, check_in)
    assert ("ou_王书记", "已替 1 人报到：小李") in answers
    assert (GROUP, "已签到") in answers


@pytest.mark.parametrize("change", ["left", "renamed", "bound", "twin"])
def test_what_has_changed_meanwhile_is_not_confirmed(town: Town, change: str) -> None:
    town.become("小李", "小张")
    match change:
        case "left":
            town.become(left=("小李",))
        case "renamed":
            town.become("小李=大李")
        case "bound":
            with town.database.write.begin() as session:
                person = session.scalars(select(Person).where(Person.name == "小李")).one()
                session.add(Identity(provider="feishu", ref="ou_小李", person_id=person.id, bound_at=town._clock()))
        case "twin":
            town.become("二=小李")
    assert town.say("ou_王书记", "确认对上 1") == [("ou_王书记", "已替 1 人报到：小张")]
    assert town.bound() == {"小张": "小张"}


@pytest.mark.parametrize(
    ("who", "text", "answer"),
    [
        ("ou_马书记", "确认对上 1", "没有 1 这份名单，请看看编号。"),
        ("ou_王书记", "确认对上 7", "没有 7 这份名单，请看看编号。"),
        ("ou_王书记", "确认对上", "请带上编号，比如「确认对上 1」。"),
        ("on_小李", "确认对上 1", "这件事由书记来办。要紧的话，请直接跟书记说一声。"),
    ],
)
def test_who_may_not_confirm_is_told(town: Town, who: str, text: str, answer: str) -> None:
    town.become("小李")
    assert town.say(who, text) == [(who, answer)]
    assert town.bound() == {}


def test_strangers_are_shown_up_to_twenty_without_their_phones(town: Town) -> None:
    ((_, text),) = town.become("小李", *(f"骑手{number}" for number in range(24)), "阿强13800001111")
    shown = next(line for line in text.splitlines() if line.startswith("没对上名册的："))
    assert shown.endswith("骑手19 等 25 人")
    ((_, text),) = town.become("小张", left=tuple(f"骑手{number}" for number in range(24)))
    assert "没对上名册的：阿强…" in text


def test_many_names_are_asked_about_one_list_after_another(town: Town) -> None:
    with town.database.write.begin() as session:
        branch = session.scalars(select(Person).where(Person.name == "王书记")).one().organisation
        city = City(session)
        for number in range(70):
            city.person(branch, f"骑手{number}", reachable=False)
    ((_, first),) = town.become(*(f"骑手{number}" for number in range(70)))
    assert "有 60 人" in first
    second, answer = town.say("ou_王书记", "确认对上 1")
    assert "有 10 人" in second[1]
    assert answer[1].startswith("已替 60 人报到")
    town.say("ou_王书记", "确认对上 2")
    assert len(town.bound()) == 70


def test_nobody_is_asked_where_the_secretary_cannot_be_reached_yet(
    database: Database, clock: StandingClock, understanding: Understanding
) -> None:
    town = Town(database, clock, understanding)
    with database.write.begin() as session:
        identity = session.scalars(select(Identity).where(Identity.ref == "ou_王书记")).one()
        session.delete(identity)
    assert town.become("小李") == []
    with database.write.begin() as session:
        person = session.scalars(select(Person).where(Person.name == "王书记")).one()
        session.add(Identity(provider="feishu", ref="ou_王书记", person_id=person.id, bound_at=clock()))
    assert town.say("ou_王书记", "绑定 幸福里流动党支部", chat=GROUP)[0] == asked(1, "小李")[0]
