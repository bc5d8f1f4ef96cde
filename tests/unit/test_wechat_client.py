"""The client of the JSON APIs over a real port: what each answer means, and that no token is ever logged."""

import asyncio
import json
import logging
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import asynccontextmanager
from datetime import timedelta
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import Response, StreamingResponse
from starlette.routing import Route

from bot.clock import MovableClock
from bot.delivery import Closed, Refused, RetryLater, Uncertain
from bot.logs import set_up_logging
from bot.platforms.wechat import client as client_module
from bot.platforms.wechat.client import TokenRequest, WechatClient, account_token, corp_token, encoded
from bot.platforms.wechat.errors import failure
from tests.fakes.pictures import picture
from tests.fakes.qyapi import AGENT_ID, CORP_ID, CORP_SECRET, ROBOT_KEY, Qyapi
from tests.fakes.serving import ServerThread, free_port
from tests.fakes.wechat_api import UNICODE_ESCAPE, Fault

anyio = pytest.mark.anyio

SEND = "/cgi-bin/message/send"
TOKEN = corp_token(CORP_ID, CORP_SECRET)


def text(content: str = "签到") -> dict[str, Any]:
    return {"touser": "zhao", "agentid": AGENT_ID, "msgtype": "text", "text": {"content": content}}


@pytest.fixture
def qyapi() -> Iterator[Qyapi]:
    with Qyapi() as serving:
        yield serving


@pytest.fixture
def clock() -> MovableClock:
    return MovableClock()


@pytest.fixture
async def client(qyapi: Qyapi, clock: MovableClock) -> AsyncIterator[WechatClient]:
    client = WechatClient("wecom main", qyapi.url, clock, TOKEN, {81013: Closed}, httpx.Timeout(0.5))
    yield client
    await client.close()


@pytest.fixture
async def robot(qyapi: Qyapi, clock: MovableClock) -> AsyncIterator[WechatClient]:
    client = WechatClient("robot", qyapi.url, clock, timeout=httpx.Timeout(0.5))
    yield client
    await client.close()


@asynccontextmanager
async def scripted(
    answer: Callable[[Request], Response], token: TokenRequest | None = None
) -> AsyncIterator[WechatClient]:
    """A client of a server that answers everything with ``answer``."""

    async def endpoint(request: Request) -> Response:
        return answer(request)

    app = Starlette(routes=[Route("/{path:path}", endpoint, methods=["GET", "POST"])])
    with ServerThread(app) as server:
        client = WechatClient("odd", server.url, MovableClock(), token, timeout=httpx.Timeout(0.5))
        try:
            yield client
        finally:
            await client.close()


# The token


@anyio
async def test_many_calls_ask_for_one_token(client: WechatClient, qyapi: Qyapi) -> None:
    answers = await asyncio.gather(*(client.call("POST", SEND, body=text(str(number))) for number in range(20)))
    assert {message.msgid for message in qyapi.record.messages} == {answer["msgid"] for answer in answers}
    assert qyapi.requests["gettoken"] == 1


@anyio
async def test_token_that_ended_early_is_renewed_once_for_all(client: WechatClient, qyapi: Qyapi) -> None:
    await client.call("POST", SEND, body=text())
    qyapi.revoke_tokens()
    await asyncio.gather(*(client.call("POST", SEND, body=text(str(number))) for number in range(10)))
    assert qyapi.requests["gettoken"] == 2
    assert len(qyapi.record.messages) == 11


@anyio
async def test_token_is_renewed_before_it_expires(client: WechatClient, qyapi: Qyapi, clock: MovableClock) -> None:
    await client.call("POST", SEND, body=text())
    clock.move_to(clock() + timedelta(seconds=7200 - 601))
    await client.call("POST", SEND, body=text())
    assert qyapi.requests["gettoken"] == 1
    clock.move_to(clock() + timedelta(seconds=2))
    await client.call("POST", SEND, body=text())
    assert qyapi.requests["gettoken"] == 2


