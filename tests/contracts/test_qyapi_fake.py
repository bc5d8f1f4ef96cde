"""The fake of qyapi is as strict as the contract says, or tests against it would prove nothing."""

import base64
import hashlib
import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.pictures import picture
from tests.fakes.qyapi import AGENT_ID, CORP_ID, CORP_SECRET, ROBOT_KEY, Qyapi
from tests.fakes.serving import free_port
from tests.fakes.wechat_api import Fault

NOTICE = {"card_type": "text_notice", "main_title": {"title": "微课堂"}, "card_action": {"type": 1, "url": "http://a"}}
BUTTONS = {
    "card_type": "button_interaction",
    "main_title": {"title": "微课堂"},
    "button_list": [{"text": "签到", "style": 1, "key": "k1"}],
    "task_id": "t1",
}
ARTICLE = {"title": "周报", "url": "http://a", "description": "本周"}


class Caller:
    """A plain client of the app, and of the robot."""

    def __init__(self, qyapi: Qyapi) -> None:
        self.http = httpx.Client(base_url=f"{qyapi.url}/cgi-bin")
        self.token = ""
        self.renew()

    def renew(self, **changes: str) -> dict[str, Any]:
        query = {"corpid": CORP_ID, "corpsecret": CORP_SECRET} | changes
        answer: dict[str, Any] = self.http.get("/gettoken", params=query).json()
        self.token = answer.get("access_token", self.token)
        return answer

    def post(self, path: str, body: object, *, key: str = "") -> dict[str, Any]:
        query = {"key": key} if key else {"access_token": self.token}
        content = json.dumps(body, ensure_ascii=False).encode()
        answer = self.http.post(path, params=query, content=content)
        assert answer.status_code == 200
        return dict(answer.json())

    def send(self, msgtype: str = "text", content: Any = None, **changes: Any) -> dict[str, Any]:
        body = {"touser": "zhao", "agentid": AGENT_ID, "msgtype": msgtype, msgtype: content or {"content": "签到"}}
        return self.post("/message/send", body | changes)

    def say(self, msgtype: str, content: Any, key: str = ROBOT_KEY) -> int:
        return int(self.post("/webhook/send", {"msgtype": msgtype, msgtype: content}, key=key)["errcode"])

    def upload(self, data: bytes, kind: str = "image", name: str = "a.jpg", *, key: str = "") -> dict[str, Any]:
        query = {"type": kind} | ({"key": key} if key else {"access_token": self.token})
        path = "/webhook/upload_media" if key else "/media/upload"
        return dict(self.http.post(path, params=query, files={"media": (name, data)}).json())


@pytest.fixture
def qyapi() -> Iterator[Qyapi]:
    with Qyapi() as serving:
        yield serving


@pytest.fixture
def caller(qyapi: Qyapi) -> Iterator[Caller]:
    caller = Caller(qyapi)
    yield caller
    caller.http.close()


# Tokens


def test_token_stays_the_same_until_it_ends(caller: Caller, qyapi: Qyapi) -> None:
    first = caller.token
    assert caller.renew()["expires_in"] in range(7190, 7201)
    assert caller.token == first
    qyapi.revoke_tokens()
    assert caller.send()["errcode"] == 42001
    caller.renew()
    assert caller.token != first
    assert caller.send()["errcode"] == 0
    qyapi.advance(7200)
    assert caller.send()["errcode"] == 42001


@pytest.mark.parametrize(
    ("changes", "code"), [({"corpid": "x"}, 40013), ({"corpsecret": "x"}, 40001), ({"corpsecret": ""}, 40001)]
)
def test_wrong_credentials(caller: Caller, changes: dict[str, str], code: int) -> None:
    assert caller.renew(**changes)["errcode"] == code


def test_tokens_that_nobody_gave(caller: Caller) -> None:
    caller.token = "x"
    assert caller.send()["errcode"] == 40014
    caller.token = ""
    assert caller.send()["errcode"] == 41001


def test_untrusted_address(caller: Caller, qyapi: Qyapi) -> None:
    qyapi.trust(False)
    assert caller.send()["errcode"] == 60020
    assert caller.renew()["errcode"] == 60020


# Faults


@pytest.mark.parametrize(
    ("fault", "code"), [("busy", -1), ("limited", 45009), ("expired_token", 42001), ("invalid_token", 40014)]
)
def test_faults_refuse(caller: Caller, qyapi: Qyapi, fault: Fault, code: int) -> None:
    qyapi.fail_next(fault)
    assert caller.send()["errcode"] == code
    assert not qyapi.record.messages
    assert caller.send()["errcode"] == 0


