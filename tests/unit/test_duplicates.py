"""Which known hazard a report is taken for, and what becomes of the report that waits for an answer."""

from collections.abc import Iterator
from datetime import timedelta

import pytest
from sqlalchemy import select
from sqlalchemy.orm import Session

from bot.content import Card, load
from bot.handling import Batch, Context
from bot.messages import IncomingMessage
from bot.posting import Posting
from bot.understanding.intent import Slot
from handlers.duplicates import alike
from handlers.registering import Told
from models.case_notes import CaseNote
from models.cases import Case, CaseKind, CaseState
from models.database import Database
from models.drafts import Draft
from models.organisations import Organisation, OrganisationKind
from models.outbox import Post as OutboxPost
from schedules.runner import run_due
from tests.conftest import StandingClock
from tests.unit.city import ROADS, City, followers
from tests.unit.talk import Said, Talk, talk_of_a_hazard

GATE = (36.0600, 103.8300)
NEAR_GATE = (36.0618, 103.8300)
"""200 m to the north."""
FAR_FROM_GATE = (36.0627, 103.8300)
"""300 m."""


class Street:
    """Two branches of one committee and one of another city; who looks for a hazard is of the first."""

    def __init__(self, session: Session, clock: StandingClock) -> None:
        self.session, self.clock, self.city = session, clock, City(session)
        top = self.city.organisation("区委", OrganisationKind.COMMITTEE)
        self.branch = self.city.organisation("甲支部", parent=top)
        self.sister = self.city.organisation("乙支部", parent=top)
        self.elsewhere = self.city.organisation("外市支部")

    def known(
        self,
        place: str = "幸福里东门",
        text: str = "井盖没了",
        *,
        state: CaseState = CaseState.COLLECTED,
        category: str = "公共设施",
        days: float = 1,
        of: Organisation | None = None,
        kind: CaseKind = CaseKind.HAZARD,
        at: tuple[float, float] | None = None,
    ) -> Case:
        created_at = self.clock() - timedelta(days=days)
        case = self.city.case(of or self.sister, created_at, kind, state, category=category, place=place, text=text)
        case.latitude, case.longitude = at or (None, None)
        self.session.flush()
        return case

    def found(
        self,
        place: str = "幸福里东门",
        text: str = "窨井盖不见了",
        *,
        category: str = "公共设施",
        kind: CaseKind = CaseKind.HAZARD,
        at: tuple[float, float] | None = None,
    ) -> Case | None:
        latitude, longitude = at or (None, None)
        told = Told(
            kind=kind,
            text=text,
            category=category,
            sureness=None,
            place=place,
            latitude=latitude,
            longitude=longitude,
            photos=(),
            urgent=False,
            message_id=1,
        )
        return alike(self._context(), self.branch, told)

    def _context(self) -> Context:
        now = self.clock()
        message = IncomingMessage(
            platform="feishu", bot="main", key="k", chat="p", private=True, sender="ou_小张", sent_at=now
        )
        batch = Batch(self.session, now, Posting(self.session, now, ROADS), {}, {})
        return Context(batch, message, 1, None, None)


@pytest.fixture
def street(database: Database, clock: StandingClock) -> Iterator[Street]:
    with database.write.begin() as session:
        yield Street(session, clock)


def test_what_another_branch_of_the_tree_has_seen_is_found(street: Street) -> None:
    assert street.found() is None
    known = street.known()
    assert street.found() is known


@pytest.mark.parametrize(
    "state", [CaseState.COLLECTED, CaseState.IN_PROGRESS, CaseState.SUSPENDED, CaseState.RESOLVED, CaseState.RATED]
)
def test_open_or_just_finished_hazards_count(street: Street, state: CaseState) -> None:
    known = street.known(state=state)
    assert street.found() is known


@pytest.mark.parametrize("state", [CaseState.DECLINED, CaseState.WITHDRAWN])
def test_what_was_declined_or_withdrawn_does_not(street: Street, state: CaseState) -> None:
    street.known(state=state)
    assert street.found() is None


