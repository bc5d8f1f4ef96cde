"""wechatpy, which others run against the real thing, talks with the fakes, and reads what the product says."""

import io
import time
import xml.etree.ElementTree as ElementTree
from collections.abc import Iterator
from datetime import UTC, datetime
from typing import Any

import pytest
import wechatpy
from wechatpy import enterprise
from wechatpy.crypto import BaseWeChatCrypto, WeChatCrypto
from wechatpy.exceptions import InvalidSignatureException, WeChatClientException
from wechatpy.replies import ImageReply, TextReply
from wechatpy.utils import check_signature

from bot.platforms.wechat.crypto import CallbackCipher
from bot.platforms.wechat.xml import envelope, image_reply, text_reply
from tests.fakes.official_account import APP_ID, APP_SECRET, OfficialAccountCloud
from tests.fakes.pictures import picture
from tests.fakes.qyapi import AGENT_ID, CORP_ID, CORP_SECRET, Qyapi
from tests.fakes.wechat_xml import AccountCallbacks, AppCallbacks, BadReply, Callback, XmlCallbacks

TOKEN = "QDG6eK"
KEY = "jWmYm7qr5nMoAUwZRjGtBxmz3KA1tkAj3ykkR6q2B2C"
APP = AppCallbacks(TOKEN, KEY, CORP_ID, AGENT_ID)
ACCOUNT = AccountCallbacks(TOKEN, KEY, APP_ID)
APP_CRYPTO = enterprise.WeChatCrypto(TOKEN, KEY, CORP_ID)
ACCOUNT_CRYPTO = WeChatCrypto(TOKEN, KEY, APP_ID)
BOTH = pytest.mark.parametrize(("callbacks", "crypto"), [(APP, APP_CRYPTO), (ACCOUNT, ACCOUNT_CRYPTO)])


class AppClient(enterprise.WeChatClient):
    """The client asks the real service for tokens wherever its API is: this one asks the same place."""

    def fetch_access_token(self) -> dict[str, Any]:
        query = {"corpid": self.corp_id, "corpsecret": self.secret}
        return self._fetch_access_token(f"{self.API_BASE_URL}gettoken", query)


class AccountClient(wechatpy.WeChatClient):
    """The same for an official account."""

    def fetch_access_token(self) -> dict[str, Any]:
        query = {"grant_type": "client_credential", "appid": self.appid, "secret": self.secret}
        return self._fetch_access_token(f"{self.API_BASE_URL}token", query)


@pytest.fixture
def qyapi() -> Iterator[Qyapi]:
    with Qyapi() as serving:
        yield serving


@pytest.fixture
def cloud() -> Iterator[OfficialAccountCloud]:
    with OfficialAccountCloud() as serving:
        yield serving


@pytest.fixture
def app(qyapi: Qyapi) -> Iterator[AppClient]:
    client = AppClient(CORP_ID, CORP_SECRET, timeout=5.0)
    client.API_BASE_URL = f"{qyapi.url}/cgi-bin/"
    yield client
    client._http.close()


@pytest.fixture
def account(cloud: OfficialAccountCloud) -> Iterator[AccountClient]:
    client = AccountClient(APP_ID, APP_SECRET, timeout=5.0)
    client.API_BASE_URL = f"{cloud.url}/cgi-bin/"
    yield client
    client._http.close()


def opened(crypto: BaseWeChatCrypto, callback: Callback) -> str:
    """What wechatpy decrypts."""
    query = callback.query
    return crypto.decrypt_message(callback.body.decode(), query["msg_signature"], query["timestamp"], query["nonce"])


# Callbacks: wechatpy reads what the fakes send


@BOTH
@pytest.mark.parametrize("text", ["签到", "]]> <Content> & 🐝", "x" * 2048])
def test_texts_are_decrypted_and_parsed(callbacks: XmlCallbacks, crypto: BaseWeChatCrypto, text: str) -> None:
    callback = callbacks.text(text, sender="zhao", msg_id="4561255354251345929", sent_at=1409659813)
    plain = opened(crypto, callback)
    parse = enterprise.parse_message if callbacks is APP else wechatpy.parse_message
    message = parse(plain)
    assert (message.type, message.content, message.id) == ("text", text, 4561255354251345929)
    assert (message.source, message.target) == ("zhao", callbacks.account)


