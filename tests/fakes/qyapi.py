"""A fake of qyapi.weixin.qq.com on a real port: one self-built app and some group robots (pages 90236, 90248, 99110).

It enforces the contract, and it remembers everything that it accepted. In a test: ``with Qyapi() as qyapi:``, and its
``url`` is what ``api_base`` is to be. As a process: ``python -m tests.fakes.qyapi --port P``; then ``GET /_recorded``
and ``POST /_control``.
"""

import argparse
import base64
import hashlib
import json
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field
from typing import Any

import uvicorn
from starlette.responses import Response
from starlette.routing import Route

from tests.fakes.wechat_api import Call, Fault, JsonApi, Refusal, Upload, is_picture, mapping, string
from tests.fakes.wecom_cards import FIELDS, CardError, check_card

__all__ = ["CORP_ID", "CORP_SECRET", "ROBOT_KEY", "Fault", "Qyapi"]

CORP_ID = "ww00000000000000aa"
CORP_SECRET = "the app secret"
AGENT_ID = 1000002
ROBOT_KEY = "00000000-0000-4000-8000-00000000000a"

MB = 1024 * 1024
MEDIA = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "file": 20 * MB}
ROBOT_MEDIA = {"voice": 2 * MB, "file": 20 * MB}
ROBOT_PICTURE = 2 * MB
TEXT_BYTES = 2048
ROBOT_MARKDOWN_BYTES = 4096
APP_TYPES = frozenset({"text", "markdown", "image", "file", "template_card", "news"})
CHAT_TYPES = APP_TYPES - {"template_card"}
ROBOT_TYPES = frozenset({"text", "markdown", "markdown_v2", "image", "file", "voice", "template_card", "news"})
APP_CARDS = frozenset(FIELDS)
ROBOT_CARDS = frozenset({"text_notice", "news_notice"})
MEMBER = ((30, 60.0), (1000, 3600.0))
CHAT_MEMBER = ((200, 60.0), (10_000, 86400.0))
ROBOT = ((20, 60.0),)
CHAT_ID = re.compile("[0-9A-Za-z]{1,32}")


@dataclass(frozen=True, slots=True)
class AppMessage:
    """What members got from the app. ``truncated``: the text was longer than 2048 bytes and was cut."""

    msgid: str
    to: list[str]
    msgtype: str
    content: dict[str, Any]
    truncated: bool
    at: float


@dataclass(frozen=True, slots=True)
class ChatMessage:
    """What a chat that the app created got."""

    chat: str
    msgtype: str
    content: dict[str, Any]
    truncated: bool
    at: float


@dataclass(frozen=True, slots=True)
class RobotMessage:
    """What the robot of the group with this key posted."""

    key: str
    msgtype: str
    content: dict[str, Any]
    at: float


@dataclass(slots=True)
class Record:
    """What was accepted."""

    messages: list[AppMessage] = field(default_factory=list)
    chat_messages: list[ChatMessage] = field(default_factory=list)
    robot_messages: list[RobotMessage] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)
    repeated: int = 0
    """Messages that the duplicate check held back."""
    dropped: list[str] = field(default_factory=list)
    """Members who missed a message because they had had too many; nobody tells the sender."""


