"""What a reporter's words mean as a rating: the first word of judgement counts."""

import pytest

from bot.understanding import Intent
from handlers.ratings import rating_of, reason_of
from models.cases import Rating


@pytest.mark.parametrize(
    ("said", "rating"),
    [
        ("满意", Rating.SATISFIED),
        ("满意，没想到这么快", Rating.SATISFIED),
        ("满意，服务不错，谢谢", Rating.SATISFIED),
        ("评价 1024 满意", Rating.SATISFIED),
        ("基本满意", Rating.FAIR),
        ("还行吧", Rating.FAIR),
        ("不满意", Rating.UNSOLVED),
        ("没解决，还是堆着", Rating.UNSOLVED),
        ("评价 1024 未解决", Rating.UNSOLVED),
        ("解决了", Rating.SATISFIED),
        ("评价 1024", None),
    ],
)
def test_the_first_judgement_counts(said: str, rating: Rating | None) -> None:
    assert rating_of(Intent("case_feedback", 0.97, reply=True), said) is rating


@pytest.mark.parametrize(("points", "rating"), [(5, Rating.SATISFIED), (3, Rating.FAIR), (1, Rating.UNSOLVED)])
def test_stars_count_before_words(points: int, rating: Rating) -> None:
    assert rating_of(Intent("case_feedback", 0.97, reply=True, slots={"points": points}), "评价 1024") is rating


@pytest.mark.parametrize(
    ("said", "reason"),
    [
        ("没解决，还是堆着", "还是堆着"),
        ("没解决还是堆着", "还是堆着"),
        ("不满意，根本没人来", "根本没人来"),
        ("评价 1024 未解决 还是老样子", "还是老样子"),
        ("评价 1024 1分 没人管", "没人管"),
        ("未解决 1024 垃圾又堆满了。", "垃圾又堆满了。"),
        ("问题没解决，3号楼还堵着", "3号楼还堵着"),
        ("还是没人管", "还是没人管"),
        ("没解决啊！", ""),
        ("不满意", ""),
        ("评价 1024 未解决", ""),
        ("给1024号打1分", ""),
        ("满意，没想到这么快", "没想到这么快"),
    ],
)
def test_the_reason_is_what_else_was_said(said: str, reason: str) -> None:
    assert reason_of(said) == reason
