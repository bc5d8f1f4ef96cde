"""The parts of Open311 that need no server: whose numbers are hidden, and how arguments are read."""

import tomllib
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.datastructures import QueryParams

from bot.understanding import categories
from bot.web.open311.answers import Refused
from bot.web.open311.masking import NUMBER, masked
from bot.web.open311.question import Question, read_question
from bot.web.open311.services import SERVICES, by_code, of_category
from tests.conftest import START

CATEGORIES = Path(categories.__file__).parent / "data" / "categories.toml"
CODES = {
    "power_gas": "用电用气",
    "fire": "消防安全",
    "nature": "自然灾害",
    "parking": "违停占道",
    "order": "治安",
    "food": "食品安全",
    "construction": "建筑施工",
    "sanitation": "环境卫生",
    "facility": "公共设施",
    "road": "道路交通",
    "other": "其他",
}
"""What clients have stored. A category may be renamed; its code never is."""
NAMES = ("service_request_id", "service_code", "start_date", "end_date", "status", "page", "page_size", "x")
WORDS = (
    *("", " ", "1", "1,2", "0", "-1", "1e3", "１", "9" * 30, "open", "closed,open", "OPEN", "road", "roads"),
    *("2026-11-01T00:00:00Z", "2026-11-01T00:00:00+08:00", "2026-11-01T00:00:00 08:00", "2026-11-01", "2026-11-01T08"),
    *("9999-12-31T23:59:59Z", "0001-01-01T00:00:00+08:00", "9999-12-31T23:59:59-08:00", "2026-02-30T00:00:00Z", "soon"),
)


def asked(**arguments: str) -> Question:
    return read_question(QueryParams(arguments), START)


def test_codes_are_for_good_and_there_is_one_for_each_category() -> None:
    assert {service.code: service.category for service in SERVICES} == CODES
    known = tomllib.loads(CATEGORIES.read_text(encoding="utf-8"))["hazard_report"]
    assert set(CODES.values()) == {*known, categories.OTHER}
    assert [of_category(category).code for category in ("道路交通", "没有过的")] == ["road", "other"]
    assert by_code("road").category == "道路交通"


def test_the_page_for_operators_lists_them() -> None:
    page = (Path(__file__).parents[2] / "docs/operators/open311.md").read_text(encoding="utf-8")
    assert [f"`{code}` {category}" for code, category in CODES.items() if f"`{code}` {category}" not in page] == []


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        ("井盖没了，打13812345678", f"井盖没了，打{NUMBER}"),
        ("找老陈 138 1234 5678 就行", f"找老陈 {NUMBER} 就行"),
        ("138-1234-5678", NUMBER),
        ("+8613812345678", NUMBER),
        ("电话１３８１２３４５６７８", f"电话{NUMBER}"),
        ("物业0931-8412345没人接", f"物业{NUMBER}没人接"),
        ("(0931)8412345", NUMBER),
        ("证号62010219900307123X", f"证号{NUMBER}"),
        ("620102 19900307 1234", NUMBER),
        ("卡6222021234567890123", f"卡{NUMBER}"),
        ("幸福里3号楼2单元1203，东门往北50米", "幸福里3号楼2单元1203，东门往北50米"),
        ("G30 K12+300", "G30 K12+300"),
        ("并到 1024 1025 1026 里", "并到 1024 1025 1026 里"),
        ("2026-11-23 07:00 到 19:00", "2026-11-23 07:00 到 19:00"),
    ],
)
def test_numbers_of_people_are_hidden(said: str, shown: str) -> None:
    assert masked(said) == shown


@given(st.text(), st.from_regex(r"1[3-9][0-9]{9}", fullmatch=True), st.text())
def test_no_phone_is_shown(before: str, phone: str, after: str) -> None:
    assert phone not in masked(f"{before}，{phone}，{after}")


def test_nothing_asked_is_the_last_ninety_days() -> None:
    question = asked(start_date="", service_code=" ", status="", page="")
    assert question == asked()
    assert (question.since, question.until) == (START - timedelta(days=90), START)
    assert (question.numbers, question.categories, question.page, question.page_size) == (None, (), 1, 1000)
    assert question.statuses == {"open", "closed"}


def test_one_end_is_enough() -> None:
    day = timedelta(days=1)
    assert (START - 200 * day, START - 110 * day) == span("2026-05-07T15:00:00+08:00", "")
    assert (START - 20 * day, START) == span("2026-11-03T15:00:00 08:00", "")
    assert (START - 290 * day, START - 200 * day) == span("", "2026-05-07T07:00Z")
    assert (START + day, START + day) == span("2026-11-24T07:00:00.000Z", "")


def span(start: str, end: str) -> tuple[datetime, datetime]:
    question = asked(start_date=start, end_date=end)
    return question.since, question.until


def test_lists_come_with_commas_or_several_times() -> None:
    codes = QueryParams([("service_code", "road, fire"), ("service_code", "road")])
    assert read_question(codes, START).categories == ("道路交通", "消防安全")
    numbers = QueryParams([("service_request_id", "2,x"), ("service_request_id", "1,2")])
    assert read_question(numbers, START).numbers == (2, 1)


@given(st.lists(st.tuples(st.sampled_from(NAMES), st.sampled_from(WORDS) | st.text(max_size=30))))
def test_every_question_is_understood_or_refused(arguments: list[tuple[str, str]]) -> None:
    try:
        question = read_question(QueryParams(arguments), START)
    except Refused:
        return
    assert question.since.tzinfo == question.until.tzinfo == UTC
    assert timedelta() <= question.until - question.since <= timedelta(days=90)
    assert 1 <= question.page_size <= 1000
