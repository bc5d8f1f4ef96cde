"""Neutral content as text messages and cards that Feishu accepts."""

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import Button, Card, Choice, Field, Form, Mention, Text
from bot.platforms.feishu.pressing import Press, read_press
from bot.platforms.feishu.render import render_card, render_text
from tests.fakes.feishu_cards import check_card

LARGEST_CARD_REQUEST = 30_000
texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
buttons = st.builds(Button, texts, texts, texts, st.sampled_from(["primary", "plain", "danger"]))
choices = st.builds(Choice, texts, st.lists(buttons, max_size=4).map(tuple))
cards = st.builds(
    Card,
    title=texts,
    text=texts,
    fields=st.lists(st.builds(Field, texts, texts), max_size=4).map(tuple),
    buttons=st.lists(buttons, max_size=4).map(tuple),
    choice=st.none() | choices,
    form=st.none() | st.builds(Form, texts, buttons),
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


def elements(content: str, tag: str) -> list[Any]:
    return [element for element in json.loads(content)["body"]["elements"] if element["tag"] == tag]


def test_text() -> None:
    assert render_text(Text("✅ 已签到\n小李")) == '{"text":"✅ 已签到\\n小李"}'


def test_mentions_come_first_and_are_real() -> None:
    text = Text("下课了，还没有签到", (Mention("小李", "ou_1"), Mention("小张", "ou_a-b_2")))
    assert json.loads(render_text(text)) == {
        "text": '<at user_id="ou_1">小李</at> <at user_id="ou_a-b_2">小张</at> 下课了，还没有签到'
    }


@pytest.mark.parametrize("ref", ["all", "", 'ou_1"><at user_id="all', "user:1", "ou_"])
def test_what_is_no_open_id_is_only_a_name(ref: str) -> None:
    assert json.loads(render_text(Text("好", (Mention("小李", ref),))))["text"] == "@小李 好"


def test_a_name_cannot_mention() -> None:
    text = json.loads(render_text(Text("好", (Mention('</at><at user_id="all">', "ou_1"),))))["text"]
    assert text.count("<at ") == 1
    assert "</at> 好" in text


@pytest.mark.parametrize(
    "attack", ['<at user_id="all">所有人</at>', "<AT user_id=all>", "< at id=ou_x>", "</at>", "<\tat >"]
)
def test_text_cannot_mention(attack: str) -> None:
    text = json.loads(render_text(Text(f"地点：{attack}")))["text"]
    assert "<" not in text
    assert "＜" in text


def test_card() -> None:
    card = json.loads(render_card(LESSON))
    check_card(card)
    assert card["header"]["title"]["content"] == LESSON.title
    text, fields, columns, hint = card["body"]["elements"]
    assert text["text"]["content"] == "15:10 截止"
    assert fields["text"]["content"] == "已签到：3 人\n应到：12 人"
    first = columns["columns"][0]["elements"][0]
    assert first["type"] == "primary"
    assert first["behaviors"] == [{"type": "callback", "value": {"says": "签到", "about": "lesson:17"}}]
    assert hint["text"]["text_size"] == "notation"


def test_buttons_of_a_card_for_a_person_say_so() -> None:
    card = json.loads(render_card(LESSON, private=True))
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
    content = render_text(Text("小李 没签到\n" * 40_000, (Mention("小李", "ou_1"),) * 300))
    assert request_size(content) < 150_000
    assert json.loads(content)["text"].endswith("没签到\n…")


CHOICE = Choice("哪一件", (Button("垃圾", "办结 1001", "case:1001"), Button("路灯", "办结 1002", "case:1002")))
FORM = Form("写下处理结果", Button("办结", "办结 1001", "case:1001", "primary"))


def test_choice() -> None:
    (select,) = elements(render_card(Card("办结", choice=CHOICE)), "select_static")
    assert select["placeholder"]["content"] == "哪一件"
    assert [(option["text"]["content"], option["value"]) for option in select["options"]] == [
        ("垃圾", "办结 1001"),
        ("路灯", "办结 1002"),
    ]


@pytest.mark.parametrize("private", [True, False])
def test_what_is_picked_is_read_back(private: bool) -> None:
    same = Choice("签到", (Button("签到", "签到", "lesson:17"), Button("请假", "请假", "lesson:17")))
    for choice in (CHOICE, same):
        (select,) = elements(render_card(Card("办结", choice=choice), private=private), "select_static")
        for option in choice.options:
            action = {"value": select["behaviors"][0]["value"], "option": option.says}
            assert read_press(action) == Press(option.says, option.about, private)


def test_a_choice_of_nothing_is_not_shown() -> None:
    assert not elements(render_card(Card("办结", choice=Choice("哪一件", ()))), "select_static")


def test_options_that_say_the_same_are_one() -> None:
    choice = Choice("哪一件", (Button("一", "签到"), Button("二", "签到"), Button("三", "请假")))
    (select,) = elements(render_card(Card("办结", choice=choice)), "select_static")
    assert [option["text"]["content"] for option in select["options"]] == ["一", "三"]


def test_long_choices_are_cut() -> None:
    options = tuple(Button(f"第{n}件：路灯不亮", f"办结 {n}", f"case:{n}") for n in range(1000))
    content = render_card(Card("办结", "很长" * 20_000, choice=Choice("哪一件", options)))
    (select,) = elements(content, "select_static")
    assert 20 < len(select["options"]) < 200
    assert request_size(content) < LARGEST_CARD_REQUEST


@pytest.mark.parametrize("private", [True, False])
def test_what_is_written_is_read_back_even_where_the_value_is_lost(private: bool) -> None:
    (form,) = elements(render_card(Card("诉求", form=FORM), private=private), "form")
    words, submit = form["elements"]
    assert (words["tag"], words["placeholder"]["content"]) == ("input", "写下处理结果")
    assert (submit["form_action_type"], submit["type"]) == ("submit", "primary")
    written = {"form_value": {words["name"]: "已清运"}}
    expected = Press("办结 1001 已清运", "case:1001", private)
    assert read_press(written | {"value": submit["value"], "name": submit["name"]}) == expected
    assert read_press(written | {"name": submit["name"]}) == expected


def test_pictures() -> None:
    first, second = elements(render_card(Card("隐患"), pictures=["img_1", "img_2"]), "img")
    assert (first["img_key"], second["img_key"]) == ("img_1", "img_2")


def test_what_a_card_holds_comes_in_one_order() -> None:
    card = Card(
        "诉求", "正文", (Field("编号", "1001"),), (), (Button("受理", "受理 1001"),), CHOICE, FORM, "回复「受理」"
    )
    content = render_card(card, pictures=["img_1"])
    check_card(json.loads(content))
    tags = [element["tag"] for element in json.loads(content)["body"]["elements"]]
    assert tags == ["div", "div", "img", "select_static", "column_set", "form", "div"]
