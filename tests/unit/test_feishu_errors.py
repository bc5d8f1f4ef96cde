"""What each of Feishu's codes means for a delivery."""

from typing import Any

import httpx
import pytest

from bot.delivery import Refused, RetryLater
from bot.platforms.feishu.errors import answer_of, failure


def response(status: int = 400, reset: str = "", **body: Any) -> httpx.Response:
    return httpx.Response(status, headers={"x-ogw-ratelimit-reset": reset} if reset else {}, **body)


@pytest.mark.parametrize(
    ("code", "status", "reset", "seconds", "everything"),
    [
        (230020, 400, "", 1.0, False),
        (230020, 400, "3", 3.0, False),
        (230020, 429, "", 1.0, False),
        (11232, 400, "", 1.0, False),
        (11233, 400, "", 1.0, False),
        (99991400, 429, "7", 7.0, True),
        (99991400, 400, "", 1.0, True),
        (12345, 429, "2", 2.0, True),
        (99991400, 429, "soon", 1.0, True),
        (99991400, 429, "-1", 1.0, True),
        (99991400, 429, "1e9", 3600.0, True),
        (230049, 400, "", 1.0, False),
        (99991663, 400, "", 5.0, True),
        (99991661, 401, "", 5.0, True),
        (99991401, 400, "", 60.0, True),
        (99991403, 400, "", 600.0, True),
        (2200, 500, "", 5.0, False),
    ],
)
def test_what_passes(code: int, status: int, reset: str, seconds: float, everything: bool) -> None:
    error = failure(code, response(status, reset))
    assert isinstance(error, RetryLater)
    assert (error.code, error.seconds, error.everything) == (str(code), seconds, everything)


@pytest.mark.parametrize(
    "code",
    [
        *(
            230001,
            230002,
            230006,
            230011,
            230013,
            230017,
            230018,
            230022,
            230025,
            230027,
            230028,
            230035,
            230050,
            230071,
        ),
        *(230099, 232009, 99991672, 99992402, 1),
    ],
)
def test_what_stays_refused(code: int) -> None:
    error = failure(code, response())
    assert isinstance(error, Refused)
    assert error.code == str(code)


@pytest.mark.parametrize(
    ("status", "body", "everything"),
    [
        (502, b"<html>", False),
        (200, b"<html>", False),
        (404, b"404 page not found", False),
        (429, b"slow down", True),
        (200, b"[]", False),
        (200, b'{"msg":"ok"}', False),
        (200, b"\xff", False),
        (200, b"[" * 100_000, False),
    ],
)
def test_answers_that_are_not_feishus(status: int, body: bytes, everything: bool) -> None:
    with pytest.raises(RetryLater) as caught:
        answer_of(response(status, content=body))
    assert (caught.value.code, caught.value.everything) == (f"http_{status}", everything)


def test_json_of_a_refusal_is_read() -> None:
    assert answer_of(response(400, content=b'{"code":230002,"msg":"x"}'))["code"] == 230002
