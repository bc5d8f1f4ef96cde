"""The fake cloud itself is as strict as the contract says, or tests against it would prove nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from io import BytesIO
from typing import Any

import httpx
import pytest
from PIL import Image

from tests.fakes.feishu_callbacks import compact
from tests.fakes.feishu_cloud import APP_ID, APP_SECRET, Fault, FeishuCloud, Member, Odd, Rules
from tests.fakes.feishu_robot import robot_signature
from tests.fakes.pictures import bomb, picture
from tests.fakes.serving import free_port

MESSAGES = "/open-apis/im/v1/messages"
CARD: dict[str, Any] = {
    "schema": "2.0",
    "config": {"update_multi": True},
    "header": {"title": {"tag": "plain_text", "content": "标题"}},
    "body": {"elements": [{"tag": "markdown", "content": "正文"}]},
}
BUTTON = {"tag": "button", "text": {"tag": "plain_text", "content": "提交"}}
SUBMIT = BUTTON | {"name": "submit", "form_action_type": "submit", "value": {"qid": "1"}}


class Caller:
    """A plain client with a token."""

    def __init__(self, cloud: FeishuCloud) -> None:
        self.http = httpx.Client(base_url=cloud.url)
        self.renew()

    def renew(self) -> None:
        credentials = {"app_id": APP_ID, "app_secret": APP_SECRET}
        answer = self.http.post("/open-apis/auth/v3/tenant_access_token/internal", json=credentials).json()
        assert answer["code"] == 0
        self.http.headers["Authorization"] = f"Bearer {answer['tenant_access_token']}"

    def create(
        self, content: object, msg_type: str = "text", *, to: str = "oc_1", timeout: float = 5.0, **fields: Any
    ) -> httpx.Response:
        body = {"receive_id": to, "msg_type": msg_type, "content": json.dumps(content)} | fields
        kind = "open_id" if to.startswith("ou_") else "chat_id"
        return self.http.post(MESSAGES, params={"receive_id_type": kind}, json=body, timeout=timeout)

    def get(self, path: str, **query: str) -> httpx.Response:
        return self.http.get(f"/open-apis{path}", params=query)

    def upload_image(self, data: bytes, image_type: str = "message") -> httpx.Response:
        return self.http.post(
            "/open-apis/im/v1/images", data={"image_type": image_type}, files={"image": ("a.jpg", data, "image/jpeg")}
        )

    def upload_file(self, data: bytes, file_type: str = "stream", file_name: str = "名册.xlsx") -> httpx.Response:
        return self.http.post(
            "/open-apis/im/v1/files",
            data={"file_type": file_type, "file_name": file_name},
            files={"file": ("upload", data, "application/octet-stream")},
        )


@pytest.fixture
def cloud() -> Iterator[FeishuCloud]:
    with FeishuCloud() as serving:
        yield serving


@pytest.fixture
def caller(cloud: FeishuCloud) -> Iterator[Caller]:
    caller = Caller(cloud)
    yield caller
    caller.http.close()


def refusal(response: httpx.Response) -> tuple[int, int]:
    return response.status_code, response.json()["code"]


def test_tokens(caller: Caller, cloud: FeishuCloud) -> None:
    first = caller.http.headers["Authorization"]
    caller.renew()
    assert caller.http.headers["Authorization"] == first
    cloud.revoke_tokens()
    assert refusal(caller.create({"text": "a"})) == (400, 99991663)
    caller.renew()
    assert caller.create({"text": "a"}).json()["code"] == 0
    del caller.http.headers["Authorization"]
    assert refusal(caller.create({"text": "a"})) == (401, 99991661)
    caller.http.headers["Authorization"] = "Bearer x"
    assert refusal(caller.create({"text": "a"})) == (401, 99991671)


def test_tokens_expire() -> None:
    with FeishuCloud(rules=Rules(speed=100_000)) as cloud:
        caller = Caller(cloud)
        time.sleep(0.08)
        assert refusal(caller.create({"text": "a"})) == (400, 99991663)
        caller.http.close()


def test_uuid_is_forgotten_after_an_hour() -> None:
    with FeishuCloud(rules=Rules(uuid_seconds=0.3)) as cloud:
        caller = Caller(cloud)
        ids = [caller.create({"text": "a"}, uuid="u1").json()["data"]["message_id"] for _ in range(2)]
        time.sleep(0.35)
        ids.append(caller.create({"text": "a"}, uuid="u1").json()["data"]["message_id"])
        caller.http.close()
        assert ids[0] == ids[1] != ids[2]
        assert cloud.record.double_posts == {"u1": 2}
        assert cloud.record.repeated_uuids == {"u1": 1}


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (230001, {"content": {"text": ""}}),
        (230001, {"content": {"text": "a"}, "msg_type": "audio"}),
        (230001, {"content": {"text": "a"}, "to": "xx_1"}),
        (230025, {"content": {"text": "x" * 160_000}}),
        (230025, {"content": CARD | {"body": {"elements": ["x" * 31_000]}}, "msg_type": "interactive"}),
        (99992402, {"content": {"text": "a"}, "uuid": "u" * 51}),
        (99992402, {"content": {"text": "a"}, "receive_id": ""}),
        (230099, {"content": {}, "msg_type": "interactive"}),
    ],
)
def test_bad_posts(caller: Caller, cloud: FeishuCloud, code: int, arguments: dict[str, Any]) -> None:
    assert refusal(caller.create(**arguments)) == (400, code)
    assert not cloud.record.posts


def elements(*elements: Any) -> dict[str, Any]:
    return CARD | {"body": {"elements": list(elements)}}


def form(*inner: Any) -> dict[str, Any]:
    return {"tag": "form", "name": "f", "elements": list(inner)}


def text(content: str) -> dict[str, str]:
    return {"tag": "plain_text", "content": content}


def options(*values: str) -> list[dict[str, Any]]:
    return [{"text": text(value), "value": value} for value in values]


def columns(*inner: Any) -> dict[str, Any]:
    return {"tag": "column_set", "columns": [{"tag": "column", "elements": list(inner)}]}


CALLBACK = {"behaviors": [{"type": "callback", "value": {"a": 1}}]}
INPUT = {"tag": "input", "name": "answer", "placeholder": text("请输入"), "max_length": 500}
SELECT = {"tag": "select_static", "name": "sort", "options": options("a", "b")}


@pytest.mark.parametrize(
    ("code", "card"),
    [
        (200621, CARD | {"schema": "1.0"}),
        (200621, CARD | {"elements": []}),
        (200621, CARD | {"config": {"wide_screen_mode": True}}),
        (200621, CARD | {"config": {"update_multi": False}}),
        (200621, CARD | {"header": {"title": "标题"}}),
        (200621, CARD | {"body": {}}),
        (200861, elements({"tag": "action", "actions": []})),
        (200861, elements({"tag": "note"})),
        (200621, elements(BUTTON | {"url": "https://example.org"})),
        (200621, elements(BUTTON | {"behaviors": [{"type": "callback"}]})),
        (200621, elements(form(INPUT))),
        (200621, elements(form(SUBMIT, {"tag": "input"}))),
        (200621, elements(form(SUBMIT, {"tag": "select_static", "options": options("a")}))),
        (200621, elements(form(SUBMIT) | {"name": ""})),
        (200621, elements(form(SUBMIT, INPUT, INPUT))),
        (200621, elements(form(SUBMIT, INPUT), BUTTON | {"name": "answer"})),
        (200621, elements(form(SUBMIT, form(SUBMIT | {"name": "other"})))),
        (200621, elements(columns(form(SUBMIT)))),
        (200340, elements(form(INPUT, BUTTON | {"name": "submit", "form_action_type": "submit"}))),
        (200621, elements(form(SUBMIT, BUTTON | {"name": "x", "form_action_type": "cancel"}))),
        (200621, elements(SUBMIT)),
        (200621, elements(INPUT)),
        (200621, elements(INPUT | CALLBACK | {"max_length": 1001})),
        (200621, elements(INPUT | CALLBACK | {"input_type": "number"})),
        (200621, elements(INPUT | CALLBACK | {"placeholder": "请输入"})),
        (200621, elements(SELECT)),
        (200621, elements(SELECT | CALLBACK | {"options": []})),
        (200621, elements(SELECT | CALLBACK | {"options": options("a", "a")})),
        (200621, elements(SELECT | CALLBACK | {"options": ["a"]})),
        (200621, elements(BUTTON | {"type": "plain"})),
        (200621, elements(BUTTON | {"element_id": "1st"})),
        (200621, elements(BUTTON | {"element_id": "one"}, {"tag": "hr", "element_id": "one"})),
        (200621, elements({"tag": "column_set", "columns": [BUTTON]})),
        (200621, elements({"tag": "markdown"})),
        (200621, CARD | {"header": {"title": text("标题"), "template": "pink"}}),
        (200570, elements({"tag": "img", "img_key": "img_v3_somebody", "alt": text("照片")})),
        (200861, elements({"tag": "img_list"})),
        (11310, elements(*[{"tag": "hr"}] * 201)),
    ],
)
def test_bad_cards(caller: Caller, code: int, card: dict[str, Any]) -> None:
    answer = caller.create(card, "interactive")
    assert refusal(answer) == (400, 230099)
    assert f"ErrCode: {code};" in answer.json()["msg"]


def test_good_cards(caller: Caller) -> None:
    key = caller.upload_image(picture()).json()["data"]["image_key"]
    photo = {"tag": "img", "img_key": key, "alt": text("照片")}
    photos = {"tag": "img_combination", "combination_mode": "double", "img_list": [{"img_key": key}, {"img_key": key}]}
    everything = elements(
        photo,
        photos,
        form(columns(INPUT), SELECT, SUBMIT),
        columns(BUTTON | CALLBACK),
        SELECT | CALLBACK | {"name": "x"},
    )
    for card in (CARD, elements(form(INPUT, SUBMIT), BUTTON | CALLBACK), everything):
        assert caller.create(card, "interactive").json()["code"] == 0


def test_five_posts_a_second_in_one_group(caller: Caller) -> None:
    answers = [caller.create({"text": "a"}) for _ in range(6)]
    assert [answer.json()["code"] for answer in answers] == [0] * 5 + [230020]
    assert answers[-1].status_code == 400
    assert caller.create({"text": "a"}, to="oc_2").json()["code"] == 0


def test_fifty_calls_a_second_of_one_api(caller: Caller) -> None:
    answers = [caller.create({"text": "a"}, to=f"ou_{number}") for number in range(51)]
    assert refusal(answers[-1]) == (429, 99991400)
    assert answers[-1].headers["x-ogw-ratelimit-reset"] == "1"
    assert caller.http.post(f"{MESSAGES}/om_1/reactions", json={"reaction_type": {"emoji_type": "DONE"}}).is_success


def test_only_own_cards_are_updated(caller: Caller) -> None:
    text = caller.create({"text": "a"}).json()["data"]["message_id"]
    for message in (text, "om_somebody"):
        assert refusal(caller.http.patch(f"{MESSAGES}/{message}", json={"content": json.dumps(CARD)})) == (400, 230001)


def test_five_posts_a_second_to_one_person(caller: Caller, cloud: FeishuCloud) -> None:
    cloud.add_private_chat("oc_private", "ou_1")
    for _ in range(5):
        caller.create({"text": "a"}, to="ou_1")
    reply = {"msg_type": "text", "content": json.dumps({"text": "a"})}
    assert refusal(caller.create({"text": "a"}, to="ou_1")) == (400, 230020)
    assert refusal(caller.http.post(f"{MESSAGES}/om_1~oc_private/reply", json=reply)) == (400, 230020)
    assert caller.create({"text": "a"}, to="ou_2").json()["code"] == 0


@pytest.mark.parametrize(
    ("fault", "status", "reset"),
    [("error_500", 500, None), ("html", 502, None), ("throttled", 429, "2"), ("chat_throttled", 400, None)],
)
def test_troubles(caller: Caller, cloud: FeishuCloud, fault: Fault, status: int, reset: str | None) -> None:
    cloud.fail_next(fault)
    assert caller.get("/im/v1/chats").status_code == 200
    answer = caller.create({"text": "a"})
    assert (answer.status_code, answer.headers.get("x-ogw-ratelimit-reset")) == (status, reset)
    assert caller.create({"text": "a"}).status_code == 200
    assert len(cloud.record.posts) == 1


def test_trouble_of_one_api(caller: Caller, cloud: FeishuCloud) -> None:
    cloud.fail_next("throttled", api="chats")
    assert caller.create({"text": "a"}).status_code == 200
    assert refusal(caller.get("/im/v1/chats")) == (429, 99991400)
    with pytest.raises(ValueError, match="nonsense"):
        cloud.fail_next("nonsense")  # type: ignore[arg-type]


def test_slow_answers() -> None:
    with FeishuCloud(rules=Rules(slow_seconds=0.3)) as cloud:
        caller = Caller(cloud)
        cloud.fail_next("slow")
        with pytest.raises(httpx.ReadTimeout):
            caller.create({"text": "a"}, timeout=0.1)
        cloud.fail_next("slow")
        assert caller.create({"text": "a"}).status_code == 200
        assert len(cloud.record.posts) == 2
        caller.http.close()


def test_breakdown(caller: Caller, cloud: FeishuCloud) -> None:
    cloud.add_robot("hook")
    cloud.break_down(0.3)
    token = caller.http.post("/open-apis/auth/v3/tenant_access_token/internal", json={})
    push = caller.http.post(cloud.robot_url("hook"), json={})
    assert [answer.status_code for answer in (token, push, caller.create({"text": "a"}))] == [503, 503, 503]
    time.sleep(0.35)
    assert caller.create({"text": "a"}).status_code == 200


@pytest.mark.parametrize("to", ["oc_1", "ou_1"])
def test_refusals_on_demand(caller: Caller, cloud: FeishuCloud, to: str) -> None:
    cloud.refuse(to, 230053)
    assert refusal(caller.create({"text": "a"}, to=to)) == (400, 230053)
    cloud.refuse(to, 0)
    assert caller.create({"text": "a"}, to=to).status_code == 200
    cloud.dissolve(to)
    assert refusal(caller.create({"text": "a"}, to=to)) == (400, 232009)


# Groups


PEOPLE = [Member(f"ou_{number}", f"小{number}") for number in range(5)]


def test_groups_of_the_bot(caller: Caller, cloud: FeishuCloud) -> None:
    for number in range(3):
        cloud.add_chat(f"oc_{number}", f"第{number}群", PEOPLE)
    cloud.add_private_chat("oc_private", "ou_1")
    cloud.remove_bot("oc_1")
    first = caller.get("/im/v1/chats", page_size="1").json()["data"]
    second = caller.get("/im/v1/chats", page_size="1", page_token=first["page_token"]).json()["data"]
    assert [chat["chat_id"] for chat in (*first["items"], *second["items"])] == ["oc_0", "oc_2"]
    assert (first["has_more"], second["has_more"]) == (True, False)
    assert "page_token" not in second
    chat = caller.get("/im/v1/chats/oc_0").json()["data"]
    assert (chat["name"], chat["user_count"], chat["bot_count"]) == ("第0群", "5", "1")
    for path in ("/im/v1/chats/oc_1", "/im/v1/chats/oc_1/members", "/im/v1/chats/oc_unknown/members"):
        assert refusal(caller.get(path)) == (400, 232011)
    assert refusal(caller.get("/im/v1/chats/ou_1")) == (400, 232006)


def test_pages_of_members_are_uneven(caller: Caller, cloud: FeishuCloud) -> None:
    bot, together = Member("ou_bot", "另一个机器人", bot=True), [Member(f"ou_t{n}", "同时", joined=7) for n in range(4)]
    cloud.add_chat("oc_1", "群", [bot, PEOPLE[0], *together, PEOPLE[1]])
    pages, token = [], ""
    while True:
        query = {"page_size": "2"} | ({"page_token": token} if token else {})
        data = caller.get("/im/v1/chats/oc_1/members", **query).json()["data"]
        pages.append([person["member_id"] for person in data["items"]])
        if not data["has_more"]:
            break
        token = data["page_token"]
    assert pages == [["ou_0"], ["ou_t0", "ou_t1", "ou_t2", "ou_t3"], ["ou_1"]]
    assert data["member_total"] == 6
    assert data["items"] == [{"member_id_type": "open_id", "member_id": "ou_1", "name": "小1", "tenant_key": "t1"}]


@pytest.mark.parametrize(
    "query", [{"page_size": "101"}, {"page_size": "0"}, {"page_token": "x"}, {"member_id_type": "email"}]
)
def test_bad_pages_of_members(caller: Caller, cloud: FeishuCloud, query: dict[str, str]) -> None:
    cloud.add_chat("oc_1", "群", PEOPLE)
    assert refusal(caller.get("/im/v1/chats/oc_1/members", **query)) == (400, 232001)


# Pictures and files


def resource(caller: Caller, message: str, key: str, **query: str) -> httpx.Response:
    return caller.get(f"/im/v1/messages/{message}/resources/{key}", **({"type": "image"} | query))


def test_resources(caller: Caller, cloud: FeishuCloud) -> None:
    cloud.add_resource("om_1~oc_1", "img_1", picture("PNG"), content_type="image/png")
    answer = resource(caller, "om_1~oc_1", "img_1")
    assert (answer.content, answer.headers["content-type"]) == (picture("PNG"), "image/png")
    assert [(one.message_id, one.key) for one in cloud.record.downloads] == [("om_1~oc_1", "img_1")]
    assert refusal(resource(caller, "om_2~oc_1", "img_1")) == (400, 234003)
    assert refusal(resource(caller, "om_1~oc_1", "img_2")) == (400, 234003)
    assert refusal(resource(caller, "om_1~oc_1", "img_1", type="file")) == (400, 234003)
    assert refusal(resource(caller, "om_1~oc_1", "img_1", type="video")) == (400, 234001)
    cloud.add_resource("om_3~oc_1", "file_1", kind="unsupported")
    assert refusal(resource(caller, "om_3~oc_1", "file_1", type="file")) == (400, 234043)
    card = caller.create(CARD, "interactive").json()["data"]["message_id"]
    assert refusal(resource(caller, card, "img_1")) == (400, 234043)
    cloud.recall("om_1~oc_1")
    assert refusal(resource(caller, "om_1~oc_1", "img_1")) == (400, 230110)
    cloud.remove_bot("oc_1")
    assert refusal(resource(caller, "om_1~oc_1", "img_1")) == (400, 234004)
    with pytest.raises(ValueError, match="nonsense"):
        cloud.add_resource("om_1~oc_1", "img_1", "nonsense")  # type: ignore[arg-type]


def test_odd_resources(caller: Caller, cloud: FeishuCloud) -> None:
    odd: tuple[Odd, ...] = ("picture", "bomb", "html", "redirect", "endless")
    for content in odd:
        cloud.add_resource("om_1~oc_1", f"img_{content}", content)
    answers = {content: resource(caller, "om_1~oc_1", f"img_{content}") for content in odd[:4]}
    assert [answer.status_code for answer in answers.values()] == [200, 200, 200, 307]
    assert answers["picture"].content == picture()
    assert len(answers["bomb"].content) < 100_000
    with pytest.raises(Image.DecompressionBombError):
        Image.open(BytesIO(answers["bomb"].content))
    assert answers["html"].headers["content-type"].startswith("text/html")
    assert answers["redirect"].headers["location"].startswith(cloud.url)
    caller.http.get(answers["redirect"].headers["location"])
    assert cloud.record.requests["private"] == 1


def test_an_endless_resource_ends_when_the_client_goes(caller: Caller, cloud: FeishuCloud) -> None:
    cloud.add_resource("om_1~oc_1", "img_1", "endless")
    with caller.http.stream("GET", f"{MESSAGES}/om_1~oc_1/resources/img_1", params={"type": "image"}) as answer:
        assert "content-length" not in answer.headers
        assert next(answer.iter_bytes())
    time.sleep(0.2)
    assert 0 < cloud.record.served_bytes["img_1"] < 50_000_000


def test_uploaded_pictures(caller: Caller, cloud: FeishuCloud) -> None:
    key = caller.upload_image(picture()).json()["data"]["image_key"]
    assert [(image.key, image.size) for image in cloud.record.images] == [(key, len(picture()))]
    assert cloud.uploaded(key) == caller.get(f"/im/v1/images/{key}").content == picture()
    assert refusal(caller.get("/im/v1/images/img_v3_somebody")) == (400, 234008)
    assert caller.create({"image_key": key}, "image").json()["code"] == 0
    assert refusal(caller.create({"image_key": "img_v3_somebody"}, "image")) == (400, 230017)
    assert refusal(caller.create({"image_key": 7}, "image")) == (400, 230001)
    avatar = caller.upload_image(picture(), "avatar").json()["data"]["image_key"]
    assert refusal(caller.create({"image_key": avatar}, "image")) == (400, 230017)


def test_rich_texts(caller: Caller) -> None:
    shown = {"tag": "img", "image_key": caller.upload_image(picture()).json()["data"]["image_key"]}
    words = {"tag": "text", "text": "看图"}
    assert caller.create({"zh_cn": {"title": "", "content": [[words], [shown]]}}, "post").json()["code"] == 0
    assert refusal(caller.create({"zh_cn": {"content": [[words, shown]]}}, "post")) == (400, 230001)
    assert refusal(caller.create({"content": [[words]]}, "post")) == (400, 230001)
    other = {"tag": "img", "image_key": "img_v3_somebody"}
    assert refusal(caller.create({"zh_cn": {"content": [[other]]}}, "post")) == (400, 230017)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "ICO", "TIFF"])
def test_formats(caller: Caller, kind: str) -> None:
    assert caller.upload_image(picture(kind)).json()["code"] == 0


@pytest.mark.parametrize(
    ("code", "data"),
    [
        (234010, b""),
        (234006, bytes(10 * 1024 * 1024 + 1)),
        (234011, b"<html></html>"),
        (234011, picture("PPM")),
        (234039, bomb()),
        (234039, picture("GIF", 2001, 10)),
        (234039, picture("PNG", 12001, 10)),
    ],
    ids=["empty", "10 MB", "html", "ppm", "bomb", "large gif", "large png"],
)
def test_bad_pictures(caller: Caller, cloud: FeishuCloud, code: int, data: bytes) -> None:
    assert refusal(caller.upload_image(data)) == (400, code)
    assert not cloud.record.images


def test_uploaded_files(caller: Caller, cloud: FeishuCloud) -> None:
    key = caller.upload_file(b"PK", "xls").json()["data"]["file_key"]
    assert [(file.name, file.file_type, file.size) for file in cloud.record.files] == [("名册.xlsx", "xls", 2)]
    assert cloud.uploaded(key) == b"PK"
    assert caller.create({"file_key": key}, "file").json()["code"] == 0
    assert refusal(caller.create({"file_key": "file_v3_somebody"}, "file")) == (400, 230017)
    video = caller.upload_file(b"mp4", "mp4").json()["data"]["file_key"]
    assert refusal(caller.create({"file_key": video}, "file")) == (400, 230055)


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (234010, (b"",)),
        (234006, (bytes(30 * 1024 * 1024 + 1),)),
        (234001, (b"PK", "xlsx")),
        (234001, (b"PK", "xls", "")),
    ],
    ids=["empty", "30 MB", "unknown type", "no name"],
)
def test_bad_files(caller: Caller, code: int, arguments: tuple[Any, ...]) -> None:
    assert refusal(caller.upload_file(*arguments)) == (400, code)


GOOD_FORM = (
    b'--b\r\nContent-Disposition: form-data; name="image_type"\r\n\r\nmessage\r\n'
    b'--b\r\nContent-Disposition: form-data; name="image"; filename="a.jpg"\r\n\r\n' + picture() + b"\r\n--b--\r\n"
)


@pytest.mark.parametrize(
    ("code", "content_type", "body"),
    [
        (0, "multipart/form-data; boundary=b", GOOD_FORM),
        (234001, "multipart/form-data", GOOD_FORM),
        (234001, "application/json", GOOD_FORM),
        (234001, "multipart/form-data; boundary=c", GOOD_FORM),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM[:-6]),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM.replace(b"\r\n", b"\n")),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM.replace(b"image_type", b"image")),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM.replace(b'"image_type"', b'"image_type"; filename="a"')),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM.replace(b"filename=", b"filename*=")),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM.replace(b"form-data", b"attachment")),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM.replace(b"\r\nmessage", b"\r\npicture")),
        (234001, "multipart/form-data; boundary=b", GOOD_FORM.replace(b'"image";', b'"file";')),
    ],
)
def test_forms(caller: Caller, code: int, content_type: str, body: bytes) -> None:
    answer = caller.http.post("/open-apis/im/v1/images", content=body, headers={"Content-Type": content_type})
    assert answer.json()["code"] == code


# Custom robots


@pytest.fixture
def hook(cloud: FeishuCloud) -> str:
    cloud.add_robot("hook", "secret")
    return cloud.robot_url("hook")


def signed(body: dict[str, Any], *, secret: str = "secret", ago: int = 0) -> dict[str, Any]:
    timestamp = str(int(time.time()) - ago)
    return {"timestamp": timestamp, "sign": robot_signature(timestamp, secret), **body}


def pushed(url: str, body: object) -> tuple[int, int]:
    return refusal(httpx.post(url, json=body))


HELLO = {"msg_type": "text", "content": {"text": "有新诉求"}}


def test_signature_vector() -> None:
    assert robot_signature("1599360473", "secret") == "q4jswNiMy51J5JuQV566yJat0/lQ/c+22kINzUgKsGU="


def test_pushes(cloud: FeishuCloud, hook: str) -> None:
    answer = httpx.post(hook, json=signed(HELLO))
    assert answer.json() == {"code": 0, "msg": "success", "StatusCode": 0, "StatusMessage": "success", "data": {}}
    assert pushed(hook, signed({"msg_type": "interactive", "card": CARD})) == (200, 0)
    assert pushed(hook, signed({"msg_type": "post", "content": {"post": {}}})) == (200, 0)
    assert [(push.token, push.msg_type) for push in cloud.record.pushes] == [
        ("hook", "text"),
        ("hook", "interactive"),
        ("hook", "post"),
    ]
    assert cloud.record.pushes[0].content == {"text": "有新诉求"}


@pytest.mark.parametrize(
    ("code", "body"),
    [
        (19021, HELLO),
        (19021, signed(HELLO, secret="other")),
        (19021, signed(HELLO, ago=3700)),
        (19021, signed(HELLO) | {"timestamp": int(time.time())}),
        (9499, []),
        (9499, signed({"msg_type": "text"})),
        (9499, signed({"msg_type": "text", "content": {"text": ""}})),
        (9499, signed({"msg_type": "text", "content": '{"text":"a"}'})),
        (9499, signed({"msg_type": "file", "content": {"file_key": "file_1"}})),
        (9499, signed({"msg_type": "interactive", "content": CARD})),
        (9499, signed({"msg_type": "interactive", "card": elements({"tag": "action"})})),
        (9499, signed({"msg_type": "text", "content": {"text": "x" * 20_500}})),
    ],
)
def test_bad_pushes(cloud: FeishuCloud, hook: str, code: int, body: object) -> None:
    assert pushed(hook, body) == (200, code)
    assert not cloud.record.pushes


def test_robots_differ(cloud: FeishuCloud, hook: str) -> None:
    cloud.add_robot("open", keywords=["诉求"])
    assert pushed(cloud.robot_url("open"), HELLO) == (200, 0)
    assert pushed(cloud.robot_url("open"), {"msg_type": "text", "content": {"text": "别的"}}) == (200, 19024)
    assert pushed(cloud.robot_url("unknown"), HELLO) == (200, 19001)
    cloud.refuse("open", 19022)
    assert pushed(cloud.robot_url("open"), HELLO) == (200, 19022)


def test_five_pushes_a_second_and_a_hundred_a_minute() -> None:
    with FeishuCloud(rules=Rules(robot_per_minute=7)) as cloud:
        cloud.add_robot("hook")
        url = cloud.robot_url("hook")
        assert [pushed(url, HELLO)[1] for _ in range(6)] == [0] * 5 + [11232]
        time.sleep(1.1)
        assert [pushed(url, HELLO)[1] for _ in range(3)] == [0, 0, 11232]


def test_unknown_paths(caller: Caller) -> None:
    assert caller.http.post("/open-apis/im/v1/pins", json={}).status_code == 404


def test_it_can_be_asked_and_steered_over_http(caller: Caller) -> None:
    caller.http.post("/_control", json={"do": "fail_next", "with": ["error_500", 1]})
    assert caller.create({"text": "a"}, uuid="u1").status_code == 500
    caller.create({"text": "a"}, uuid="u1")
    recorded = caller.http.get("/_recorded").json()
    assert [post["uuid"] for post in recorded["posts"]] == ["u1"]
    assert recorded["requests"] == {"token": 1, "create": 2}
    assert recorded["refusals"] == {"2200": 1}
    assert recorded["double_posts"] == {}


def test_it_runs_as_a_process() -> None:
    port = free_port()
    command = [sys.executable, "-m", "tests.fakes.feishu_cloud", "--port", str(port), "--rates-times", "100"]
    with subprocess.Popen(command) as process:
        try:
            assert _recorded(f"http://127.0.0.1:{port}")["posts"] == []
        finally:
            process.terminate()


def _recorded(url: str) -> dict[str, Any]:
    for _ in range(200):
        try:
            answer: dict[str, Any] = httpx.get(f"{url}/_recorded").json()
        except httpx.ConnectError:
            time.sleep(0.05)
        else:
            return answer
    raise AssertionError("the fake cloud did not start")


def test_compact_json_has_no_spaces() -> None:
    assert compact({"encrypt": "a b", "b": [1, 2]}) == b'{"encrypt":"a b","b":[1,2]}'