@BOTH
def test_other_kinds_are_parsed(callbacks: XmlCallbacks, crypto: BaseWeChatCrypto) -> None:
    parse = enterprise.parse_message if callbacks is APP else wechatpy.parse_message
    image = parse(opened(crypto, callbacks.image("m1", pic_url="http://a/b.jpg")))
    assert (image.type, image.media_id, image.image) == ("image", "m1", "http://a/b.jpg")
    voice = parse(opened(crypto, callbacks.voice("m2", recognition="签到")))
    assert (voice.type, voice.media_id) == ("voice", "m2")
    place = parse(opened(crypto, callbacks.location("幸福里 3 号")))
    assert (place.type, place.label, place.location) == ("location", "幸福里 3 号", ("31.230400", "121.473700"))
    events = [callbacks.subscribe(), callbacks.unsubscribe(), callbacks.report_location()]
    assert [parse(opened(crypto, event)).event for event in events] == ["subscribe", "unsubscribe", "location"]


def test_events_of_one_platform_are_parsed() -> None:
    click = enterprise.parse_message(opened(APP_CRYPTO, APP.click("help")))
    assert (click.event, click.key, click.agent) == ("click", "help", AGENT_ID)
    assert enterprise.parse_message(opened(APP_CRYPTO, APP.enter())).event == "enter_agent"
    assert wechatpy.parse_message(opened(ACCOUNT_CRYPTO, ACCOUNT.click("help"))).key == "help"


def test_url_verification_of_an_app() -> None:
    query = APP.verification("1616140317555161061")
    proof = (query["msg_signature"], query["timestamp"], query["nonce"], query["echostr"])
    assert APP_CRYPTO.check_signature(*proof) == "1616140317555161061"


def test_signatures_of_an_account() -> None:
    for query in (ACCOUNT.verification("echo"), ACCOUNT.text("签到").query):
        check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"])
        with pytest.raises(InvalidSignatureException):
            check_signature(TOKEN, query["signature"], query["timestamp"], query["nonce"] + "1")


@BOTH
def test_wrong_signatures_are_refused(callbacks: XmlCallbacks, crypto: BaseWeChatCrypto) -> None:
    callback = callbacks.text("签到")
    with pytest.raises(InvalidSignatureException):
        opened(crypto, callback._replace(query=callback.query | {"nonce": "1"}))


# Passive replies: the fakes read what wechatpy sends


@BOTH
def test_replies_of_wechatpy_are_opened(callbacks: XmlCallbacks, crypto: BaseWeChatCrypto) -> None:
    callback = callbacks.text("签到", sender="zhao")
    between: dict[str, Any] = {"source": callbacks.account, "target": "zhao", "time": int(time.time())}
    replies = [TextReply(content="已签到", **between), ImageReply(image="m1", **between)]
    answers = [crypto.encrypt_message(one.render(), callback.query["nonce"]).encode() for one in replies]
    text, image = (callbacks.opened(answer, callback) or {} for answer in answers)
    assert (text["Content"], image["Image/MediaId"]) == ("已签到", "m1")


@BOTH
def test_replies_of_others_are_not(callbacks: XmlCallbacks, crypto: BaseWeChatCrypto) -> None:
    callback = callbacks.text("签到", sender="zhao")
    reply = TextReply(content="已签到", source=callbacks.account, target="zhao", time=1).render()
    other = enterprise.WeChatCrypto(TOKEN, KEY, "other")
    with pytest.raises(BadReply):
        callbacks.opened(other.encrypt_message(reply, callback.query["nonce"]).encode(), callback)
    with pytest.raises(BadReply):
        callbacks.opened(crypto.encrypt_message(reply, "another nonce").encode(), callback)


# The product's replies, read by both