@pytest.mark.parametrize(("fault", "status"), [("html", 200), ("error_502", 502), ("error_500", 500)])
def test_faults_that_are_no_answer(caller: Caller, qyapi: Qyapi, fault: Fault, status: int) -> None:
    qyapi.fail_next(fault)
    answer = caller.http.post("/message/send", params={"access_token": caller.token}, json={})
    assert answer.status_code == status
    assert answer.headers["content-type"].startswith("application/json" if fault == "error_500" else "text/html")


@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer"])
def test_faults_that_take(caller: Caller, qyapi: Qyapi, fault: Fault) -> None:
    caller.http.timeout = httpx.Timeout(0.3)
    qyapi.fail_next(fault)
    with pytest.raises((httpx.ReadTimeout, httpx.RemoteProtocolError)):
        caller.send()
    assert len(qyapi.record.messages) == 1


# message/send


def test_text_to_several(caller: Caller, qyapi: Qyapi) -> None:
    qyapi.remove_member("li")
    answer = caller.send(touser="zhao|li|zhang")
    (message,) = qyapi.record.messages
    assert (answer["invaliduser"], answer["msgid"]) == ("li", message.msgid)
    assert (message.to, message.content, message.truncated) == (["zhao", "zhang"], {"content": "签到"}, False)
    assert caller.send(touser="li")["errcode"] == 81013


def test_long_texts_are_cut_between_characters(caller: Caller, qyapi: Qyapi) -> None:
    caller.send("text", {"content": "签" * 683})
    (message,) = qyapi.record.messages
    assert (message.truncated, message.content["content"]) == (True, "签" * 682)


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (40056, {"agentid": AGENT_ID + 1}),
        (40056, {"agentid": str(AGENT_ID)}),
        (82001, {"touser": ""}),
        (40032, {"touser": "|".join(f"u{number}" for number in range(1001))}),
        (40008, {"msgtype": "voice"}),
        (40063, {"text": "签到"}),
        (44004, {"text": {"content": ""}}),
        (45002, {"msgtype": "markdown", "markdown": {"content": "签" * 683}}),
        (40007, {"msgtype": "image", "image": {"media_id": "gone"}}),
        (40007, {"msgtype": "file", "file": {}}),
        (45002, {"msgtype": "news", "news": {"articles": []}}),
        (40058, {"msgtype": "template_card", "template_card": {"card_type": "other"}}),
        (40058, {"msgtype": "template_card", "template_card": BUTTONS | {"task_id": "任务"}}),
        (40058, {"msgtype": "template_card", "template_card": BUTTONS | {"button_list": []}}),
        (40035, {"enable_duplicate_check": 1, "duplicate_check_interval": 14401}),
    ],
)
def test_bad_messages(caller: Caller, qyapi: Qyapi, code: int, changes: dict[str, Any]) -> None:
    assert caller.send(**changes)["errcode"] == code
    assert not qyapi.record.messages


def test_other_kinds(caller: Caller, qyapi: Qyapi) -> None:
    media = caller.upload(picture())["media_id"]
    file = caller.upload(b"name;days", "file", "a.csv")["media_id"]
    assert caller.send("image", {"media_id": media})["errcode"] == 0
    assert caller.send("image", {"media_id": file})["errcode"] == 40007
    assert caller.send("file", {"media_id": file})["errcode"] == 0
    assert caller.send("markdown", {"content": "**签到**"})["errcode"] == 0
    assert caller.send("news", {"articles": [ARTICLE]})["errcode"] == 0
    assert "response_code" in caller.send("template_card", BUTTONS)
    kinds = [message.msgtype for message in qyapi.record.messages]
    assert kinds == ["image", "file", "markdown", "news", "template_card"]


def test_bodies_must_be_json_in_utf_8(caller: Caller) -> None:
    query = {"access_token": caller.token}
    codes = []
    for content in (
        b'{"a":"\\u4f60"}',
        b'{"a":"\\\\\\u4f60"}',
        b'{"a":"\\\\u4f60"}',
        b"{",
        b"[]",
        '"签"'.encode("gbk"),
    ):
        codes.append(caller.http.post("/message/send", params=query, content=content).json()["errcode"])
    assert codes == [40033, 40033, 40056, 47001, 47001, 47001]


def test_duplicates_are_held_back_when_asked_for(caller: Caller, qyapi: Qyapi) -> None:
    assert [caller.send(enable_duplicate_check=1)["errcode"] for _ in range(3)] == [0, 0, 0]
    assert (len(qyapi.record.messages), qyapi.record.repeated) == (1, 2)
    caller.send(enable_duplicate_check=1, touser="li")
    caller.send("text", {"content": "另一条"}, enable_duplicate_check=1)
    assert len(qyapi.record.messages) == 3
    qyapi.advance(1800)
    caller.send(enable_duplicate_check=1)
    caller.send()
    assert len(qyapi.record.messages) == 5