def test_appeals_and_other_trees_and_old_reports_do_not(street: Street) -> None:
    street.known(kind=CaseKind.APPEAL)
    street.known(of=street.elsewhere)
    street.known(days=14.01)
    assert street.found() is None
    known = street.known(days=13.99)
    assert street.found() is known
    assert street.found(kind=CaseKind.APPEAL) is None


def test_one_that_was_merged_means_the_one_that_goes_on(street: Street) -> None:
    on = street.known("别处", "别的", days=60)
    between = street.known("又一处", "又一件", state=CaseState.MERGED)
    known = street.known(state=CaseState.MERGED)
    known.merged_into, between.merged_into = between.id, on.id
    street.session.flush()
    assert street.found() is on
    on.state = CaseState.DECLINED
    assert street.found() is None


def test_other_places_and_other_things_are_not_offered(street: Street) -> None:
    street.known("幸福里西门")
    street.known("幸福里对面")
    street.known(text="路灯不亮")
    assert street.found() is None


def test_of_several_the_most_alike_is_offered(street: Street) -> None:
    street.known(text="井盖松了")
    known = street.known(text="下水井盖不见了，窨井盖没了")
    street.known(text="井盖")
    assert street.found(text="窨井盖不见了") is known


def test_two_wordings_of_one_thing_may_have_been_put_into_two_categories(street: Street) -> None:
    known = street.known("人民路解放街路口", "路灯不亮", category="道路交通")
    assert street.found("人民路解放街路口", "路灯不亮了") is known
    assert street.found("人民路解放街路口", "垃圾没人清") is None


def test_points_on_the_map_say_it_to_the_metre(street: Street) -> None:
    known = street.known("地图位置", at=GATE)
    assert street.found("别的说法", at=NEAR_GATE) is known
    assert street.found("别的说法", at=FAR_FROM_GATE) is None
    assert street.found("", at=NEAR_GATE) is known
    assert street.found("地图位置", at=FAR_FROM_GATE) is None, "the names do not count where both points are known"


def test_a_number_counts_more_than_nearness(street: Street) -> None:
    street.known("幸福里3号楼", at=GATE)
    assert street.found("幸福里5号楼", at=NEAR_GATE) is None
    assert street.found("幸福里3号楼", at=NEAR_GATE) is not None


def test_with_one_point_only_the_names_count(street: Street) -> None:
    known = street.known(at=GATE)
    assert street.found() is known
    assert street.found("幸福里西门") is None


def test_what_has_no_name_is_the_same_place_within_one_branch_only(street: Street) -> None:
    street.known("东门")
    assert street.found("东门") is None
    own = street.known("东门", of=street.branch)
    assert street.found("东门") is own
    street.known("门口", of=street.branch)
    assert street.found("门口") is None


def test_a_report_without_a_place_is_like_no_other(street: Street) -> None:
    street.known("")
    assert street.found("") is None


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    return talk_of_a_hazard(database, clock)


def report(talk: Talk, who: str, text: str = "东门窨井盖不见了", chat: str = "") -> list[tuple[str, str]]:
    return talk.say(who, "hazard_report", chat, text=text, place="东门")


def drafts(database: Database) -> list[tuple[int | None, bool]]:
    """What each waits for, and whether it is closed."""
    with database.read() as session:
        found = session.scalars(select(Draft).order_by(Draft.id))
        return [(draft.alike.number if draft.alike else None, draft.closed_at is not None) for draft in found]


def notes(database: Database) -> list[str]:
    with database.read() as session:
        return [note.text for note in session.scalars(select(CaseNote).order_by(CaseNote.id))]


def numbers(database: Database) -> list[int]:
    with database.read() as session:
        return list(session.scalars(select(Case.number).order_by(Case.number)))