@BOTH
@pytest.mark.parametrize("text", ["已签到", "]]> <Content> & 🐝"])
def test_replies_of_the_product(callbacks: XmlCallbacks, crypto: BaseWeChatCrypto, text: str) -> None:
    callback = callbacks.text("签到", sender="zhao")
    cipher = CallbackCipher(TOKEN, KEY, callbacks.receive_id)
    at = datetime(2026, 11, 23, 7, 0, tzinfo=UTC)
    for plain in (
        text_reply(text, to="zhao", sender=callbacks.account, at=at),
        image_reply("m1", to="zhao", sender=callbacks.account, at=at),
    ):
        answer = envelope(cipher.seal(plain, 1795417200, callback.query["nonce"]))
        assert callbacks.opened(answer.encode(), callback)
        signature = ElementTree.fromstring(answer).findtext("MsgSignature", "")
        assert crypto.decrypt_message(answer, signature, "1795417200", callback.query["nonce"]) == plain


@BOTH
def test_product_opens_what_wechatpy_encrypts(callbacks: XmlCallbacks, crypto: BaseWeChatCrypto) -> None:
    cipher = CallbackCipher(TOKEN, KEY, callbacks.receive_id)
    document = ElementTree.fromstring(crypto.encrypt_message("<xml>签到</xml>", "n1", "1700000000"))
    proof = (document.findtext("MsgSignature", ""), "1700000000", "n1", document.findtext("Encrypt", ""))
    assert cipher.open(*proof).decode() == "<xml>签到</xml>"


# Clients


def test_app_sends(app: AppClient, qyapi: Qyapi) -> None:
    app.message.send_text(AGENT_ID, ["zhao", "li"], "签到")
    app.message.send_markdown(AGENT_ID, ["zhao"], "**签到**")
    image = app.media.upload("image", ("photo.jpg", io.BytesIO(picture())))["media_id"]
    app.message.send_image(AGENT_ID, ["zhao"], image)
    file = app.media.upload("file", ("week.csv", io.BytesIO(b"name,days")))["media_id"]
    app.message.send_file(AGENT_ID, ["zhao"], file)
    assert [message.msgtype for message in qyapi.record.messages] == ["text", "markdown", "image", "file"]
    assert qyapi.record.messages[0].to == ["zhao", "li"]
    assert qyapi.requests["gettoken"] == 1
    assert app.get("media/get", params={"media_id": image}).content == picture()


def test_app_renews_its_token(app: AppClient, qyapi: Qyapi) -> None:
    app.message.send_text(AGENT_ID, ["zhao"], "签到")
    qyapi.revoke_tokens()
    app.message.send_text(AGENT_ID, ["zhao"], "签到")
    assert (len(qyapi.record.messages), qyapi.requests["gettoken"]) == (2, 2)


def test_app_has_chats(app: AppClient, qyapi: Qyapi) -> None:
    app.appchat.create("chat1", "幸福里流动党支部", "zhao", ["zhao", "li"])
    assert app.appchat.get("chat1")["userlist"] == ["zhao", "li"]
    app.appchat.send_text("chat1", "签到")
    assert qyapi.record.chat_messages[0].content == {"content": "签到"}


def test_app_is_refused(app: AppClient, qyapi: Qyapi) -> None:
    qyapi.remove_member("zhao")
    with pytest.raises(WeChatClientException) as caught:
        app.message.send_text(AGENT_ID, ["zhao"], "签到")
    assert caught.value.errcode == 81013


def test_account_sends(account: AccountClient, cloud: OfficialAccountCloud) -> None:
    cloud.hear("zhao")
    account.message.send_text("zhao", "已受理")
    image = account.media.upload("image", ("photo.jpg", io.BytesIO(picture())))["media_id"]
    account.message.send_image("zhao", image)
    assert [told.content for told in cloud.record.told] == [{"content": "已受理"}, {"media_id": image}]
    assert account.get("media/get", params={"media_id": image}).content == picture()
    cloud.leave("zhao")
    with pytest.raises(WeChatClientException) as caught:
        account.message.send_text("zhao", "已受理")
    assert caught.value.errcode == 45015