@anyio
@pytest.mark.parametrize("fault", ["expired_token", "invalid_token"])
async def test_token_that_is_never_right_is_renewed_once(client: WechatClient, qyapi: Qyapi, fault: Fault) -> None:
    qyapi.fail_next(fault, 2)
    with pytest.raises(RetryLater) as caught:
        await client.call("POST", SEND, body=text())
    assert caught.value.everything
    assert (qyapi.requests["gettoken"], qyapi.requests["message/send"]) == (2, 2)


@anyio
async def test_wrong_secret_waits_for_the_operator(qyapi: Qyapi, caplog: pytest.LogCaptureFixture) -> None:
    client = WechatClient("wecom main", qyapi.url, MovableClock(), corp_token(CORP_ID, "wrong"))
    with pytest.raises(RetryLater) as caught:
        await client.call("POST", SEND, body=text())
    await client.close()
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == ("40001", 60.0, True)
    assert "wecom main: no access token, code 40001: check id, secret and trusted addresses" in caplog.text


@anyio
@pytest.mark.parametrize(("fault", "code"), [("html", "http_200"), ("error_502", "http_502"), ("busy", "http_200")])
async def test_token_of_a_sick_service(client: WechatClient, qyapi: Qyapi, fault: Fault, code: str) -> None:
    qyapi.fail_next(fault, api="gettoken")
    with pytest.raises(RetryLater) as caught:
        await client.call("POST", SEND, body=text())
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == (code, 5.0, True)


@anyio
@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer"])
async def test_lost_token_leaves_nothing_uncertain(client: WechatClient, qyapi: Qyapi, fault: Fault) -> None:
    qyapi.fail_next(fault, api="gettoken")
    with pytest.raises(RetryLater) as caught:
        await client.call("POST", SEND, body=text())
    assert caught.value.everything
    await client.call("POST", SEND, body=text())


@anyio
@pytest.mark.parametrize(
    "answer",
    ["{}", '{"access_token":"","expires_in":7200}', '{"access_token":"t"}', '{"access_token":1,"expires_in":7200}'],
)
async def test_odd_tokens(answer: str) -> None:
    async with scripted(lambda _: Response(answer), TOKEN) as client:
        with pytest.raises(RetryLater):
            await client.call("GET", "/x")


@anyio
async def test_life_of_a_token_is_bounded() -> None:
    async with scripted(lambda _: Response('{"access_token":"t","expires_in":1e400}'), TOKEN) as client:
        with pytest.raises(RetryLater):
            await client.call("GET", "/x")
    async with scripted(lambda _: Response(f'{{"access_token":"t","expires_in":{10**30}}}'), TOKEN) as client:
        assert await client.call("GET", "/x")


def test_how_accounts_ask() -> None:
    request = account_token("wx1", "hush")
    assert (request.method, request.path, request.query) == ("POST", "/cgi-bin/stable_token", {})
    assert request.body == {
        "grant_type": "client_credential",
        "appid": "wx1",
        "secret": "hush",
        "force_refresh": False,
    }
    assert "hush" not in repr(request)
    assert CORP_SECRET not in repr(TOKEN)


# Answers


@anyio
@pytest.mark.parametrize(
    ("fault", "code", "seconds", "everything"),
    [
        ("busy", "-1", 2.0, False),
        ("limited", "45009", 60.0, True),
        ("error_500", "-1", 2.0, False),
        ("error_502", "http_502", 5.0, False),
        ("html", "http_200", 5.0, False),
    ],
)
async def test_what_passes(
    client: WechatClient, qyapi: Qyapi, fault: Fault, code: str, seconds: float, everything: bool
) -> None:
    qyapi.fail_next(fault)
    with pytest.raises(RetryLater) as caught:
        await client.call("POST", SEND, body=text())
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == (code, seconds, everything)
    assert not qyapi.record.messages
    await client.call("POST", SEND, body=text())


@anyio
async def test_untrusted_address(client: WechatClient, qyapi: Qyapi) -> None:
    await client.call("POST", SEND, body=text())
    qyapi.trust(False)
    with pytest.raises(RetryLater) as caught:
        await client.call("POST", SEND, body=text())
    assert (caught.value.code, caught.value.seconds, caught.value.everything) == ("60020", 60.0, True)