def test_too_many_for_one_member_are_dropped_silently(caller: Caller, qyapi: Qyapi) -> None:
    for _ in range(31):
        assert caller.send(touser="zhao|li")["errcode"] == 0
    assert len(qyapi.record.messages) == 30
    assert qyapi.record.dropped == ["zhao", "li"]
    qyapi.advance(60)
    caller.send()
    assert len(qyapi.record.messages) == 31


def test_a_thousand_an_hour(caller: Caller, qyapi: Qyapi) -> None:
    for number in range(1001):
        if number % 30 == 0:
            qyapi.advance(60)
        caller.send(enable_duplicate_check=0)
    assert (len(qyapi.record.messages), qyapi.record.dropped) == (1000, ["zhao"])


# Media


def test_media(caller: Caller, qyapi: Qyapi) -> None:
    answer = caller.upload(picture(), name="签到.jpg")
    assert (answer["errcode"], answer["type"]) == (0, "image")
    assert qyapi.record.uploads[0].name == "签到.jpg"
    query = {"access_token": caller.token, "media_id": answer["media_id"]}
    got = caller.http.get("/media/get", params=query)
    assert (got.content, got.headers["content-type"]) == (picture(), "image/jpeg")
    assert "attachment" in got.headers["content-disposition"]
    qyapi.advance(3 * 86400 + 1)
    caller.renew()
    gone = caller.http.get("/media/get", params=query | {"access_token": caller.token})
    assert (gone.status_code, gone.json()["errcode"]) == (200, 40007)


@pytest.mark.parametrize(
    ("data", "kind", "code"),
    [
        (b"", "image", 44001),
        (b"1234", "file", 40006),
        (b"no picture", "image", 40004),
        (picture(), "thumb", 40004),
        (b"\xff\xd8\xff" + bytes(10 * 1024 * 1024), "image", 40006),
    ],
)
def test_bad_uploads(caller: Caller, qyapi: Qyapi, data: bytes, kind: str, code: int) -> None:
    assert caller.upload(data, kind)["errcode"] == code
    assert not qyapi.record.uploads


def test_upload_under_another_name(caller: Caller) -> None:
    query = {"access_token": caller.token, "type": "image"}
    answer = caller.http.post("/media/upload", params=query, files={"file": ("a.jpg", picture())})
    assert answer.json()["errcode"] == 44001
    assert caller.http.post("/media/upload", params=query, content=picture()).json()["errcode"] == 44001


# Chats of the app


def test_chats_of_the_app(caller: Caller, qyapi: Qyapi) -> None:
    chat = {"name": "幸福里流动党支部", "owner": "zhao", "userlist": ["zhao", "li"], "chatid": "chat1"}
    assert caller.post("/appchat/create", chat)["chatid"] == "chat1"
    assert caller.post("/appchat/create", chat)["errcode"] == 86215
    told = caller.http.get("/appchat/get", params={"access_token": caller.token, "chatid": "chat1"}).json()
    assert told["chat_info"] == chat
    post = {"chatid": "chat1", "msgtype": "text", "text": {"content": "签到"}}
    assert caller.post("/appchat/send", post)["errcode"] == 0
    assert caller.post("/appchat/send", post | {"chatid": "other"})["errcode"] == 86003
    card = {"chatid": "chat1", "msgtype": "template_card", "template_card": NOTICE}
    assert caller.post("/appchat/send", card)["errcode"] == 40008
    (message,) = qyapi.record.chat_messages
    assert (message.chat, message.content) == ("chat1", {"content": "签到"})


@pytest.mark.parametrize(
    ("code", "changes"),
    [
        (86006, {"userlist": ["zhao"]}),
        (86006, {"userlist": [f"u{number}" for number in range(2001)]}),
        (86006, {"userlist": "zhao|li"}),
        (86004, {"name": "名" * 51}),
        (86207, {"owner": "zhang"}),
        (86001, {"chatid": "a" * 33}),
        (86001, {"chatid": "a-b"}),
        (86007, {"userlist": ["zhao", "gone"]}),
    ],
)
def test_bad_chats(caller: Caller, qyapi: Qyapi, code: int, changes: dict[str, Any]) -> None:
    qyapi.remove_member("gone")
    body = {"name": "支部", "owner": "zhao", "userlist": ["zhao", "li"]} | changes
    assert caller.post("/appchat/create", body)["errcode"] == code
    assert not qyapi.chats


# Robots


def image(data: bytes, md5: str = "") -> dict[str, str]:
    return {"base64": base64.b64encode(data).decode(), "md5": md5 or hashlib.md5(data).hexdigest()}


