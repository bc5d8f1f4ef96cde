"""Both ways in which an official account is called back: plain, and encrypted (安全模式).

developers.weixin.qq.com/doc/service/en/guide/product/message/Receiving_standard_messages.html
"""

from bot.platforms.wechat.crypto import plainly_signed
from bot.platforms.wechat.doors import Query, SealedDoor
from bot.platforms.wechat.errors import Rejected
from bot.platforms.wechat.xml import parse
from bot.settings import OfficialAccountSettings


class AccountDoor:
    """With an encoding_aes_key only encrypted callbacks pass, for the signature of the others leaves out their body."""

    def __init__(self, settings: OfficialAccountSettings) -> None:
        self._token = settings.token
        self._sealed: SealedDoor | None = None
        self.fault = "" if settings.token else "the callback token is empty"
        if settings.encoding_aes_key:
            self._sealed = SealedDoor(settings.token, settings.encoding_aes_key, settings.app_id)
            self.fault = self._sealed.fault

    def echo(self, query: Query) -> bytes:
        """The ``echostr``, which is plain in both modes."""
        self._check(query)
        return query.get("echostr", "").encode(errors="replace")

    def open(self, query: Query, body: bytes) -> bytes:
        """The XML of the message."""
        if self._sealed:
            return self._sealed.open(query, body)
        self._check(query)
        fields = parse(body)
        if "Encrypt" in fields and "MsgType" not in fields:
            raise Rejected(403, "encrypted, and no encoding_aes_key is configured")
        return body

    def seal(self, query: Query, reply: str) -> bytes:
        """The reply, encrypted where the account is called back encrypted."""
        return self._sealed.seal(query, reply) if self._sealed else reply.encode(errors="replace")

    def _check(self, query: Query) -> None:
        signature, timestamp, nonce = (query.get(name, "") for name in ("signature", "timestamp", "nonce"))
        if not plainly_signed(self._token, signature, timestamp, nonce):
            raise Rejected(401, "wrong signature")
