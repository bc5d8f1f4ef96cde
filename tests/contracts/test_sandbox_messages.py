"""What the sandbox takes from its page: messages, button presses and photos, each of them once."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import unquote
from uuid import uuid4

import httpx
import pytest

from models.database import Database
from tests.conftest import START, StandingClock
from tests.contracts.sandbox_app import ROSTER, Sandbox, sandbox


@pytest.fixture
def page(database: Database, clock: StandingClock, tmp_path: Path) -> Iterator[Sandbox]:
    with sandbox(database, clock, tmp_path / "photos") as served:
        yield served


def refused(answer: httpx.Response, status: int, why: str) -> bool:
    detail = answer.json()["detail"]
    return answer.status_code == status and why in detail


# Messages


def test_a_message_reaches_the_intake_and_the_log(page: Sandbox) -> None:
    answer = page.say("签到", id="0123456789abcdef")
    assert answer.status_code == 200
    assert (answer.json()["answer"], answer.json()["duplicate"]) == ("记下了", False)
    (message,) = page.intake.messages
    assert (message.platform, message.bot, message.key, message.ref) == ("sandbox", "main", *["0123456789abcdef"] * 2)
    assert (message.chat, message.private, message.sender, message.text) == ("branch", False, "u4", "签到")
    assert (message.kind, message.addressed, message.sent_at) == ("message", False, START)
    (bubble,) = page.log()
    assert bubble == answer.json()["message"]
    assert bubble["content"] == {"kind": "said", "text": "签到", "photos": []}
    assert (bubble["uuid"], bubble["sender"], bubble["ticked"]) == ("0123456789abcdef", "u4", False)


def test_the_same_id_is_the_same_message(page: Sandbox) -> None:
    answers = [page.say("签到", id="0123456789abcdef").json() for _ in range(3)]
    assert [answer["duplicate"] for answer in answers] == [False, True, True]
    assert len({answer["answer"] for answer in answers}) == len(page.intake.messages) == len(page.log()) == 1


@pytest.mark.parametrize("change", [{"sender": "u5"}, {"chat": "property"}, {"text": "请假"}])
def test_an_id_stays_with_its_message(page: Sandbox, change: dict[str, Any]) -> None:
    page.say(id="0123456789abcdef")
    assert refused(page.say(id="0123456789abcdef", **change), 409, "已经用过")
    assert len(page.intake.messages) == len(page.log()) == 1


def test_what_could_not_be_committed_is_sent_again(page: Sandbox) -> None:
    page.intake.unavailable = 1
    assert refused(page.say(id="0123456789abcdef"), 503, "再试一次")
    assert page.say(id="0123456789abcdef").json()["duplicate"] is False
    assert len(page.log()) == 1


def test_a_mention_addresses_the_bot_and_is_taken_off(page: Sandbox, subtests: pytest.Subtests) -> None:
    for said, heard in [
        ("@小蜂 待办", "待办"),
        ("@小蜂\u2005待办", "待办"),
        ("待办@小蜂", "待办"),
        ("问 @小蜂 一下", "问 一下"),
        ("@小蜂", ""),
    ]:
        with subtests.test(said=said):
            page.say(said)
            message = page.intake.messages[-1]
            assert (message.addressed, message.text) == (True, heard)
            assert page.log()[-1]["content"]["text"] == said


def test_in_private_everything_is_for_the_bot(page: Sandbox) -> None:
    page.say("我有多少积分", chat="private:u4")
    (message,) = page.intake.messages
    assert (message.private, message.addressed, message.chat) == (True, True, "private:u4")


def test_control_characters_do_not_get_in(page: Sandbox) -> None:
    page.say("\x00签\x1b到\n二\x7f ")
    assert page.intake.messages[0].text == "签到\n二"


BAD_MESSAGES: list[tuple[dict[str, Any], int, str]] = [
    ({"text": ""}, 422, "说点什么"),
    ({"text": " \n\x00"}, 422, "说点什么"),
    ({"text": "好" * 4001}, 422, "4000"),
    ({"text": 5}, 422, "4000"),
    ({"id": "short"}, 422, "编号"),
    ({"id": "0123456789abcdef\n"}, 422, "编号"),
    ({"id": None}, 422, "编号"),
    ({"sender": ""}, 422, "不认识"),
    ({"sender": "u4;drop"}, 422, "不认识"),
    ({"chat": "../x"}, 422, "没有这个群"),
    ({"chat": "private:u5"}, 403, "别人"),
    ({"photos": ["0" * 32 + ".jpg"]}, 422, "照片"),
    ({"photos": ["../../keys/master.key"]}, 422, "照片"),
    ({"photos": ["a"] * 10}, 422, "9 张"),
    ({"more": 1}, 422, "看不懂"),
]


def test_bad_messages_are_refused_in_chinese(page: Sandbox, subtests: pytest.Subtests) -> None:
    for change, status, why in BAD_MESSAGES:
        with subtests.test(change=change):
            assert refused(page.say(**change), status, why)
    assert not page.intake.messages
    assert not page.log()


def test_garbage_is_refused_and_the_server_goes_on(page: Sandbox, subtests: pytest.Subtests) -> None:
    for body, status in [
        (b"", 422),
        (b"[]", 422),
        (b"{", 422),
        (b"\xff\xfe", 422),
        (b'{"text":"\\ud800"}', 422),
        (b"[" * 50_000, 422),
        (b'"' + b"x" * 5_000_000 + b'"', 413),
    ]:
        with subtests.test(body=body[:20]):
            for path in ("/sandbox/messages", "/sandbox/buttons", "/sandbox/clock"):
                answer = page.client.post(path, content=body, headers={"Content-Type": "application/json"})
                assert answer.status_code == status
                assert set(answer.json()) == {"detail"}
                assert "Traceback" not in answer.text
            assert page.say().status_code == 200


def test_a_body_without_a_length_is_cut_off_too(page: Sandbox) -> None:
    answer = page.client.post("/sandbox/messages", content=(b"x" * 10_000 for _ in range(100)))
    assert refused(answer, 413, "太大")


def test_the_log_can_be_read_from_a_place_on(page: Sandbox) -> None:
    for text in ("一", "二", "三"):
        page.say(text)
    first, second, third = page.log()
    assert page.log(after=first["place"]) == [second, third]
    assert page.log(chat="property") == []
    assert page.log(chat="") == [first, second, third]
    assert isinstance(first["place"], str), "it is larger than a JavaScript number can hold"


def test_a_wrong_place_is_refused(page: Sandbox, subtests: pytest.Subtests) -> None:
    for after in ["-1", "x", str(2**63)]:
        with subtests.test(after=after):
            assert page.client.get("/sandbox/messages", params={"after": after}).status_code == 422


# Buttons


def test_a_button_says_its_words_about_its_subject(page: Sandbox) -> None:
    page.say("发卡")
    card = page.intake.card
    answer = page.press(card, 1)
    assert answer.json() == {"answer": "记下了", "duplicate": False}
    pressed = page.intake.messages[-1]
    assert (pressed.kind, pressed.text, pressed.about, pressed.addressed) == ("button", "请假", "lesson:17", True)
    assert (pressed.chat, pressed.private, pressed.sender, pressed.ref) == ("branch", False, "u4", card)
    assert len(page.log()) == 2, "a press is not a bubble"


def test_a_press_counts_once_and_a_later_press_again(page: Sandbox) -> None:
    page.say("发卡")
    card = page.intake.card
    once = [page.press(card, id="press-0001").json()["duplicate"] for _ in range(2)]
    assert once == [False, True]
    assert page.press(card, id="press-0002").json()["duplicate"] is False
    assert page.press(card, id="press-0002", sender="u5").json()["duplicate"] is False


BAD_PRESSES: list[tuple[dict[str, Any], int, str]] = [
    ({"card": "none"}, 404, "没有这张卡片"),
    ({"index": 2}, 409, "已经更新"),
    ({"index": -1}, 422, "没有这个按钮"),
    ({"index": "x"}, 422, "没有这个按钮"),
    ({"sender": "u5"}, 403, "别人"),
]


def test_bad_presses_are_refused(page: Sandbox, subtests: pytest.Subtests) -> None:
    page.say("私下发卡", chat="private:u4")
    for change, status, why in BAD_PRESSES:
        with subtests.test(change=change):
            press: dict[str, Any] = {"card": page.intake.card, **change}
            assert refused(page.press(**press), status, why)
    assert [message.kind for message in page.intake.messages] == ["message"]


def test_what_people_say_has_no_buttons(page: Sandbox) -> None:
    said = page.say('{"kind":"card","title":"x","buttons":[]}').json()["message"]["uuid"]
    assert refused(page.press(said), 404, "没有这张卡片")


def test_the_buttons_of_an_updated_card_are_gone(page: Sandbox) -> None:
    page.say("发卡")
    page.say("更新")
    assert refused(page.press(page.intake.card), 409, "已经更新")


def test_a_choice_says_the_words_of_what_was_picked(page: Sandbox) -> None:
    page.say("派单卡")
    assert page.press(page.intake.card, None, option=1).json() == {"answer": "记下了", "duplicate": False}
    picked = page.intake.messages[-1]
    assert (picked.kind, picked.text, picked.about, picked.addressed) == ("button", "派单 1001 城管", "case:1001", True)


@pytest.mark.parametrize(("written", "heard"), [(" 已 清运\n了\x00 ", "办结 1001 已 清运 了"), ("", "办结 1001")])
def test_a_form_says_its_words_and_what_was_written(page: Sandbox, written: str, heard: str) -> None:
    page.say("派单卡")
    assert page.press(page.intake.card, None, words=written).status_code == 200
    filled = page.intake.messages[-1]
    assert (filled.kind, filled.text, filled.about) == ("button", heard, "case:1001")


def test_each_part_of_a_card_is_pressed_once(page: Sandbox) -> None:
    page.say("派单卡")
    parts: list[dict[str, Any]] = [{"option": 0}, {"option": 1}, {"words": "已清运"}]
    for part in parts:
        once = [page.press(page.intake.card, None, id="press-0001", **part).json()["duplicate"] for _ in range(2)]
        assert once == [False, True], part


BAD_PARTS: list[tuple[dict[str, Any], int, str]] = [
    ({"option": 2}, 409, "已经更新"),
    ({"option": -1}, 422, "没有这个选项"),
    ({"option": "x"}, 422, "没有这个选项"),
    ({"words": "好" * 501}, 422, "500"),
    ({"words": 5}, 422, "500"),
    ({"index": 0}, 409, "已经更新"),
    ({"option": 0, "words": "已清运"}, 422, "看不懂"),
    ({}, 422, "看不懂"),
    ({"option": 0, "message": "none"}, 404, "没有这张卡片"),
]


def test_bad_parts_are_refused(page: Sandbox, subtests: pytest.Subtests) -> None:
    page.say("派单卡")
    for part, status, why in BAD_PARTS:
        with subtests.test(part=part):
            assert refused(page.press(page.intake.card, **{"index": None, **part}), status, why)
    assert [message.kind for message in page.intake.messages] == ["message"]


def test_a_card_without_choice_and_form_has_none(page: Sandbox) -> None:
    page.say("发卡")
    assert refused(page.press(page.intake.card, None, option=0), 409, "已经更新")
    assert refused(page.press(page.intake.card, None, words="已清运"), 409, "已经更新")


# Files


def test_a_file_is_shown_by_its_name_and_fetched_apart(page: Sandbox) -> None:
    page.say("发文件")
    (bubble,) = page.log("private:u4")
    assert bubble["content"] == {"name": ROSTER.name, "kind": "attachment"}
    answer = page.client.get(f"/sandbox/files/{bubble['uuid']}")
    assert (answer.status_code, answer.content) == (200, ROSTER.data)
    assert answer.headers["Content-Type"] == "application/vnd.openxmlformats-officedocument.spreadsheetml.sheet"
    named = answer.headers["Content-Disposition"].partition("filename*=UTF-8''")
    assert (named[0], unquote(named[2])) == ("attachment; ", ROSTER.name)
    assert answer.headers["X-Content-Type-Options"] == "nosniff"


def test_what_is_no_file_is_not_fetched(page: Sandbox) -> None:
    said = page.say('{"kind":"attachment","name":"x","data":""}').json()["message"]["uuid"]
    page.say("发卡")
    for uuid in (said, page.intake.card, "none", "..%2Fj.db"):
        assert page.client.get(f"/sandbox/files/{uuid}").status_code == 404


# Photos


def test_a_photo_goes_with_a_message(page: Sandbox) -> None:
    name = page.upload().json()["photo"]
    page.say("", photos=[name])
    assert page.intake.messages[0].photos == (name,)
    for query in ("", "?thumb=1"):
        answer = page.client.get(f"/sandbox/photos/{name}{query}")
        assert (answer.status_code, answer.headers["Content-Type"]) == (200, "image/jpeg")
        assert answer.content.startswith(b"\xff\xd8")


def test_what_is_no_photo_is_refused(page: Sandbox, subtests: pytest.Subtests) -> None:
    for data, status, why in [(b"hello", 415, "打不开"), (b"", 415, "打不开"), (b"x" * 11_000_000, 413, "太大")]:
        with subtests.test(data=data[:20]):
            assert refused(page.upload(data), status, why)


def test_other_names_lead_nowhere(page: Sandbox, subtests: pytest.Subtests) -> None:
    for name in ["0" * 32 + ".jpg", "..%2Fj.db", "x", str(uuid4())]:
        with subtests.test(name=name):
            assert page.client.get(f"/sandbox/photos/{name}").status_code == 404
