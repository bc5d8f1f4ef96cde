"""One form for the many ways to write the same."""

import pytest

from bot.understanding.normalise import normalise
from bot.understanding.tokens import Span


@pytest.mark.parametrize(
    ("text", "folded"),
    [
        ("＠小蜂 签到", "@小蜂 签到"),
        ("@小蜂 签到", "签到"),
        ("签到 @小蜂", "签到"),
        ("簽到", "签到"),
        ("小區門口井蓋沒了", "小区门口井盖没了"),
        ("著名的乾坤", "著名的乾坤"),
        ("受理　１０２４", "受理 1024"),
        ("签到到到到！！！！", "签到!"),
        ("哈哈哈哈哈", "哈哈"),
        ("打卡1111", "打卡1111"),
        ("一一一一号", "一一一一号"),
        ("井盖没了逗号请派人处理句号", "井盖没了,请派人处理."),
        ("\u200b签\u202e到", "签到"),
    ],
)
def test_the_same_is_written_one_way(text: str, folded: str) -> None:
    assert normalise(text).folded == folded


def test_a_span_of_the_one_form_is_what_was_written() -> None:
    message = normalise("東門！！！！井蓋沒了")
    at = message.folded.index("井盖")
    assert message.literal(Span(at, at + 2)) == "井蓋"
    assert message.literal(Span(0, len(message.folded))) == "東門！！！！井蓋沒了"
