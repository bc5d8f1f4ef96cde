"""The fake cloud itself is as strict as the contract says, or tests against it would prove nothing."""

import json
import subprocess
import sys
import time
from collections.abc import Iterator
from typing import Any

import httpx
import pytest

from tests.fakes.feishu_callbacks import compact
from tests.fakes.feishu_cloud import APP_ID, APP_SECRET, FeishuCloud, Rules
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

    def create(self, content: object, msg_type: str = "text", *, to: str = "oc_1", **fields: Any) -> httpx.Response:
        body = {"receive_id": to, "msg_type": msg_type, "content": json.dumps(content)} | fields
        kind = "open_id" if to.startswith("ou_") else "chat_id"
        return self.http.post(MESSAGES, params={"receive_id_type": kind}, json=body)


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
        (200621, elements({"tag": "form", "name": "f", "elements": [{"tag": "input", "name": "a"}]})),
        (200621, elements({"tag": "form", "name": "f", "elements": [SUBMIT, {"tag": "input"}]})),
        (11310, elements(*[{"tag": "hr"}] * 201)),
    ],
)
def test_bad_cards(caller: Caller, code: int, card: dict[str, Any]) -> None:
    answer = caller.create(card, "interactive")
    assert refusal(answer) == (400, 230099)
    assert f"ErrCode: {code};" in answer.json()["msg"]


def test_good_cards(caller: Caller) -> None:
    form = {"tag": "form", "name": "f", "elements": [{"tag": "input", "name": "answer"}, SUBMIT]}
    for card in (CARD, elements(form, BUTTON | {"behaviors": [{"type": "callback", "value": {"a": 1}}]})):
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