@anyio
@pytest.mark.parametrize("fault", ["lose_answer", "cut_answer"])
async def test_lost_answer_is_uncertain(client: WechatClient, qyapi: Qyapi, fault: Fault) -> None:
    qyapi.fail_next(fault)
    with pytest.raises(Uncertain):
        await client.call("POST", SEND, body=text())
    assert len(qyapi.record.messages) == 1


@anyio
async def test_answer_that_drips_is_given_up(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client_module, "IN_ALL", 0.4)

    async def drip() -> AsyncIterator[bytes]:
        for _ in range(30):
            yield b" "
            await asyncio.sleep(0.1)

    async with scripted(lambda _: StreamingResponse(drip())) as client:
        with pytest.raises(Uncertain):
            await client.call("POST", "/x", body={})
        with pytest.raises(RetryLater):
            await client.call("GET", "/x")


@anyio
async def test_nobody_there() -> None:
    client = WechatClient("gone", f"http://127.0.0.1:{free_port()}", MovableClock())
    with pytest.raises(RetryLater) as caught:
        await client.call("POST", "/x", body={})
    await client.close()
    assert (caught.value.code, caught.value.everything) == ("ConnectError", True)


@anyio
async def test_other_codes_are_refusals(client: WechatClient) -> None:
    with pytest.raises(Refused) as caught:
        await client.call("POST", SEND, body=text() | {"agentid": 1})
    assert caught.value.code == "40056"


@anyio
async def test_what_a_code_means_to_one_platform(client: WechatClient, qyapi: Qyapi) -> None:
    qyapi.remove_member("zhao")
    with pytest.raises(Closed) as caught:
        await client.call("POST", SEND, body=text())
    assert caught.value.code == "81013"


@pytest.mark.parametrize(
    ("code", "status", "expected"),
    [
        (45011, 200, RetryLater),
        (40164, 200, RetryLater),
        (6000, 200, RetryLater),
        (12345, 500, RetryLater),
        (12345, 200, Refused),
        (45015, 200, Refused),
        (42001, 200, RetryLater),
    ],
)
def test_meanings(code: int, status: int, expected: type[Exception]) -> None:
    assert isinstance(failure(code, status, {}), expected)
    assert isinstance(failure(code, status, {code: Closed}), Closed)


@anyio
@pytest.mark.parametrize(
    ("status", "body", "everything"),
    [
        (200, b"", False),
        (200, b"[]", False),
        (200, b"null", False),
        (200, b'{"errcode":"0"}', False),
        (200, b"\xff", False),
        (200, b"[" * 100_000, False),
        (200, b'{"a":' * 100_000, False),
        (200, b'{"a":"' + b"x" * 1_100_000 + b'"}', False),
        (302, b"", False),
        (404, b"404 page not found", False),
        (404, b"{}", False),
        (429, b"slow down", True),
        (503, b"{}", False),
    ],
)
async def test_answers_that_are_not_the_services(status: int, body: bytes, everything: bool) -> None:
    async with scripted(lambda _: Response(body, status)) as client:
        with pytest.raises(RetryLater) as caught:
            await client.call("POST", "/x", body={})
    assert (caught.value.code, caught.value.everything) == (f"http_{status}", everything)


@anyio
async def test_success_without_errcode() -> None:
    async with scripted(lambda _: Response('{"type":"image","media_id":"m"}')) as client:
        assert (await client.upload("/x", "a.jpg", b"data"))["media_id"] == "m"


# Bodies and files


@anyio
async def test_robots_have_a_key_and_no_token(robot: WechatClient, qyapi: Qyapi) -> None:
    body = {"msgtype": "text", "text": {"content": "第一行\n\x00\x1f\ud800\\u4f60 🐝"}}
    await robot.call("POST", "/cgi-bin/webhook/send", query={"key": ROBOT_KEY}, body=body)
    (message,) = qyapi.record.robot_messages
    assert message.content == {"content": "第一行\n?\\u4f60 🐝"}
    assert qyapi.requests["gettoken"] == 0


