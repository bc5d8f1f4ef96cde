"""The custom robots of the fake Feishu cloud: webhooks that push into one group (page ``ucTM5YjL3ETO24yNxkjN``)."""

import base64
import hashlib
import hmac
import time
from dataclasses import dataclass
from typing import Any

from starlette.responses import JSONResponse, Response

from tests.fakes.feishu_cards import CardError, check_card
from tests.fakes.feishu_gateway import Call, Gateway, Refusal
from tests.fakes.feishu_record import Pushed

LARGEST = 20 * 1024
TIMESTAMP_WITHIN = 3600
SUCCESS = {"StatusCode": 0, "StatusMessage": "success", "code": 0, "data": {}, "msg": "success"}


@dataclass(frozen=True, slots=True)
class Robot:
    """One custom robot. Without a secret it asks for no signature, without keywords for none of them."""

    secret: str
    keywords: tuple[str, ...]


class Robots:
    """All custom robots, by the token at the end of their addresses."""

    def __init__(self, gateway: Gateway) -> None:
        self._gateway = gateway
        self._robots: dict[str, Robot] = {}

    def add(self, token: str, secret: str = "", keywords: tuple[str, ...] = ()) -> None:
        """There is such a robot."""
        self._robots[token] = Robot(secret, tuple(keywords))

    def push(self, call: Call) -> Response:
        """``POST /open-apis/bot/v2/hook/:token``. Refusals come with HTTP 200."""
        try:
            self._gateway.record.pushes.append(self._checked(call))
        except Refusal as refusal:
            self._gateway.record.refusals[refusal.code] += 1
            return JSONResponse({"code": refusal.code, "msg": str(refusal), "data": {}})
        return JSONResponse(SUCCESS)

    def _checked(self, call: Call) -> Pushed:
        token = call.path["token"]
        robot = self._robots.get(token)
        if robot is None:
            raise Refusal(19001, "param invalid: incoming webhook access token invalid")
        self._gateway.check_refusals(token)
        try:
            body = call.json()
        except Refusal as refusal:
            raise Refusal(9499, "Bad Request") from refusal
        if len(call.body) > LARGEST:
            raise Refusal(9499, "Bad Request")
        _check_signature(robot.secret, body)
        msg_type, content = _content(body)
        if robot.keywords and not any(word in str(content) for word in robot.keywords):
            raise Refusal(19024, "Key Words Not Found")
        rules = self._gateway.rules
        if self._gateway.full(f"robot {token}", (rules.robot_per_second, 1.0), (rules.robot_per_minute, 60.0)):
            raise Refusal(11232, "frequency limited")
        return Pushed(token, msg_type, content, self._gateway.now())


def robot_signature(timestamp: str, secret: str) -> str:
    """What a robot with that secret demands as ``sign``: the key is built of both, and nothing is signed."""
    return base64.b64encode(hmac.new(f"{timestamp}\n{secret}".encode(), digestmod=hashlib.sha256).digest()).decode()


def _check_signature(secret: str, body: dict[str, Any]) -> None:
    if not secret:
        return
    timestamp = body.get("timestamp")
    fresh = isinstance(timestamp, str) and timestamp.isdecimal()
    if not fresh or abs(time.time() - int(str(timestamp))) > TIMESTAMP_WITHIN:
        raise Refusal(19021, "sign match fail or timestamp is not within one hour from current time")
    if body.get("sign") != robot_signature(str(timestamp), secret):
        raise Refusal(19021, "sign match fail or timestamp is not within one hour from current time")


def _content(body: dict[str, Any]) -> tuple[str, dict[str, Any]]:
    """What the robot is to post, by its msg_type."""
    msg_type = body.get("msg_type")
    content = body.get("card" if msg_type == "interactive" else "content")
    if not isinstance(content, dict):
        raise Refusal(9499, "Bad Request")
    match msg_type:
        case "text" if isinstance(content.get("text"), str) and content["text"]:
            return "text", content
        case "post" if isinstance(content.get("post"), dict):
            return "post", content
        case "image" if isinstance(content.get("image_key"), str):
            return "image", content
        case "interactive":
            return "interactive", _card(content)
    raise Refusal(9499, "Bad Request")


def _card(card: dict[str, Any]) -> dict[str, Any]:
    try:
        check_card(card)
    except CardError as error:
        raise Refusal(9499, f"Bad Request: {error.code} {error}") from error
    return card
