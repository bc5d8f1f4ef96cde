"""The bare floor: FastAPI, verify, decrypt, 200. ``python -m benchmarks.floor PORT``."""

import sys

import uvicorn
from fastapi import FastAPI, Request, Response

from bot.platforms.feishu.envelope import Envelope
from bot.settings import FeishuSettings
from tests.fakes.city import ENCRYPT_KEY, VERIFICATION_TOKEN

app = FastAPI()
_envelope = Envelope(FeishuSettings(encrypt_key=ENCRYPT_KEY, verification_token=VERIFICATION_TOKEN))


@app.get("/healthz")
async def healthz() -> Response:
    return Response()


@app.post("/webhooks/feishu/main")
async def receive(request: Request) -> Response:
    """As little as a server of these callbacks can do."""
    _envelope.open(dict(request.scope["headers"]), await request.body())
    return Response(b"{}", media_type="application/json")


if __name__ == "__main__":
    uvicorn.run(app, port=int(sys.argv[1]), access_log=False, log_config=None)