def test_a_known_hazard_is_offered_and_waits(database: Database, talk: Talk) -> None:
    ((where, text),) = report(talk, "小张", chat="oc_branch")
    assert (where, text.splitlines()[0]) == ("oc_branch", "已有人报过 1001（东门，已收集）")
    assert "小李" not in text
    assert (drafts(database), followers(database), numbers(database)) == ([(1001, False)], [], [1001])


def test_the_card_has_a_button_for_either_answer(database: Database, talk: Talk) -> None:
    report(talk, "小张")
    with database.read() as session:
        posts = session.scalars(select(OutboxPost).order_by(OutboxPost.id)).all()
    card = load(posts[-1].content)
    assert isinstance(card, Card)
    assert [(button.label, button.says) for button in card.buttons] == [("+1", "附议 1001"), ("另报", "另报")]


def test_plus_one_follows_and_keeps_the_words(database: Database, talk: Talk) -> None:
    report(talk, "小张", chat="oc_branch")
    assert talk.say("小张", "second_case", "oc_branch") == [("小张", "附议记在 1001（东门）了，办好了告诉你。")]
    assert followers(database) == ["ou_小张"]
    assert notes(database) == ["东门窨井盖不见了"]
    assert drafts(database) == [(1001, True)]


def test_who_works_on_it_hears_of_a_place_that_says_more(database: Database, talk: Talk) -> None:
    talk.say("小张", "hazard_report", text="东门井盖没了", place="东门3号楼2单元")
    talk.answers()
    assert followers(database) == [], "another place is another hazard"
    report(talk, "小赵")
    told = dict(talk.say("小赵", "second_case"))
    assert "王书记" not in told, "a +1 alone is nothing to be told of"


