"""The fake official account is as strict as the contract says, and so are its callbacks and those of WeCom's apps."""

import json
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from typing import Any

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes import wecom_crypto
from tests.fakes.official_account import APP_ID, APP_SECRET, OfficialAccountCloud
from tests.fakes.pictures import picture
from tests.fakes.serving import ServerThread
from tests.fakes.wechat_xml import ATTEMPTS, AccountCallbacks, AppCallbacks, BadReply, Callback, XmlCallbacks, document

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
anyio = pytest.mark.anyio


class Caller:
    """A plain client of the account."""

    def __init__(self, cloud: OfficialAccountCloud) -> None:
        self.http = httpx.Client(base_url=f"{cloud.url}/cgi-bin")
        self.token = self.stable()["access_token"]

    def stable(self, **changes: Any) -> dict[str, Any]:
        body = {"grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET} | changes
        return dict(self.http.post("/stable_token", json=body).json())

    def each(self) -> str:
        query = {"grant_type": "client_credential", "appid": APP_ID, "secret": APP_SECRET}
        return str(self.http.get("/token", params=query).json()["access_token"])

    def send(self, msgtype: str = "text", content: Any = None, **changes: Any) -> int:
        body = {"touser": "zhao", "msgtype": msgtype, msgtype: content or {"content": "已受理"}} | changes
        content = json.dumps(body, ensure_ascii=False).encode()
        answer = self.http.post("/message/custom/send", params={"access_token": self.token}, content=content)
        return int(answer.json()["errcode"])

    def upload(self, data: bytes, kind: str = "image") -> dict[str, Any]:
        query = {"access_token": self.token, "type": kind}
        return dict(self.http.post("/media/upload", params=query, files={"media": ("a.jpg", data)}).json())


@pytest.fixture
def cloud() -> Iterator[OfficialAccountCloud]:
    with OfficialAccountCloud() as serving:
        yield serving


@pytest.fixture
def caller(cloud: OfficialAccountCloud) -> Iterator[Caller]:
    caller = Caller(cloud)
    yield caller
    caller.http.close()


# Tokens


def test_stable_token_stays(caller: Caller, cloud: OfficialAccountCloud) -> None:
    assert caller.stable()["access_token"] == caller.token
    assert caller.each() != caller.token
    assert caller.stable(force_refresh=True)["access_token"] != caller.token
    cloud.hear("zhao")
    assert caller.send() == 42001


def test_other_token_ends_the_one_before(caller: Caller, cloud: OfficialAccountCloud) -> None:
    cloud.hear("zhao")
    caller.token = caller.each()
    assert caller.each() != caller.token
    assert caller.send() == 0
    cloud.advance(301)
    assert caller.send() == 42001


@pytest.mark.parametrize(
    ("changes", "code"), [({"appid": "x"}, 40013), ({"secret": "x"}, 40125), ({"grant_type": "x"}, 40002)]
)
def test_wrong_credentials(caller: Caller, changes: dict[str, str], code: int) -> None:
    assert caller.stable(**changes)["errcode"] == code


def test_untrusted_address(caller: Caller, cloud: OfficialAccountCloud) -> None:
    cloud.trust(False)
    assert (caller.stable()["errcode"], caller.send()) == (40164, 40164)


# What an account may say


def test_five_after_a_message_within_two_days(caller: Caller, cloud: OfficialAccountCloud) -> None:
    assert caller.send() == 40003
    cloud.hear("zhao")
    assert [caller.send() for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
    cloud.hear("zhao")
    assert caller.send() == 0
    cloud.advance(48 * 3600)
    caller.token = caller.stable()["access_token"]
    assert caller.send() == 45015
    assert len(cloud.record.told) == 6


def test_three_after_a_click_within_a_minute(caller: Caller, cloud: OfficialAccountCloud) -> None:
    cloud.click("zhao")
    assert [caller.send() for _ in range(4)] == [0, 0, 0, 45047]
    cloud.advance(61)
    assert caller.send() == 45015


def test_what_ends_first_is_used_first(caller: Caller, cloud: OfficialAccountCloud) -> None:
    cloud.hear("zhao")
    cloud.click("zhao")
    assert [caller.send() for _ in range(3)] == [0, 0, 0]
    cloud.advance(61)
    assert [caller.send() for _ in range(6)] == [0, 0, 0, 0, 0, 45047]


def test_who_left_hears_nothing(caller: Caller, cloud: OfficialAccountCloud) -> None:
    cloud.hear("zhao")
    cloud.leave("zhao")
    assert caller.send() == 45015


def test_account_without_service_desk(caller: Caller, cloud: OfficialAccountCloud) -> None:
    cloud.hear("zhao")
    cloud.permit(False)
    assert caller.send() == 48001


@pytest.mark.parametrize(
    ("code", "arguments"),
    [
        (45002, {"content": {"content": "签" * 683}}),
        (44004, {"content": {"content": ""}}),
        (40008, {"msgtype": "markdown"}),
        (40007, {"msgtype": "image", "content": {"media_id": "gone"}}),
        (40063, {"msgtype": "msgmenu", "content": {"list": []}}),
        (40003, {"touser": ""}),
    ],
)
def test_bad_messages(caller: Caller, cloud: OfficialAccountCloud, code: int, arguments: dict[str, Any]) -> None:
    cloud.hear("zhao")
    assert caller.send(**arguments) == code
    assert not cloud.record.told


def test_pictures_and_menus(caller: Caller, cloud: OfficialAccountCloud) -> None:
    cloud.hear("zhao")
    answer = caller.upload(picture())
    assert answer.keys() == {"type", "media_id", "created_at"}
    assert caller.send("image", {"media_id": answer["media_id"]}) == 0
    assert caller.send("msgmenu", {"head_content": "签到吗", "list": [{"id": "1", "content": "签到"}]}) == 0
    got = caller.http.get("/media/get", params={"access_token": caller.token, "media_id": answer["media_id"]})
    assert got.content == picture()
    assert [told.msgtype for told in cloud.record.told] == ["image", "msgmenu"]
    assert caller.upload(b"no picture")["errcode"] == 40004


# Callbacks


@asynccontextmanager
async def answering(answer: Callable[[Request, bytes], Response]) -> AsyncIterator[tuple[httpx.AsyncClient, str]]:
    """A server that answers callbacks with ``answer``."""

    async def endpoint(request: Request) -> Response:
        return answer(request, await request.body())

    app = Starlette(routes=[Route("/", endpoint, methods=["GET", "POST"])])
    with ServerThread(app) as server:
        async with httpx.AsyncClient() as client:
            yield client, server.url


def sealed(callbacks: XmlCallbacks, plain: str, callback: Callback, **changes: str) -> bytes:
    """A passive reply to ``callback`` in its envelope."""
    encrypted = wecom_crypto.seal(callbacks.aes_key, plain, changes.pop("receiver", callbacks.receive_id))
    nonce = callback.query["nonce"]
    proof = wecom_crypto.signature(callbacks.token, "1700000000", nonce, encrypted)
    envelope = {"Encrypt": encrypted, "MsgSignature": proof, "TimeStamp": "1700000000", "Nonce": nonce}
    return document(envelope | changes).encode()


def reply(callbacks: XmlCallbacks, callback: Callback, **changes: Any) -> str:
    fields: dict[str, Any] = {
        "ToUserName": callback.sender,
        "FromUserName": callbacks.account,
        "CreateTime": 1700000000,
        "MsgType": "text",
        "Content": "已签到",
    }
    return document({name: value for name, value in (fields | changes).items() if value is not None})


@pytest.fixture(params=["app", "safe"])
def callbacks(request: pytest.FixtureRequest) -> XmlCallbacks:
    if request.param == "app":
        return AppCallbacks(TOKEN, KEY, "ww1", 1000002)
    return AccountCallbacks(TOKEN, KEY, APP_ID)


def test_replies_are_opened(callbacks: XmlCallbacks) -> None:
    callback = callbacks.text("签到")
    opened = callbacks.opened(sealed(callbacks, reply(callbacks, callback), callback), callback)
    assert opened is not None
    assert opened["Content"] == "已签到"
    image = reply(callbacks, callback, MsgType="image", Content=None, Image={"MediaId": "m1"})
    assert (callbacks.opened(sealed(callbacks, image, callback), callback) or {})["Image/MediaId"] == "m1"
    assert callbacks.opened(b"", callback) is None


@pytest.mark.parametrize(
    "changes",
    [
        {"ToUserName": "li"},
        {"FromUserName": "other"},
        {"CreateTime": "soon"},
        {"MsgType": "markdown"},
        {"MsgType": None},
        {"Content": ""},
        {"Content": "签" * 683},
        {"MsgType": "image", "Content": None},
    ],
)
def test_bad_replies(callbacks: XmlCallbacks, changes: dict[str, Any]) -> None:
    callback = callbacks.text("签到")
    with pytest.raises(BadReply):
        callbacks.opened(sealed(callbacks, reply(callbacks, callback, **changes), callback), callback)


@pytest.mark.parametrize(
    "changes",
    [{"MsgSignature": "0" * 40}, {"Nonce": "1"}, {"TimeStamp": "now"}, {"receiver": "other"}, {"More": "1"}],
)
def test_bad_envelopes(callbacks: XmlCallbacks, changes: dict[str, str]) -> None:
    callback = callbacks.text("签到")
    with pytest.raises(BadReply):
        callbacks.opened(sealed(callbacks, reply(callbacks, callback), callback, **changes), callback)


@pytest.mark.parametrize("answer", [b"{}", b"<xml></xml>", b"ok", b"<xml>"])
def test_answers_that_are_no_reply(callbacks: XmlCallbacks, answer: bytes) -> None:
    with pytest.raises(BadReply):
        callbacks.opened(answer, callbacks.text("签到"))


def test_plain_replies() -> None:
    callbacks = AccountCallbacks(TOKEN, "", APP_ID, mode="plain")
    callback = callbacks.text("签到")
    assert callback.body == callback.plain.encode()
    assert callbacks.opened(b"success", callback) is None
    opened = callbacks.opened(reply(callbacks, callback).encode(), callback)
    assert opened is not None
    assert opened["Content"] == "已签到"


@anyio
async def test_url_verification() -> None:
    account = AccountCallbacks(TOKEN, KEY, APP_ID)
    app = AppCallbacks(TOKEN, KEY, "ww1", 1)
    async with answering(lambda request, _: Response(request.query_params["echostr"])) as (client, url):
        assert await account.verifies(client, url)
        assert not await app.verifies(client, url)

    def unseal(request: Request, _: bytes) -> Response:
        return Response(wecom_crypto.unseal(KEY, request.query_params["echostr"])[0])

    async with answering(unseal) as (client, url):
        assert await app.verifies(client, url)


@anyio
async def test_callbacks_come_again_until_they_are_answered(callbacks: XmlCallbacks) -> None:
    seen: list[tuple[str, bytes]] = []

    def answer(request: Request, body: bytes) -> Response:
        seen.append((request.query_params["nonce"], body))
        return Response(status_code=503 if len(seen) < 3 else 200)

    async with answering(answer) as (client, url):
        exchange = await callbacks.deliver(client, url, callbacks.text("签到"), attempts=ATTEMPTS)
        assert (exchange.statuses, exchange.reply) == ([503, 503, 200], None)
        assert len(set(seen)) == 3
        again = await callbacks.redeliver(client, url, callbacks.text("签到"))
        assert [one.statuses for one in again] == [[200], [200]]


@anyio
async def test_cloud_knows_what_people_did(cloud: OfficialAccountCloud, caller: Caller) -> None:
    callbacks = AccountCallbacks(TOKEN, KEY, APP_ID, cloud=cloud)
    async with answering(lambda *_: Response(b"success")) as (client, url):
        await callbacks.deliver(client, url, callbacks.subscribe())
        assert [caller.send() for _ in range(4)] == [0, 0, 0, 45047]
        text = callbacks.text("签到")
        await callbacks.deliver(client, url, text)
        assert [caller.send() for _ in range(6)] == [0, 0, 0, 0, 0, 45047]
        await callbacks.redeliver(client, url, text)
        assert caller.send() == 45047
        await callbacks.deliver(client, url, callbacks.report_location())
        assert caller.send() == 45047
        await callbacks.deliver(client, url, callbacks.click("help"))
        assert caller.send() == 0
        await callbacks.deliver(client, url, callbacks.unsubscribe())
        assert caller.send() == 45015
