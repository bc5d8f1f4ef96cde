"""Words that a voice transcript or a thumb wrote with other characters of the same sound."""

import pytest

from tests.unit.understood import said


@pytest.mark.parametrize(
    ("text", "name"),
    [
        ("签道", "check_in"),
        ("打咔", "check_in"),
        ("请加", "leave_request"),
        ("我的鸡分", "points_query"),
        ("幸福里东门井改没了", "hazard_report"),
        ("滨河路一整排陆灯都不亮", "hazard_report"),
    ],
)
def test_a_word_is_heard_by_its_sound(text: str, name: str) -> None:
    intent = said(text)
    assert (intent.name, intent.reply) == (name, True)


def test_what_was_written_stays_as_it_was_written() -> None:
    assert said("幸福里东门井改没了").slots["text"] == "幸福里东门井改没了"


@pytest.mark.parametrize("text", ["请加辣", "请加我微信", "10点前到", "大卡车真长", "路等你走", "在路等我"])
def test_what_is_written_rightly_is_not_heard_as_something_else(text: str) -> None:
    assert not said(text).reply