class Qyapi(JsonApi):
    """The API for one corp, one app and the robots with ``keys``."""

    def __init__(
        self,
        corp_id: str = CORP_ID,
        secret: str = CORP_SECRET,
        agent_id: int = AGENT_ID,
        keys: Sequence[str] = (ROBOT_KEY,),
        *,
        port: int = 0,
        speed: float = 1.0,
    ) -> None:
        super().__init__(port=port, speed=speed)
        self.record = Record()
        self.chats: dict[str, dict[str, Any]] = {}
        """Chats that the app created."""
        self._corp_id = corp_id
        self._secret = secret
        self._agent_id = agent_id
        self._keys = set(keys)
        self._gone: set[str] = set()
        self._sent_at: dict[str, float] = {}

    def routes(self) -> list[Route]:
        """The API."""
        paths: list[tuple[str, str, Callable[[Call], dict[str, Any] | Response], bool, bool]] = [
            ("GET", "gettoken", self._give_token, False, False),
            ("POST", "message/send", self._send, True, True),
            ("POST", "appchat/create", self._create_chat, True, True),
            ("GET", "appchat/get", self._tell_chat, True, False),
            ("POST", "appchat/send", self._send_chat, True, True),
            ("POST", "media/upload", self._upload, True, False),
            ("GET", "media/get", self.get_media, True, False),
            ("POST", "webhook/send", self._send_robot, False, True),
            ("POST", "webhook/upload_media", self._upload_robot, False, False),
        ]
        return [
            Route(f"/cgi-bin/{path}", self.endpoint(path, handler, token=token, json_body=json_body), methods=[method])
            for method, path, handler, token, json_body in paths
        ]

    def recorded(self) -> dict[str, Any]:
        """The record; of uploads only what they are."""
        record = self.record
        return {
            "messages": [asdict(message) for message in record.messages],
            "chat_messages": [asdict(message) for message in record.chat_messages],
            "robot_messages": [asdict(message) for message in record.robot_messages],
            "uploads": [{"media_id": upload.media_id, "name": upload.name} for upload in record.uploads],
            "repeated": record.repeated,
            "dropped": record.dropped,
        }

    def controls(self) -> dict[str, Callable[..., object]]:
        """Those of every API, and its own."""
        return super().controls() | {
            "remove_member": self.remove_member,
            "remove_robot": self.remove_robot,
            "forget": self.forget,
        }

    def remove_member(self, user: str) -> None:
        """``user`` is no longer among those who see the app."""
        self._gone.add(user)

    def remove_robot(self, key: str) -> None:
        """The group has thrown the robot out."""
        self._keys.discard(key)

    def forget(self) -> None:
        """Empties the record; what was sent stays sent."""
        self.record = Record()

    # The app

    def _give_token(self, call: Call) -> dict[str, Any]:
        if call.query.get("corpid") != self._corp_id:
            raise Refusal(40013, "invalid corpid")
        if call.query.get("corpsecret") != self._secret:
            raise Refusal(40001, "invalid credential")
        return {"errcode": 0, "errmsg": "ok", **self.give_token()}

    def _send(self, call: Call) -> dict[str, Any]:
        body = call.body
        if body.get("agentid") != self._agent_id or isinstance(body.get("agentid"), bool):
            raise Refusal(40056, "invalid agentid")
        wanted = self._wanted(body)
        msgtype, content, truncated = self._content(body, APP_TYPES, APP_CARDS)
        visible = [user for user in wanted if user not in self._gone]
        if not visible:
            raise Refusal(81013, "user & party & tag all invalid")
        msgid = self.new_id("msg-")
        answer = {
            "errcode": 0,
            "errmsg": "ok",
            "invaliduser": "|".join(user for user in wanted if user in self._gone),
            "msgid": msgid,
        }
        if self._repeats(body, [*visible, msgtype, content]):
            self.record.repeated += 1
            return answer
        reached = [user for user in visible if not self.full(f"member {user}", *MEMBER)]
        self.record.dropped += [user for user in visible if user not in reached]
        if reached:
            self.record.messages.append(AppMessage(msgid, reached, msgtype, content, truncated, self.now()))
        return answer | ({"response_code": self.new_id("rc-")} if msgtype == "template_card" else {})

    def _wanted(self, body: Mapping[str, Any]) -> list[str]:
        """Parties and tags have one pretended member each."""
        names = {"touser": "", "toparty": "party-", "totag": "tag-"}
        fields = [body.get(name) or "" for name in names]
        if not all(isinstance(value, str) for value in fields):
            raise Refusal(40035, "invalid parameter")
        wanted = [
            prefix + item
            for prefix, value in zip(names.values(), fields, strict=True)
            for item in value.split("|")
            if item
        ]
        if not wanted:
            raise Refusal(82001, "touser & toparty & totag all empty")
        if len(wanted) > 1000:
            raise Refusal(40032, "too many users")
        return wanted

    def _repeats(self, body: Mapping[str, Any], what: list[Any]) -> bool:
        """Whether the same went to the same members within ``duplicate_check_interval``, if that is asked for."""
        if body.get("enable_duplicate_check", 0) != 1:
            return False
        interval = body.get("duplicate_check_interval", 1800)
        if not isinstance(interval, int) or not 0 < interval <= 4 * 3600:
            raise Refusal(40035, "invalid parameter: duplicate_check_interval")
        key = json.dumps(what, sort_keys=True)
        before = self._sent_at.get(key)
        if before is not None and self.now() - before < interval:
            return True
        self._sent_at[key] = self.now()
        return False

    def _content(
        self, body: Mapping[str, Any], types: frozenset[str], cards: frozenset[str]
    ) -> tuple[str, dict[str, Any], bool]:
        """Type, content, and whether it was cut."""
        msgtype = body.get("msgtype")
        if msgtype not in types:
            raise Refusal(40008, "invalid message type")
        content = mapping(body, msgtype)
        match msgtype:
            case "text":
                text = string(content, "content", 44004)
                cut = text.encode()[:TEXT_BYTES].decode(errors="ignore")
                return msgtype, content | {"content": cut}, cut != text
            case "markdown":
                if len(string(content, "content", 44004).encode()) > TEXT_BYTES:
                    raise Refusal(45002, "message content size out of limit")
            case "template_card":
                _check_card(content, cards)
            case "news":
                _check_articles(content, 45002)
            case kind:
                self.media_file(string(content, "media_id", 40007), kind)
        return msgtype, content, False

    def _upload(self, call: Call) -> dict[str, Any]:
        return self._uploaded(self.take_upload(call, MEDIA))

    def _uploaded(self, upload: Upload) -> dict[str, Any]:
        self.record.uploads.append(upload)
        return {
            "errcode": 0,
            "errmsg": "ok",
            "type": upload.kind,
            "media_id": upload.media_id,
            "created_at": str(int(upload.at)),
        }

    # Chats that the app created

    def _create_chat(self, call: Call) -> dict[str, Any]:
        body = call.body
        users = body.get("userlist")
        if not isinstance(users, list) or not 2 <= len(set(users)) <= 2000:
            raise Refusal(86006, "invalid chat member list size")
        if set(users) & self._gone:
            raise Refusal(86007, "invalid chat member")
        if len(str(body.get("name", ""))) > 50:
            raise Refusal(86004, "invalid chat name")
        if body.get("owner", users[0]) not in users:
            raise Refusal(86207, "owner is not a member")
        chat = body.get("chatid") or self.new_id("chat")
        if not isinstance(chat, str) or not CHAT_ID.fullmatch(chat):
            raise Refusal(86001, "invalid chatid")
        if chat in self.chats:
            raise Refusal(86215, "chatid exists")
        if self.full("chats", (1000, 86400.0)):
            raise Refusal(45009, "api freq out of limit")
        self.chats[chat] = {
            "chatid": chat,
            "name": body.get("name", ""),
            "owner": body.get("owner", users[0]),
            "userlist": users,
        }
        return {"errcode": 0, "errmsg": "ok", "chatid": chat}

    def _tell_chat(self, call: Call) -> dict[str, Any]:
        return {"errcode": 0, "errmsg": "ok", "chat_info": self._chat(call.query.get("chatid", ""))}

    def _chat(self, chat: str) -> dict[str, Any]:
        if chat not in self.chats:
            raise Refusal(86003, "chatid not exist")
        return self.chats[chat]

    def _send_chat(self, call: Call) -> dict[str, Any]:
        chat = self._chat(call.text("chatid", 86201))
        msgtype, content, truncated = self._content(call.body, CHAT_TYPES, frozenset())
        users: list[str] = chat["userlist"]
        missed = [user for user in users if self.full(f"chat member {user}", *CHAT_MEMBER)]
        self.record.dropped += missed
        if len(missed) < len(users):
            self.record.chat_messages.append(ChatMessage(chat["chatid"], msgtype, content, truncated, self.now()))
        return {"errcode": 0, "errmsg": "ok"}

    # The robots

    def _send_robot(self, call: Call) -> dict[str, Any]:
        key = self._robot(call)
        body = call.body
        msgtype = body.get("msgtype")
        if msgtype not in ROBOT_TYPES:
            raise Refusal(40008, "invalid message type")
        content = mapping(body, msgtype)
        self._check_robot_content(key, msgtype, content)
        if self.full(f"robot {key}", *ROBOT):
            raise Refusal(45009, "api freq out of limit")
        self.record.robot_messages.append(RobotMessage(key, msgtype, content, self.now()))
        return {"errcode": 0, "errmsg": "ok"}

    def _robot(self, call: Call) -> str:
        key = call.query.get("key", "")
        if key not in self._keys:
            raise Refusal(93000, "invalid webhook url")
        return key

    def _check_robot_content(self, key: str, msgtype: str, content: Mapping[str, Any]) -> None:
        match msgtype:
            case "text":
                _check_size(content, "content", TEXT_BYTES)
                _check_mentions(content)
            case "markdown" | "markdown_v2":
                _check_size(content, "content", ROBOT_MARKDOWN_BYTES)
            case "image":
                _check_picture(content)
            case "news":
                _check_articles(content, 40058)
            case "template_card":
                _check_card(content, ROBOT_CARDS)
            case kind:
                self.media_file(string(content, "media_id", 40007), kind, owner=key)

    def _upload_robot(self, call: Call) -> dict[str, Any]:
        return self._uploaded(self.take_upload(call, ROBOT_MEDIA, owner=self._robot(call)))


