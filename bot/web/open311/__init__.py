"""Open311 GeoReport v2: other systems read the hazards, and report some (https://wiki.open311.org/GeoReport_v2).

Only hazards, only those of the configured organisations, and nothing of who reported them. Reading needs no key, as the
standard has it; whom to let in is up to the proxy in front (docs/operators/open311.md).
"""

import logging
from collections.abc import Callable, Coroutine
from typing import Any

from fastapi import APIRouter
from fastapi.routing import APIRoute
from sqlalchemy.exc import SQLAlchemyError
from starlette.requests import Request
from starlette.responses import Response

from bot.platforms.budget import Budget, Rate
from bot.web.open311.answers import FORMATS, Refused, answered
from bot.web.open311.base import Open311
from bot.web.open311.posting import post_request
from bot.web.open311.question import read_question
from bot.web.open311.requests import find_one, find_requests
from bot.web.open311.services import SERVICES, by_code

PREFIX = "/open311/v2"
OF_ONE_ADDRESS = Rate(120, 60.0)
OF_ONE_SYSTEM = Rate(60, 60.0)
"""Reports of one key."""
NO_SUCH = (
    "没有这个地址。有的是 services、services/类别、requests、requests/编号，后面加 .json 或 .xml；POST 只有 requests"
)
NO_TOKENS = "这里没有 token：报的时候马上就有编号（service_request_id），请用 requests/编号 来查"
NO_CODE = "service_code 没有写"
NO_NUMBER = "service_request_id 没有写"
TOO_OFTEN = "问得太多了，请 {seconds} 秒以后再来"
NOT_NOW = "数据库现在没有应答，请过一会儿再来"
EVERY = ["GET", "POST", "PUT", "PATCH", "DELETE"]

_log = logging.getLogger(__name__)


def open311_router(open311: Open311) -> APIRouter:
    """All of it. Made only where a system is configured: without one there is no such address."""
    askers, reporters = Budget((OF_ONE_ADDRESS,), open311.seconds), Budget((OF_ONE_SYSTEM,), open311.seconds)
    router = APIRouter(prefix=PREFIX, tags=["Open311"], route_class=_refusing(askers))
    _add_services(router)
    _add_requests(router, open311)

    @router.post("/requests.{form}", summary="报一件隐患")
    async def post(form: str, request: Request) -> Response:
        def spend(name: str) -> None:
            _spend(reporters, name)

        return answered("service_requests", "request", await post_request(request, open311, spend), form)

    @router.api_route("/tokens/{token}", methods=["GET"], include_in_schema=False)
    async def token(token: str) -> Response:  # noqa: ARG001
        raise Refused(404, NO_TOKENS)

    @router.api_route("/{rest:path}", methods=EVERY, include_in_schema=False)
    async def nothing(rest: str) -> Response:  # noqa: ARG001
        raise Refused(404, NO_SUCH)

    return router


def _add_services(router: APIRouter) -> None:
    @router.get("/services.{form}", summary="隐患的类别")
    async def services(form: str) -> Response:
        return answered("services", "service", [service.as_fields() for service in SERVICES], form)

    @router.get("/services/.{form}", include_in_schema=False)
    async def no_code(form: str) -> Response:  # noqa: ARG001
        raise Refused(400, NO_CODE)

    @router.get("/services/{code}.{form}", summary="一个类别要另外填什么（都不用）")
    async def service(code: str, form: str) -> Response:
        definition = {"service_code": by_code(code).code, "attributes": []}
        return answered("service_definition", "attribute", definition, form)


def _add_requests(router: APIRouter, open311: Open311) -> None:
    @router.get("/requests.{form}", summary="查隐患")
    async def requests(form: str, request: Request) -> Response:
        question = read_question(request.query_params, open311.clock())
        found = await open311.read(lambda session: find_requests(session, open311.systems, question))
        return answered("service_requests", "request", found, form)

    @router.get("/requests/.{form}", include_in_schema=False)
    async def no_number(form: str) -> Response:  # noqa: ARG001
        raise Refused(400, NO_NUMBER)

    @router.get("/requests/{number}.{form}", summary="查一件隐患")
    async def one(number: str, form: str) -> Response:
        found = await open311.read(lambda session: find_one(session, open311.systems, number))
        return answered("service_requests", "request", found, form)


def _spend(budget: Budget, key: str) -> None:
    """Raises Refused where there was too much of it."""
    if not budget.take(key):
        seconds = int(budget.wait(key)) + 1
        raise Refused(400, TOO_OFTEN.format(seconds=seconds), code=429, headers={"Retry-After": str(seconds)})


def _refusing(askers: Budget) -> type[APIRoute]:
    """Routes that count who asks, know the formats, and answer ``Refused`` as the standard has errors."""

    class Refusing(APIRoute):
        def get_route_handler(self) -> Callable[[Request], Coroutine[Any, Any, Response]]:
            handle = super().get_route_handler()

            async def answer(request: Request) -> Response:
                form = request.url.path.rpartition(".")[2]
                try:
                    _spend(askers, request.client.host if request.client else "")
                    if form not in FORMATS:
                        raise Refused(404, NO_SUCH)
                    return await handle(request)
                except Refused as refused:
                    return refused.answer(form if form in FORMATS else "json")
                except SQLAlchemyError as error:
                    _log.error("a request of Open311 failed: %s", type(error).__name__)
                    return Refused(400, NOT_NOW, code=503).answer(form)

            return answer

    return Refusing
