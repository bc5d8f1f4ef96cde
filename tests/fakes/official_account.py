"""A fake of api.weixin.qq.com on a real port, for one official account: tokens, messages of its service desk, media.

It enforces how much and how long an account may say (doc/subscription/guide/product/kf/intro), and it remembers what it
accepted. In a test: ``with OfficialAccountCloud() as cloud:``, and its ``url`` is what ``api_base`` is to be.
As a process: ``python -m tests.fakes.official_account --port P``; then ``GET /_recorded`` and ``POST /_control``.
"""

import argparse
from collections.abc import Callable
from dataclasses import asdict, dataclass, field
from typing import Any

import uvicorn
from starlette.routing import Route

from tests.fakes.wechat_api import Call, Fault, Handler, JsonApi, Refusal, Upload, mapping, string

__all__ = ["APP_ID", "APP_SECRET", "Fault", "OfficialAccountCloud"]

APP_ID = "wx00000000000000aa"
APP_SECRET = "the account secret"

MB = 1024 * 1024
MEDIA = {"image": 10 * MB, "voice": 2 * MB, "video": 10 * MB, "thumb": 64 * 1024}
TEXT_BYTES = 2048
TYPES = frozenset({"text", "image", "msgmenu"})
AFTER_MESSAGE = (5, 48 * 3600.0)
AFTER_CLICK = (3, 60.0)
"""How many, and the seconds in which; also after somebody subscribed or scanned."""
OVERLAP = 300.0
"""Seconds for which a token of ``/cgi-bin/token`` lives on after the next."""


@dataclass(frozen=True, slots=True)
class Told:
    """What a person got from the service desk."""

    to: str
    msgtype: str
    content: dict[str, Any]
    at: float


@dataclass(slots=True)
class Record:
    """What was accepted."""

    told: list[Told] = field(default_factory=list)
    uploads: list[Upload] = field(default_factory=list)


@dataclass(slots=True)
class _Allowance:
    left: int
    until: float


class OfficialAccountCloud(JsonApi):
    """The API for one account. People exist once they were heard of."""

    untrusted_code = 40164

    def __init__(self, app_id: str = APP_ID, secret: str = APP_SECRET, *, port: int = 0, speed: float = 1.0) -> None:
        super().__init__(port=port, speed=speed)
        self.record = Record()
        self.may_send = True
        """Personal and unverified accounts have no service desk."""
        self._app_id = app_id
        self._secret = secret
        self._allowances: dict[str, dict[str, _Allowance]] = {}

    def routes(self) -> list[Route]:
        """The API."""
        paths: list[tuple[str, str, Handler, bool, bool]] = [
            ("GET", "token", self._give_new_token, False, False),
            ("POST", "stable_token", self._give_stable_token, False, True),
            ("POST", "message/custom/send", self._send, True, True),
            ("POST", "media/upload", self._upload, True, False),
            ("GET", "media/get", self.get_media, True, False),
        ]
        return [
            Route(f"/cgi-bin/{path}", self.endpoint(path, handler, token=token, json_body=body), methods=[method])
            for method, path, handler, token, body in paths
        ]

    def recorded(self) -> dict[str, Any]:
        """The record; of uploads only what they are."""
        return {
            "told": [asdict(told) for told in self.record.told],
            "uploads": [{"media_id": upload.media_id, "name": upload.name} for upload in self.record.uploads],
        }

    def controls(self) -> dict[str, Callable[..., object]]:
        """Those of every API, and its own."""
        own = (self.hear, self.click, self.leave, self.permit, self.forget)
        return super().controls() | {control.__name__: control for control in own}

    # Controls

    def hear(self, person: str) -> None:
        """``person`` wrote to the account."""
        self._allow(person, "message", *AFTER_MESSAGE)

    def click(self, person: str) -> None:
        """``person`` pressed a menu, scanned or subscribed."""
        self._allow(person, "click", *AFTER_CLICK)

    def leave(self, person: str) -> None:
        """``person`` unsubscribed."""
        self._allowances[person] = {}

    def permit(self, may_send: bool) -> None:
        """Whether the account has a service desk."""
        self.may_send = may_send

    def forget(self) -> None:
        """Empties the record; nobody gets more to hear by that."""
        self.record = Record()

    def _allow(self, person: str, why: str, count: int, seconds: float) -> None:
        self._allowances.setdefault(person, {})[why] = _Allowance(count, self.now() + seconds)

    # The API

    def _give_new_token(self, call: Call) -> dict[str, Any]:
        self._check_credentials(call.query)
        return self.give_token("each", renew=True, overlap=OVERLAP)

    def _give_stable_token(self, call: Call) -> dict[str, Any]:
        self._check_credentials(call.body)
        renew = call.body.get("force_refresh", False)
        if not isinstance(renew, bool):
            raise Refusal(47001, "data format error")
        if renew and self.full("force_refresh", (20, 86400.0)):
            raise Refusal(45009, "reach max api daily quota limit")
        return self.give_token("stable", renew=renew)

    def _check_credentials(self, given: Any) -> None:
        if given.get("grant_type") != "client_credential":
            raise Refusal(40002, "invalid grant_type")
        if given.get("appid") != self._app_id:
            raise Refusal(40013, "invalid appid")
        if given.get("secret") != self._secret:
            raise Refusal(40125, "invalid appsecret")

    def _send(self, call: Call) -> dict[str, Any]:
        if not self.may_send:
            raise Refusal(48001, "api unauthorized")
        person = call.text("touser", 40003)
        msgtype = call.body.get("msgtype")
        if msgtype not in TYPES:
            raise Refusal(40008, "invalid message type")
        content = mapping(call.body, msgtype)
        self._check_content(msgtype, content)
        self._use(person)
        self.record.told.append(Told(person, msgtype, content, self.now()))
        return {"errcode": 0, "errmsg": "ok"}

    def _check_content(self, msgtype: str, content: dict[str, Any]) -> None:
        match msgtype:
            case "text":
                if len(string(content, "content", 44004).encode()) > TEXT_BYTES:
                    raise Refusal(45002, "message content size over limit")
            case "image":
                self.media_file(string(content, "media_id", 40007), "image")
            case "msgmenu":
                items = content.get("list")
                if not isinstance(items, list) or not items:
                    raise Refusal(40063, "invalid list")
                for item in items:
                    string(item, "id", 40063)
                    string(item, "content", 40063)

    def _use(self, person: str) -> None:
        """Takes from what ends first."""
        if person not in self._allowances:
            raise Refusal(40003, "invalid openid")
        now = self.now()
        open_ones = sorted(
            (one for one in self._allowances[person].values() if one.until > now), key=lambda one: one.until
        )
        if not open_ones:
            raise Refusal(45015, "response out of time limit or subscription is canceled")
        left = next((one for one in open_ones if one.left), None)
        if left is None:
            raise Refusal(45047, "out of response count limit")
        left.left -= 1

    def _upload(self, call: Call) -> dict[str, Any]:
        upload = self.take_upload(call, MEDIA)
        self.record.uploads.append(upload)
        return {"type": upload.kind, "media_id": upload.media_id, "created_at": int(upload.at)}


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app-id", default=APP_ID)
    parser.add_argument("--secret", default=APP_SECRET)
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args()
    fake = OfficialAccountCloud(options.app_id, options.secret, speed=options.speed)
    uvicorn.run(fake.app(), host="127.0.0.1", port=options.port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
