"""The raw body of a callback, which anybody may post."""

from starlette.requests import ClientDisconnect, Request

from bot.platforms.wechat.errors import Rejected


async def read_body(request: Request, largest: int) -> bytes:
    """At most ``largest`` bytes. Raises Rejected as soon as it is known to be larger, or breaks off."""
    declared = request.headers.get("content-length", "")
    if declared.isdecimal() and int(declared[:12]) > largest:
        raise Rejected(413, "body too large")
    chunks: list[bytes] = []
    size = 0
    try:
        async for chunk in request.stream():
            size += len(chunk)
            if size > largest:
                raise Rejected(413, "body too large")
            chunks.append(chunk)
    except ClientDisconnect as error:
        raise Rejected(400, "body broken off") from error
    return b"".join(chunks)
