"""A fake Feishu cloud on a real port. It enforces the contract, and it remembers everything that it accepted.

In a test: ``with FeishuCloud() as cloud: FeishuSettings(api_base=cloud.url, …)``. As a process, for tests that run the
product as one: ``python -m tests.fakes.feishu_cloud --port P``; then ``GET /_recorded`` and ``POST /_control``.
"""

import argparse
from collections.abc import Callable, Iterable
from types import TracebackType
from typing import Any, Self

import uvicorn
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse, Response
from starlette.routing import Route

from tests.fakes.feishu_callbacks import BOT_NAME, BOT_OPEN_ID, FeishuCallbacks
from tests.fakes.feishu_chats import Chats, Member
from tests.fakes.feishu_gateway import APP_ID, APP_SECRET, Call, Fault, Gateway, Handler, Refusal, Rules
from tests.fakes.feishu_messages import Messages
from tests.fakes.feishu_record import Posted, Record
from tests.fakes.feishu_resources import PRIVATE, Kind, Odd, Resources
from tests.fakes.feishu_robot import Robots
from tests.fakes.feishu_uploads import Uploads
from tests.fakes.serving import ServerThread

__all__ = [
    "APP_ID",
    "APP_SECRET",
    "Fault",
    "FeishuCallbacks",
    "FeishuCloud",
    "Kind",
    "Member",
    "Odd",
    "Posted",
    "Record",
    "Refusal",
    "Rules",
]

APIS = "/open-apis"
MESSAGES = f"{APIS}/im/v1/messages"
CHATS = f"{APIS}/im/v1/chats"


