"""The digests, word for word, and that they fit a phone."""

import unicodedata
from dataclasses import replace
from datetime import timedelta

from hypothesis import given
from hypothesis import strategies as st

from bot.reports.case_figures import CaseFigures, Tally, UnitFigures
from bot.reports.digest import branch_digest, organiser_digest
from bot.reports.duties import Behind, DutyLine, Verdict
from bot.reports.figures import LessonFigures
from bot.reports.layout import COLUMNS, LINES, clip, share, width
from bot.reports.weeks import BranchWeek, OrganiserWeek
from models.lessons import Lesson, LessonState
from tests.unit.city import shanghai

FRIDAY = shanghai(11, 27, 15, 30)
SUNDAY = shanghai(11, 30)
WEEK = timedelta(days=7)
NONE = CaseFigures()
NO_RATES = Tally()


PERIODS = {"本月": "month", "本季度": "quarter", "今年": "year", "10月": "month", "第三季度": "quarter"}


def duty(kind: str, within: str, *, held: int = 0, planned: int = 0, group: str = "") -> DutyLine:
    """How a duty stands of which one is asked for."""
    late = Verdict.DUE if within in ("本月", "本季度", "今年") else Verdict.OVERDUE
    verdict = Verdict.DONE if held else Verdict.PLANNED if planned else late
    return DutyLine(kind, group, PERIODS[within], within, False, 1, held, planned, verdict, "第十二条")


def planned(kind: str, topic: str, day: int, series_id: int | None = None) -> Lesson:
    """A lesson of December."""
    at = shanghai(12, day, 15)
    return Lesson(id=1, kind=kind, topic=topic, place="", state=LessonState.PLANNED, planned_at=at, series_id=series_id)


QUIET_BRANCH = BranchWeek("幸福里流动党支部", FRIDAY - WEEK, FRIDAY, FRIDAY, [], [], [], NONE, NONE, [], [], [])
BUSY_BRANCH = BranchWeek(
    name="幸福里流动党支部",
    start=FRIDAY - WEEK,
    end=FRIDAY,
    now=FRIDAY,
    lessons=[
        LessonFigures("10分钟微课堂《交通安全》", "王书记", 12, 11),
        LessonFigures("党课", "", 12, 7, late=2, made_up=1),
    ],
    duties=[
        duty("党员大会", "本季度"),
        duty("党小组会", "本月", held=1, group="一组"),
        duty("党小组会", "本月", group="二组"),
        duty("主题党日", "本月", planned=1),
    ],
    overdue=[duty("支委会", "10月"), duty("党小组会", "10月", group="二组"), duty("党课", "第三季度")],
    hazards=CaseFigures(3, 2, 1, (("道路交通", 2), ("环境卫生", 1))),
    appeals=CaseFigures(1, 0, 1),
    places=[("幸福里东门", 3)],
    leaders=[("小李", 12), ("小张", 8), ("小赵", 5)],
    planned=[planned("党员大会", "", 2), planned("10分钟微课堂", "冬季骑行", 4)],
)
QUIET_CITY = OrganiserWeek("快递行业党委", SUNDAY - WEEK, SUNDAY, 3, [], NONE, NONE, NO_RATES, NO_RATES, [], [], [], [])
BUSY_CITY = OrganiserWeek(
    name="快递行业党委",
    start=SUNDAY - WEEK,
    end=SUNDAY,
    branches=86,
    lessons=[LessonFigures("党课", "", 1506, 1200)],
    hazards=CaseFigures(30, 25, 12, (("道路交通", 12), ("消防安全", 6), ("环境卫生", 4))),
    appeals=CaseFigures(6, 5, 2, (("劳动报酬", 4), ("停车充电", 2))),
    rates=Tally(closable=36, closed=30, rated=25, satisfied=23),
    rates_before=Tally(closable=20, closed=16),
    behind=[
        Behind(f"第{n}流动党支部", [duty("党员大会", "本季度"), duty("党课", "本季度")], [duty("支委会", "10月")][:n])
        for n in range(6)
    ],
    units=[
        UnitFigures("物业", 5, 2, SUNDAY - timedelta(days=6)),
        UnitFigures("", 4, 0, SUNDAY),
        UnitFigures("城管", 2, 0, SUNDAY - timedelta(days=1)),
    ],
    units_below=[("物业", "办结 60%（3/5）")],
    places=[("幸福里东门", 4), ("170号院", 3)],
)


def test_a_branch_week() -> None:
    assert branch_digest(BUSY_BRANCH).text == (
        "📋 幸福里流动党支部 11.20–11.27\n"
        "上课 2 次，到课 18/24（75%），迟到 2，补课 1\n"
        "· 10分钟微课堂《交通安全》 11/12，王书记开课\n"
        "· 党课 7/12\n"
        "已开：党小组会（一组）\n"
        "已定：主题党日\n"
        "本月还差：党小组会（二组）\n"
        "本季度还差：党员大会\n"
        "逾期：支委会（10月）、党小组会（二组10月）、党…\n"
        "隐患：新报 3，办结 2，在办 1\n"
        "诉求：新收 1，办结 0，在办 1\n"
        "四周里三次及以上：幸福里东门 3\n"
        "积分：小李 12、小张 8、小赵 5\n"
        "接下来：\n"
        "· 12.2 周三 15:00 党员大会\n"
        "· 12.4 周五 15:00 10分钟微课堂《冬季骑行》"
    )