def test_anew_is_registered_at_once_or_after_it_was_counted(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    report(talk, "小张")
    assert talk.say("小张", "report_anew")[-1][1].startswith("📍 已登记隐患 1002")
    assert drafts(database) == [(None, True)]
    report(talk, "小赵")
    clock.move_to(clock() + timedelta(minutes=31))
    run_due(database, clock(), ROADS)
    counted = [text for whom, text in talk.answers() if whom == "小赵"]
    assert counted[-1].endswith("了，办好了告诉你。不是一件事就发「另报」。")
    assert followers(database) == ["ou_小赵"]
    clock.move_to(clock() + timedelta(hours=23))
    assert any("已登记隐患 1003" in text for _, text in talk.say("小赵", "report_anew"))
    assert (followers(database), notes(database), numbers(database)) == ([], [], [1001, 1002, 1003])
    ((_, text),) = talk.say("小赵", "report_anew")
    assert text.startswith("没有等你说明的事"), "only once"


def test_after_a_day_it_stays_counted(database: Database, talk: Talk, clock: StandingClock) -> None:
    report(talk, "小赵")
    clock.move_to(clock() + timedelta(minutes=31))
    run_due(database, clock(), ROADS)
    clock.move_to(clock() + timedelta(hours=24))
    talk.answers()
    ((_, text),) = talk.say("小赵", "report_anew")
    assert text.startswith("没有等你说明的事")
    assert (followers(database), numbers(database)) == (["ou_小赵"], [1001])


def test_nothing_is_counted_before_the_half_hour(database: Database, talk: Talk, clock: StandingClock) -> None:
    report(talk, "小赵")
    clock.move_to(clock() + timedelta(minutes=29))
    run_due(database, clock(), ROADS)
    assert (followers(database), drafts(database)) == ([], [(1001, False)])


def test_where_the_known_one_was_declined_meanwhile_nothing_is_counted(
    database: Database, talk: Talk, clock: StandingClock
) -> None:
    report(talk, "小赵")
    talk.say("王书记", "decline_case", case=1001, text="不属实")
    clock.move_to(clock() + timedelta(minutes=31))
    run_due(database, clock(), ROADS)
    assert ("小赵", "你说的那件事，1001 已经不办了，还没有登记。要登记请发「另报」。") in talk.answers()
    assert followers(database) == []
    assert any("已登记隐患 1002" in text for _, text in talk.say("小赵", "report_anew"))


def test_of_two_reports_the_first_is_counted_when_the_second_comes(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", text="路灯不亮", place="西门")
    report(talk, "小张")
    answers = talk.say("小张", "hazard_report", text="路灯全黑", place="西门")
    assert [text.splitlines()[0] for whom, text in answers if whom == "小张"] == [
        "你说的按附议记在 1001（东门）了，办好了告诉你。不是一件事就发「另报」。",
        "已有人报过 1002（西门，已收集）",
    ]
    talk.say("小张", "second_case")
    assert followers(database) == ["ou_小张", "ou_小张"]


def press(talk: Talk, who: str, intent: str, number: int, **slots: Slot) -> list[tuple[str, str]]:
    """A button of the card that has offered this hazard."""
    return talk.all(Said(who, intent, slots, kind="button", about=f"case:{number}"))


def two_offers(talk: Talk) -> None:
    """小张's report of the east gate was counted when that of the west gate came, which waits."""
    talk.say("小李", "hazard_report", text="路灯不亮", place="西门")
    report(talk, "小张")
    talk.say("小张", "hazard_report", text="路灯全黑", place="西门")


def test_an_old_card_s_plus_one_takes_no_later_report_with_it(database: Database, talk: Talk) -> None:
    two_offers(talk)
    press(talk, "小张", "second_case", 1001, case=1001)
    assert drafts(database) == [(1001, True), (1002, False)]
    assert notes(database) == ["东门窨井盖不见了"]


def test_an_old_card_s_anew_is_of_what_that_card_has_asked_about(database: Database, talk: Talk) -> None:
    two_offers(talk)
    answers = press(talk, "小张", "report_anew", 1001)
    assert any("东门窨井盖不见了" in text for whom, text in answers if whom == "王书记")
    assert drafts(database) == [(None, True), (1002, False)]
    assert press(talk, "小张", "report_anew", 1001) == [], "it is answered where it was pressed"
    assert numbers(database) == [1001, 1002, 1003]


def test_a_plus_one_to_another_hazard_leaves_the_report_waiting(database: Database, talk: Talk) -> None:
    talk.say("小李", "hazard_report", text="路灯不亮", place="西门")
    report(talk, "小张")
    talk.say("小张", "second_case", case=1002)
    assert (drafts(database), followers(database), notes(database)) == ([(1001, False)], ["ou_小张"], [])


def test_who_tells_the_same_again_is_counted_once(database: Database, talk: Talk) -> None:
    report(talk, "小张")
    ((_, offered),) = report(talk, "小张", "东门井盖还是没有")
    assert offered.startswith("已有人报过 1001")
    talk.say("小张", "second_case")
    assert (followers(database), notes(database)) == (["ou_小张"], ["东门井盖还是没有"])


def test_ones_own_report_is_not_followed(database: Database, talk: Talk) -> None:
    ((_, offered),) = report(talk, "小李")
    assert offered.startswith("你报过 1001（东门，已收集）")
    ((_, text),) = talk.say("小李", "second_case")
    assert text == "1001（东门）就是你报的，不用附议，办好了告诉你。这次说的也放进去了。"
    assert (followers(database), notes(database)) == ([], ["东门窨井盖不见了"])


def test_a_plus_one_to_a_finished_hazard_is_handed_on(database: Database, talk: Talk) -> None:
    talk.say("王书记", "assign_case", case=1001, org="物业")
    talk.say("老陈", "resolve_case", case=1001, text="盖上了")
    ((_, offered),) = report(talk, "小张")
    assert offered.endswith("还是那一件没弄好，就回复「+1」，我转告经办的人；是新的就回复「另报」。")
    told = dict(talk.say("小张", "second_case"))
    assert told["王书记"] == told["老陈"] == "➕ 1001（东门）已办结，有人附议\n东门窨井盖不见了"
    assert told["小张"].startswith("附议记在 1001（东门）了。它已经办结")
