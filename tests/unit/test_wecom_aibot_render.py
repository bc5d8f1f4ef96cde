"""Neutral content as robots of WeCom show it."""

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from bot.content import Button, Card, Choice, Field, Form, Mention, Text
from bot.platforms.wecom_aibot.render import LARGEST_TEXT, answered, harmless, pack, shown, unpack
from tests.fakes.wecom_cards import check_card

texts = st.text(st.characters(exclude_categories=["Cs"]), max_size=60)
long_texts = texts | texts.map(lambda text: text * 400)
buttons = st.builds(Button, texts, texts, texts, st.sampled_from(["primary", "plain", "danger"]))
choices = st.builds(Choice, texts, st.lists(buttons, max_size=24).map(tuple))
cards = st.builds(
    Card,
    title=texts,
    text=long_texts,
    fields=st.lists(st.builds(Field, texts, texts), max_size=9).map(tuple),
    buttons=st.lists(buttons, max_size=9).map(tuple),
    choice=st.none() | choices,
    form=st.none() | st.builds(Form, texts, buttons),
    hint=texts,
)
LESSON = Card(
    title="10分钟微课堂《交通安全》",
    text="15:10 截止",
    fields=(Field("已签到", "3 人"), Field("应到人数是多少", "12 人")),
    buttons=(Button("签到", "签到", "lesson:17", "primary"), Button("请假", "请假", "lesson:17")),
    hint="回复「签到」也可以",
)
QUESTION = Card(
    "上哪一课", choice=Choice("请选一课", (Button("一", "选 1", "a"), Button("二", "选 2", "a"))), hint="回复 1"
)


@given(cards)
def test_every_card_is_one_that_wecom_takes(card: Card) -> None:
    said = shown(card, "a" * 32)
    assert said.card or said.markdown
    assert len(said.markdown.encode()) <= LARGEST_TEXT
    if said.card:
        check_card(said.card)
        json.dumps(said.card)
    for answer in ("已签到", ""):
        if updated := answered(card, "a" * 32, answer):
            check_card(updated, update=True)


@given(long_texts, st.lists(st.builds(Mention, texts, texts), max_size=3).map(tuple), st.booleans())
def test_every_text_is_one_that_wecom_takes(text: str, mentions: tuple[Mention, ...], real: bool) -> None:
    said = shown(Text(text, mentions), "a" * 32, mentions=real)
    assert 0 < len(said.markdown.encode()) <= LARGEST_TEXT
    assert said.card is None


def test_button_card() -> None:
    said = shown(LESSON, "t1")
    assert said.markdown == ""
    assert said.card == {
        "card_type": "button_interaction",
        "main_title": {"title": "10分钟微课堂《交通安全》"},
        "sub_title_text": "15:10 截止\n应到人数是多少：12 人\n回复「签到」也可以",
        "horizontal_content_list": [{"keyname": "已签到", "value": "3 人"}],
        "button_list": [
            {"text": "签到", "style": 1, "key": '["签到","lesson:17"]'},
            {"text": "请假", "style": 2, "key": '["请假","lesson:17"]'},
        ],
        "task_id": "t1",
    }


def test_choice_card() -> None:
    said = shown(QUESTION, "t1")
    assert said.card is not None
    assert said.card["card_type"] == "vote_interaction"
    assert said.card["main_title"] == {"title": "上哪一课", "desc": "请选一课\n回复 1"}
    assert [option["id"] for option in said.card["checkbox"]["option_list"]] == ['["选 1","a"]', '["选 2","a"]']


def test_buttons_win_over_a_choice() -> None:
    card = Card("题", buttons=LESSON.buttons, choice=QUESTION.choice, hint="也可以回复 1")
    said = shown(card, "t1").card
    assert said is not None
    assert said["card_type"] == "button_interaction"
    assert said["sub_title_text"] == "也可以回复 1"