@pytest.mark.parametrize(
    ("msgtype", "content"),
    [
        ("text", {"content": "签" * 682, "mentioned_list": ["zhao", "@all"], "mentioned_mobile_list": ["13800001111"]}),
        ("markdown", {"content": "x" * 4096}),
        ("markdown_v2", {"content": "x" * 4096}),
        ("image", image(picture())),
        ("news", {"articles": [ARTICLE] * 8}),
        ("template_card", NOTICE),
    ],
)
def test_what_robots_say(caller: Caller, qyapi: Qyapi, msgtype: str, content: Any) -> None:
    assert caller.say(msgtype, content) == 0
    (message,) = qyapi.record.robot_messages
    assert (message.key, message.msgtype, message.content) == (ROBOT_KEY, msgtype, content)


@pytest.mark.parametrize(
    ("code", "msgtype", "content"),
    [
        (40058, "text", {"content": "签" * 683}),
        (44004, "text", {"content": ""}),
        (40058, "text", {"content": "a", "mentioned_list": "@all"}),
        (40058, "text", {"content": "a", "mentioned_mobile_list": [13800001111]}),
        (40058, "markdown", {"content": "x" * 4097}),
        (40058, "markdown_v2", {"content": "x" * 4097}),
        (301019, "image", image(picture(), "d41d8cd98f00b204e9800998ecf8427e")),
        (40009, "image", image(b"GIF89a")),
        (40009, "image", image(b"\xff\xd8\xff" + bytes(2 * 1024 * 1024))),
        (40058, "image", {"base64": "data:image/jpeg;base64,AAAA", "md5": "x"}),
        (40058, "news", {"articles": [ARTICLE] * 9}),
        (40058, "news", {"articles": [ARTICLE | {"title": "签" * 43}]}),
        (40058, "news", {"articles": [ARTICLE | {"description": "x" * 513}]}),
        (40058, "template_card", BUTTONS),
        (40058, "template_card", {"card_type": "text_notice", "main_title": {"title": "没有去处"}}),
        (40007, "file", {"media_id": "gone"}),
        (40008, "stream", {"content": "a"}),
    ],
)
def test_what_robots_may_not_say(caller: Caller, qyapi: Qyapi, code: int, msgtype: str, content: Any) -> None:
    assert caller.say(msgtype, content) == code
    assert not qyapi.record.robot_messages


def test_robots_that_were_thrown_out(caller: Caller, qyapi: Qyapi) -> None:
    assert caller.say("text", {"content": "a"}, key="other") == 93000
    qyapi.remove_robot(ROBOT_KEY)
    assert caller.say("text", {"content": "a"}) == 93000
    assert caller.upload(b"12345", "file", key=ROBOT_KEY)["errcode"] == 93000


def test_robots_files_are_their_own(caller: Caller) -> None:
    media = caller.upload(b"12345", "file", "周报.xlsx", key=ROBOT_KEY)["media_id"]
    assert caller.say("file", {"media_id": media}) == 0
    assert caller.send("file", {"media_id": media})["errcode"] == 40007
    own = caller.upload(b"12345", "file")["media_id"]
    assert caller.say("file", {"media_id": own}) == 40007
    assert caller.upload(picture(), "image", key=ROBOT_KEY)["errcode"] == 40004


def test_robots_say_twenty_a_minute(caller: Caller, qyapi: Qyapi) -> None:
    assert [caller.say("text", {"content": str(number)}) for number in range(21)] == [0] * 20 + [45009]
    qyapi.advance(59)
    assert caller.say("text", {"content": "a"}) == 45009
    qyapi.advance(2)
    assert caller.say("text", {"content": "a"}) == 0


def test_robots_take_no_unicode_escapes(caller: Caller) -> None:
    body = {"msgtype": "text", "text": {"content": "签到"}}
    answer = caller.http.post("/webhook/send", params={"key": ROBOT_KEY}, content=json.dumps(body))
    assert answer.json()["errcode"] == 40033


# As a process


def test_as_a_process() -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.qyapi", "--port", str(port), "--key", "k1", "--key", "k2"]
    with subprocess.Popen(command) as process, httpx.Client(base_url=f"http://127.0.0.1:{port}") as http:
        try:
            for _ in range(100):
                try:
                    http.get("/_recorded")
                    break
                except httpx.ConnectError:
                    time.sleep(0.1)
            body = json.dumps({"msgtype": "text", "text": {"content": "签到"}}, ensure_ascii=False).encode()
            assert http.post("/cgi-bin/webhook/send?key=k2", content=body).json()["errcode"] == 0
            http.post("/_control", json={"do": "fail_next", "with": ["busy"]}).raise_for_status()
            assert http.post("/cgi-bin/webhook/send?key=k2", content=body).json()["errcode"] == -1
            recorded = http.get("/_recorded").json()
            assert [message["key"] for message in recorded["robot_messages"]] == ["k2"]
            assert (recorded["requests"], recorded["refusals"]) == ({"webhook/send": 2}, {"-1": 1})
        finally:
            process.terminate()