def test_a_daily_series_takes_one_line_and_leaves_room_for_the_others() -> None:
    daily = [LessonFigures("班前一刻钟", "", 12, 10, series_id=7) for _ in range(5)]
    week = replace(
        QUIET_BRANCH,
        lessons=[daily[0], LessonFigures("党课", "", 12, 7), *daily[1:]],
        planned=[*(planned("班前一刻钟", "", day, 7) for day in range(1, 4)), planned("主题党日", "", 4)],
    )
    assert branch_digest(week).text.splitlines() == [
        "📋 幸福里流动党支部 11.20–11.27",
        "上课 6 次，到课 57/72（79%）",
        "· 班前一刻钟 5 次 50/60",
        "· 党课 7/12",
        "接下来：",
        "· 12.1 周二 15:00 班前一刻钟，共 3 次",
        "· 12.4 周五 15:00 主题党日",
    ]


def test_an_organiser_week() -> None:
    assert organiser_digest(BUSY_CITY).text == (
        "📊 快递行业党委 11.23–11.29\n"
        "支部 86 个，上课 1 次，到课 1200/1506（80%）\n"
        "隐患：新报 30，办结 25，在办 12\n"
        "诉求：新收 6，办结 5，在办 2\n"
        "办结率 83%（30/36）↑ 前一周 80%\n"
        "满意率 92%（23/25）\n"
        "隐患多在：道路交通 12、消防安全 6、环境卫生 4\n"
        "诉求多在：劳动报酬 4、停车充电 2\n"
        "落下的支部 6 个，先看这 4 个：\n"
        "· 第0流动党支部：党员大会、党课\n"
        "· 第1流动党支部：党员大会、党课；逾期 支委会…\n"
        "· 第2流动党支部：党员大会、党课；逾期 支委会…\n"
        "· 第3流动党支部：党员大会、党课；逾期 支委会…\n"
        "物业：在办 5 件，超时 2 件，最久 6 天\n"
        "还没派单：在办 4 件\n"
        "城管：在办 2 件，最久 1 天\n"
        "近四周不到 85%：物业办结 60%（3/5）\n"
        "四周里三次及以上：幸福里东门 4、170号院 3"
    )


def test_a_rate_is_compared_with_that_of_the_week_before() -> None:
    def line(part: int, whole: int, part_before: int, whole_before: int) -> str:
        now = Tally(closable=whole, closed=part)
        before = Tally(closable=whole_before, closed=part_before)
        return organiser_digest(replace(QUIET_CITY, rates=now, rates_before=before)).text.splitlines()[-1]

    assert line(30, 36, 16, 20) == "办结率 83%（30/36）↑ 前一周 80%"
    assert line(1, 2, 3, 4) == "办结率 50%（1/2）↓ 前一周 75%"
    assert line(1, 2, 2, 4) == "办结率 50%（1/2）→ 前一周 50%"
    assert line(1, 2, 0, 0) == "办结率 50%（1/2）"


def test_a_week_with_nothing_to_say_is_one_line() -> None:
    assert branch_digest(QUIET_BRANCH).text == "📋 幸福里流动党支部：这周没有新的事，一路平安。"
    assert organiser_digest(QUIET_CITY).text == "📊 快递行业党委：支部 3 个，上周没有新的事。"


@given(st.text("党支部ab", min_size=1, max_size=80), st.integers(0, 9))
def test_whatever_it_is_called_it_fits_one_screen(name: str, times: int) -> None:
    lesson = LessonFigures(name, name[:8], 12, 11)
    branch = BranchWeek(
        name=name,
        start=BUSY_BRANCH.start,
        end=FRIDAY,
        now=FRIDAY,
        lessons=[lesson] * times,
        duties=[
            duty(name, period, held=held, planned=planned)
            for period in ("本月", "本季度", "今年")
            for held, planned in ((1, 0), (0, 1), (0, 0))
        ],
        overdue=[duty(name, "10月")] * times,
        hazards=BUSY_BRANCH.hazards,
        appeals=BUSY_BRANCH.appeals,
        places=[(name, times)],
        leaders=BUSY_BRANCH.leaders,
        planned=[planned(name, name, 2)] * times,
    )
    for text in (branch_digest(branch).text, branch_digest(QUIET_BRANCH).text, organiser_digest(BUSY_CITY).text):
        lines = text.splitlines()
        assert len(lines) <= LINES
        assert all(width(line) <= COLUMNS for line in lines)
        assert sum(unicodedata.category(character) == "So" for character in text) == 1


def test_widths_and_shares() -> None:
    assert (width("签到 3/12"), width("📋")) == (9, 2)
    assert clip("幸福里流动党支部", 16) == "幸福里流动党支部"
    assert clip("幸福里流动党支部", 15) == "幸福里流动党…"
    assert (share(1, 3), share(2, 3), share(1, 8), share(0, 5)) == (33, 67, 13, 0)