class FeishuCloud:
    """The cloud, for one app. Inside ``with`` it answers at ``url``; its record and controls are for any thread.

    Groups are posted to whether or not they were added (``add_chat``); only their names and people are unknown then.
    """

    def __init__(
        self, app_id: str = APP_ID, app_secret: str = APP_SECRET, rules: Rules | None = None, port: int = 0
    ) -> None:
        self.app_id = app_id
        self.app_secret = app_secret
        self.rules = rules or Rules()
        self._gateway = Gateway(app_id, app_secret, self.rules)
        self._chats = Chats(self._gateway)
        self._uploads = Uploads(self._gateway)
        self._messages = Messages(self._gateway, self._chats, self._uploads)
        self._resources = Resources(self._gateway, self._chats, self._messages)
        self._robots = Robots(self._gateway)
        self._port = port
        self._server: ServerThread | None = None
        self._scopes: list[str] | None = None
        self.activate_status = 2
        """Of the bot: 2 is enabled (page ``uAjMxEjLwITMx4CMyETM``)."""

    def __enter__(self) -> Self:
        self._server = ServerThread(self.app(), port=self._port)
        self._server.__enter__()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._server is not None:
            self._server.__exit__(kind, error, trace)

    @property
    def url(self) -> str:
        """What ``api_base`` is to be."""
        if self._server is None:
            raise RuntimeError("the cloud is not serving")
        return self._server.url

    @property
    def record(self) -> Record:
        """What the cloud has seen."""
        return self._gateway.record

    def app(self) -> Starlette:
        """The ASGI application."""
        return Starlette(
            routes=[
                self._open("POST", f"{APIS}/auth/v3/tenant_access_token/internal", "token", self._gateway.give_token),
                self._open("POST", f"{APIS}/bot/v2/hook/{{token}}", "push", self._robots.push),
                self._open("GET", PRIVATE, "private", _give_secret),
                self._api("GET", f"{APIS}/bot/v3/info", "info", self._tell_info),
                self._api("GET", f"{APIS}/application/v6/scopes", "scopes", self._list_scopes),
                self._api("POST", MESSAGES, "create", self._messages.create),
                self._api("POST", f"{MESSAGES}/{{id}}/reply", "reply", self._messages.reply),
                self._api("POST", f"{MESSAGES}/{{id}}/reactions", "react", self._messages.react),
                self._api("PATCH", f"{MESSAGES}/{{id}}", "patch", self._messages.patch),
                self._api("GET", f"{MESSAGES}/{{id}}/resources/{{key}}", "resource", self._resources.get),
                self._api("POST", f"{APIS}/im/v1/images", "image", self._uploads.take_image),
                self._api("GET", f"{APIS}/im/v1/images/{{key}}", "own_image", self._uploads.give_image),
                self._api("POST", f"{APIS}/im/v1/files", "file", self._uploads.take_file),
                self._api("GET", CHATS, "chats", self._chats.list_chats),
                self._api("GET", f"{CHATS}/{{id}}", "chat", self._chats.get),
                self._api("GET", f"{CHATS}/{{id}}/members", "members", self._chats.list_members),
                Route("/_recorded", self._tell_recorded, methods=["GET"]),
                Route("/_control", self._take_control, methods=["POST"]),
            ]
        )

    def robot_url(self, token: str) -> str:
        """The webhook address of a custom robot."""
        return f"{self.url}{APIS}/bot/v2/hook/{token}"

    def uploaded(self, key: str) -> bytes:
        """What the bot uploaded under that key."""
        return self._uploads.data(key)

    # Controls

    def fail_next(self, fault: Fault, count: int = 1, api: str = "") -> None:
        """The next ``count`` calls of ``api`` (as ``record.requests`` names it) go wrong, or of any that sends."""
        self._gateway.fail_next(fault, count, api)

    def break_down(self, seconds: float) -> None:
        """Everything, tokens too, answers 503 for that many of our seconds."""
        self._gateway.break_down(seconds)

    def refuse(self, what: str, code: int) -> None:
        """Whatever concerns ``what`` (a chat, a person, a robot's token or an API) gets ``code``; 0 ends that."""
        self._gateway.refuse(what, code)

    def revoke_tokens(self) -> None:
        """Every token given out so far has expired."""
        self._gateway.revoke_tokens()

    def grant(self, scopes: Iterable[str]) -> None:
        """The app has these permissions; until this was said they cannot be listed."""
        self._scopes = list(scopes)

    def add_chat(self, chat_id: str, name: str, members: Iterable[Member] = (), *, external: bool = False) -> None:
        """There is such a group, and the bot is in it."""
        self._chats.add(chat_id, name, (Member(*member) for member in members), external=external)

    def add_private_chat(self, chat_id: str, open_id: str) -> None:
        """That is the private chat of the person with the bot: its posts and replies share one limit."""
        self._chats.add_private(chat_id, open_id)

    def remove_bot(self, chat: str) -> None:
        """The bot is not in ``chat`` any more."""
        self._chats.remove_bot(chat)

    def dissolve(self, chat: str) -> None:
        """The group is no more."""
        self._chats.dissolve(chat)

    def add_resource(
        self,
        message_id: str,
        key: str,
        content: bytes | Odd = "picture",
        kind: Kind = "image",
        content_type: str = "image/jpeg",
    ) -> None:
        """A person's message has that picture or file (see ``Odd`` for what else may be behind it)."""
        self._resources.add(message_id, key, content, kind, content_type)

    def add_robot(self, token: str, secret: str = "", keywords: Iterable[str] = ()) -> None:
        """There is a custom robot with that webhook token."""
        self._robots.add(token, secret, tuple(keywords))

    def recall(self, message_id: str) -> None:
        """The author recalled the message."""
        self._messages.recall(message_id)

    def forget(self) -> None:
        """Empties the record; what was posted stays posted."""
        self._gateway.record = Record()

    # The rest of the API

    def _api(self, method: str, path: str, name: str, handler: Handler) -> Route:
        return Route(path, self._gateway.endpoint(name, handler), methods=[method])

    def _open(self, method: str, path: str, name: str, handler: Handler) -> Route:
        return Route(path, self._gateway.open_endpoint(name, handler), methods=[method])

    def _tell_info(self, _: Call) -> Response:
        bot = {"activate_status": self.activate_status, "app_name": BOT_NAME, "open_id": BOT_OPEN_ID}
        return JSONResponse({"code": 0, "msg": "ok", "bot": bot})

    def _list_scopes(self, _: Call) -> dict[str, Any]:
        if self._scopes is None:
            raise Refusal(212100, "app not install")
        granted = [{"scope_name": scope, "grant_status": 1} for scope in self._scopes]
        return {"scopes": [*granted, {"scope_name": "contact:contact", "grant_status": 2}]}

    # Over HTTP

    async def _tell_recorded(self, _: Request) -> Response:
        return JSONResponse(self.record.as_json())

    async def _take_control(self, request: Request) -> Response:
        """``{"do": "fail_next", "with": ["lose_answer", 2]}``: calls one of the controls."""
        controls: dict[str, Callable[..., None]] = {
            control.__name__: control
            for control in (
                *(self.fail_next, self.break_down, self.refuse, self.revoke_tokens, self.grant, self.forget),
                *(self.add_chat, self.add_private_chat, self.remove_bot, self.dissolve),
                *(self.add_resource, self.add_robot, self.recall),
            )
        }
        order = await request.json()
        controls[order["do"]](*order.get("with", []))
        return JSONResponse({})


def _give_secret(_: Call) -> Response:
    return Response("nobody outside may read this", media_type="image/jpeg")


def main() -> None:
    """Serves until it is stopped."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--app-id", default=APP_ID)
    parser.add_argument("--app-secret", default=APP_SECRET)
    parser.add_argument("--rates-times", type=int, default=1)
    parser.add_argument("--speed", type=float, default=1.0)
    options = parser.parse_args()
    rules = Rules(speed=options.speed).rates_times(options.rates_times)
    cloud = FeishuCloud(options.app_id, options.app_secret, rules)
    uvicorn.run(cloud.app(), host="127.0.0.1", port=options.port, log_level="critical", access_log=False)


if __name__ == "__main__":
    main()