def _check_size(content: Mapping[str, Any], key: str, largest: int) -> None:
    if len(string(content, key, 44004).encode()) > largest:
        raise Refusal(40058, f"{key} exceed max length {largest}")


def _check_mentions(content: Mapping[str, Any]) -> None:
    for name in ("mentioned_list", "mentioned_mobile_list"):
        mentions = content.get(name, [])
        if not isinstance(mentions, list) or not all(isinstance(one, str) and one for one in mentions):
            raise Refusal(40058, f"invalid {name}")


def _check_picture(content: Mapping[str, Any]) -> None:
    try:
        data = base64.b64decode(string(content, "base64", 40063), validate=True)
    except ValueError as error:
        raise Refusal(40058, "invalid base64") from error
    if len(data) > ROBOT_PICTURE or not is_picture(data):
        raise Refusal(40009, "invalid image size")
    if content.get("md5") != hashlib.md5(data).hexdigest():
        raise Refusal(301019, "media md5 not match")


def _check_articles(content: Mapping[str, Any], code: int) -> None:
    articles = content.get("articles")
    if not isinstance(articles, list) or not 1 <= len(articles) <= 8:
        raise Refusal(code, "articles: 1 to 8")
    for article in articles:
        if (
            len(string(article, "title", 40063).encode()) > 128
            or len(str(article.get("description", "")).encode()) > 512
        ):
            raise Refusal(code, "article too long")
        string(article, "url", 40063)


def _check_card(card: Mapping[str, Any], types: frozenset[str]) -> None:
    if card.get("card_type") not in types:
        raise Refusal(40058, "invalid card_type")
    try:
        check_card(card)
    except CardError as error:
        raise Refusal(error.code, str(error)) from error


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--corp-id", default=CORP_ID)
    parser.add_argument("--secret", default=CORP_SECRET)
    parser.add_argument("--key", action="append", default=[])
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args()
    fake = Qyapi(options.corp_id, options.secret, keys=options.key or (ROBOT_KEY,), speed=options.speed)
    uvicorn.run(fake.app(), host="127.0.0.1", port=options.port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