def test_card_without_anything_to_press_is_markdown() -> None:
    card = Card("📍 已登记隐患 1024", fields=(Field("类别", "路灯"),), hint="发「进度 1024」")
    assert shown(card, "t1").markdown == "**📍 已登记隐患 1024**\n类别：路灯\n发「进度 1024」"


def test_options_that_do_not_fit_make_no_card() -> None:
    many = tuple(Button(str(number), f"选 {number}") for number in range(21))
    long = (Button("长", "选" * 60),)
    for options in (many, long):
        said = shown(Card("题", choice=Choice("哪一个", options), hint="回复编号"), "t1")
        assert (said.card, said.markdown) == (None, "**题**\n回复编号")


def test_long_title_goes_on_below() -> None:
    card = Card(
        "📖 10分钟微课堂《交通安全与电动车充电》开始签到，15:10 截止。回复「签到」即可。", buttons=LESSON.buttons
    )
    said = shown(card, "t1").card
    assert said is not None
    assert said["main_title"]["title"] + said["sub_title_text"] == card.title


def test_what_a_card_cannot_show_is_said_in_front_of_it() -> None:
    said = shown(Card("新派单", text="路灯坏了。" * 50, buttons=LESSON.buttons), "t1")
    assert "路灯坏了。" * 50 in said.markdown
    assert said.card is not None
    assert said.card["sub_title_text"].endswith("…")


def test_answer_stands_on_the_card_and_its_buttons_stay() -> None:
    updated = answered(LESSON, "t1", "✅ 已签到")
    assert updated is not None
    assert updated["sub_title_text"].startswith("✅ 已签到\n15:10 截止")
    assert len(updated["button_list"]) == 2
    choice = answered(QUESTION, "t1", "选好了")
    assert choice is not None
    assert choice["main_title"]["desc"].startswith("选好了")


@pytest.mark.parametrize(
    ("wrote", "shows"),
    [
        ("<@all> 快来", "＜@all> 快来"),
        ("<@zhangsan>", "＜@zhangsan>"),
        ("[点这里](https://example.org)", "［点这里］(https://example.org)"),
        ("![](https://example.org/1.png)", "!［］(https://example.org/1.png)"),
        ("**粗** __粗__ ~~删~~ `码`", "＊＊粗＊＊ ＿＿粗＿＿ ～～删～～ ｀码｀"),
        ("# 题\n > 引\r\n---\n    码", "＃ 题\n＞ 引\n－－－\n\u3000\u3000码"),
        ("<think>想", "＜think>想"),
        ("1 > 0，见 https://example.org", "1 > 0，见 https://example.org"),
        ("- 一\n- 二", "- 一\n- 二"),
    ],
)
def test_what_people_wrote_is_only_words(wrote: str, shows: str) -> None:
    assert harmless(wrote) == shows
    assert shown(Text(wrote), "t1").markdown == shows


def test_mentions_are_real_where_there_are_such() -> None:
    text = Text("今天还没签到", (Mention("小李", "lihua"), Mention("<小张>", "zhang>san")))
    assert shown(text, "t1").markdown == "<@lihua> @＜小张> 今天还没签到"
    assert shown(text, "t1", mentions=False).markdown.startswith("@小李 ")


def test_long_text_ends_with_a_whole_line() -> None:
    markdown = shown(Text("小李 没签到\n" * 5000), "t1").markdown
    assert markdown.endswith("小李 没签到\n…")
    assert LARGEST_TEXT - 50 < len(markdown.encode()) <= LARGEST_TEXT


@given(texts, texts)
def test_key_comes_back_as_it_was(says: str, about: str) -> None:
    assert unpack(pack(Button("x", says, about))) == (says, about)


@pytest.mark.parametrize("key", ["", "submit", "[", "[" * 100_000, "{}", "[1,2]", '["a"]', '["a","b","c"]'])
def test_keys_of_others_say_nothing(key: str) -> None:
    assert unpack(key) == ("", "")
