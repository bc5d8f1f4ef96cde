"""Neutral content as text messages and cards that Feishu accepts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import Button, Card, Field, Text
from bot.platforms.feishu.render import render, render_card
from tests.fakes.feishu_cards import check_card

LARGEST_CARD_REQUEST = 30_000
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
buttons = st.builds(Button, texts, texts, texts, st.sampled_from(["primary", "plain", "danger"]))
cards = st.builds(
    Card,
    title=texts,
    text=texts,
    fields=st.lists(st.builds(Field, texts, texts), max_size=4).map(tuple),
    buttons=st.lists(buttons, max_size=4).map(tuple),
    hint=texts,
)
LESSON = Card(
    title="10分钟微课堂《交通安全》",
    text="15:10 截止",
    fields=(Field("已签到", "3 人"), Field("应到", "12 人")),
    buttons=(Button("签到", "签到", "lesson:17", "primary"), Button("请假", "请假", "lesson:17")),
    hint="回复「签到」也可以",
)


def request_size(content: str) -> int:
    return len(json.dumps({"uuid": "u" * 50, "receive_id": "o" * 60, "content": content}, ensure_ascii=False).encode())


def shown(card: dict[str, Any]) -> str:
    return json.dumps(card["body"], ensure_ascii=False)


def test_text() -> None:
    assert render(Text("✅ 已签到\n小李"), private=False) == ("text", '{"text":"✅ 已签到\\n小李"}')


@pytest.mark.parametrize(
    "attack", ['<at user_id="all">所有人</at>', "<AT user_id=all>", "< at id=ou_x>", "</at>", "<\tat >"]
)
def test_text_cannot_mention(attack: str) -> None:
    text = json.loads(render(Text(f"地点：{attack}"), private=False)[1])["text"]
    assert "<" not in text
    assert "＜" in text


def test_card() -> None:
    kind, content = render(LESSON, private=False)
    card = json.loads(content)
    check_card(card)
    assert kind == "interactive"
    assert card["header"]["title"]["content"] == LESSON.title
    text, fields, columns, hint = card["body"]["elements"]
    assert text["text"]["content"] == "15:10 截止"
    assert fields["text"]["content"] == "已签到：3 人\n应到：12 人"
    first = columns["columns"][0]["elements"][0]
    assert first["type"] == "primary"
    assert first["behaviors"] == [{"type": "callback", "value": {"says": "签到", "about": "lesson:17"}}]
    assert hint["text"]["text_size"] == "notation"


def test_buttons_of_a_card_for_a_person_say_so() -> None:
    card = json.loads(render(LESSON, private=True)[1])
    value = card["body"]["elements"][2]["columns"][1]["elements"][0]["behaviors"][0]["value"]
    assert value == {"says": "请假", "about": "lesson:17", "private": True}


def test_card_text_is_never_markdown() -> None:
    content = render_card(Card("标题", "<at id=all></at> **粗** [链接](https://example.org)"))
    assert "markdown" not in content
    assert "lark_md" not in content


@given(cards)
def test_any_card_passes_the_checks(card: Card) -> None:
    check_card(json.loads(render_card(card)))


@pytest.mark.parametrize("line", ["谁没签到：小李\n", '"\\\n', "🐝" * 30 + "\n", "x" * 200, "\n"])
def test_long_cards_are_cut(line: str) -> None:
    long = Card("名册", line * 40_000 if len(line) < 10 else line * 2_000, hint="回复「导出」", buttons=LESSON.buttons)
    content = render_card(long)
    assert request_size(content) < LARGEST_CARD_REQUEST
    text = json.loads(content)["body"]["elements"][0]["text"]["content"]
    assert text.endswith("…")
    assert long.text.startswith(text[:-1])
    assert request_size(content) > LARGEST_CARD_REQUEST * 0.9


def test_cards_are_cut_at_a_line_end() -> None:
    text = json.loads(render_card(Card("名册", "小李 没签到\n" * 10_000)))["body"]["elements"][0]["text"]["content"]
    assert text.endswith("没签到\n…")


def test_many_long_fields_leave_room_for_the_text() -> None:
    card = Card("名册", "正文", tuple(Field(f"第{number}项", "值" * 100) for number in range(300)))
    content = render_card(card)
    assert request_size(content) < LARGEST_CARD_REQUEST
    assert "正文" in shown(json.loads(content))


def test_long_texts_are_cut() -> None:
    content = render(Text("小李 没签到\n" * 40_000), private=False)[1]
    assert request_size(content) < 150_000
    assert json.loads(content)["text"].endswith("没签到\n…")