@given(st.dictionaries(st.text(), st.text() | st.lists(st.text())))
def test_bodies_have_no_unicode_escapes(body: dict[str, Any]) -> None:
    assert not UNICODE_ESCAPE.search(encoded(body))
    json.loads(encoded(body))


@given(st.text(st.characters(exclude_categories=["Cs"], exclude_characters=[chr(code) for code in range(32)])))
def test_texts_go_out_as_they_are(content: str) -> None:
    assert json.loads(encoded({"a": content})) == {"a": content}


@anyio
async def test_upload_and_download(client: WechatClient, qyapi: Qyapi) -> None:
    answer = await client.upload("/cgi-bin/media/upload", '签到 "表".jpg', picture(), query={"type": "image"})
    (upload,) = qyapi.record.uploads
    assert (upload.media_id, upload.data) == (answer["media_id"], picture())
    assert upload.name.startswith("签到 ")
    query = {"media_id": answer["media_id"]}
    assert await client.download("/cgi-bin/media/get", query=query, largest=len(picture())) == picture()
    with pytest.raises(Refused, match="too_large"):
        await client.download("/cgi-bin/media/get", query=query, largest=len(picture()) - 1)


@anyio
async def test_download_of_what_is_gone(client: WechatClient) -> None:
    with pytest.raises(Refused, match="40007"):
        await client.download("/cgi-bin/media/get", query={"media_id": "gone"}, largest=1000)


@anyio
async def test_download_renews_the_token(client: WechatClient, qyapi: Qyapi) -> None:
    query = {"media_id": qyapi.keep_media(picture())}
    await client.download("/cgi-bin/media/get", query=query, largest=100_000)
    qyapi.revoke_tokens()
    assert await client.download("/cgi-bin/media/get", query=query, largest=100_000) == picture()


@anyio
@pytest.mark.parametrize("fault", ["html", "error_502", "lose_answer", "busy"])
async def test_download_from_a_sick_service(client: WechatClient, qyapi: Qyapi, fault: Fault) -> None:
    query = {"media_id": qyapi.keep_media(picture())}
    qyapi.fail_next(fault)
    with pytest.raises(RetryLater):
        await client.download("/cgi-bin/media/get", query=query, largest=100_000)


@anyio
async def test_huge_download_is_broken_off(client: WechatClient, qyapi: Qyapi) -> None:
    qyapi.fail_next("huge_body")
    with pytest.raises(Refused, match="too_large"):
        await client.download("/cgi-bin/media/get", query={"media_id": "m"}, largest=1_000_000)


@anyio
async def test_upload_is_retried_without_doubt(client: WechatClient, qyapi: Qyapi) -> None:
    qyapi.fail_next("lose_answer")
    with pytest.raises(RetryLater):
        await client.upload("/cgi-bin/media/upload", "a.jpg", picture(), query={"type": "image"})


# The log


@anyio
async def test_secrets_are_never_logged(client: WechatClient, qyapi: Qyapi, caplog: pytest.LogCaptureFixture) -> None:
    levels = {name: logging.getLogger(name).level for name in logging.root.manager.loggerDict}
    set_up_logging()
    caplog.set_level(logging.DEBUG)
    try:
        await client.call("POST", SEND, body=text())
        faults: list[Fault] = ["lose_answer", "html", "busy", "limited"]
        for fault in faults:
            qyapi.fail_next(fault)
            with pytest.raises((RetryLater, Uncertain)) as caught:
                await client.call("POST", SEND, body=text())
            logging.getLogger("test").error("failed", exc_info=caught.value)
        qyapi.trust(False)
        with pytest.raises(RetryLater):
            await client.call("POST", SEND, body=text())
    finally:
        for name, level in levels.items():
            logging.getLogger(name).setLevel(level)
    assert "message/send answered code 45009" in caplog.text
    for secret in (CORP_SECRET, CORP_SECRET.replace(" ", "%20"), "token-", "access_token=", "签到"):
        assert secret not in caplog.text
