"""Photos and files of the bot's own, put into Feishu before they are shown (pages ``im-v1/image``, ``im-v1/file``)."""

import asyncio
import logging
from collections import OrderedDict
from collections.abc import Iterable
from pathlib import PurePath

from bot.content import Attachment
from bot.delivery import Refused, RetryLater, Uncertain
from bot.media import MediaStore
from bot.platforms.feishu.client import FeishuClient
from bot.platforms.fields import identifier, part

log = logging.getLogger(__name__)

REMEMBERED = 1000
"""Photos whose image keys are kept in memory."""
FILE_TYPES = {
    ".pdf": "pdf",
    ".doc": "doc",
    ".docx": "doc",
    ".xls": "xls",
    ".xlsx": "xls",
    ".ppt": "ppt",
    ".pptx": "ppt",
}
"""Feishu's names for what it opens by itself; everything else is ``stream``."""
_AGAIN = 5.0
"""Seconds until an upload is tried again whose answer was lost: a second copy harms nobody."""


class Uploads:
    """The uploads of one app. Its image keys are good for its own cards only."""

    def __init__(self, client: FeishuClient, media: MediaStore) -> None:
        self._client = client
        self._media = media
        self._keys: OrderedDict[str, str] = OrderedDict()
        self._turn = asyncio.Lock()

    async def image_keys(self, names: Iterable[str]) -> list[str]:
        """The image keys of these photos. Those that are missing or that Feishu does not take are left out.

        Raises RetryLater.
        """
        keys = [self._known(name) or await self._image_key(name) for name in names]
        return [key for key in keys if key]

    def forget(self, names: Iterable[str]) -> None:
        """Feishu did not know one of their keys: they are to be uploaded anew."""
        for name in names:
            self._keys.pop(name, None)

    async def file_key(self, file: Attachment) -> str:
        """The key under which the file can be sent. Raises RetryLater and Refused."""
        fields = {"file_type": FILE_TYPES.get(PurePath(file.name).suffix.lower(), "stream"), "file_name": file.name}
        return await self._upload("/im/v1/files", fields, "file", file.data)

    def _known(self, name: str) -> str:
        if name not in self._keys:
            return ""
        self._keys.move_to_end(name)
        return self._keys[name]

    async def _image_key(self, name: str) -> str:
        """One upload after another, so that a card for many groups uploads its photos once."""
        async with self._turn:
            if key := self._known(name):
                return key
            try:
                data = await asyncio.to_thread(self._media.path(name).read_bytes)
                key = await self._upload("/im/v1/images", {"image_type": "message"}, "image", data)
            except (LookupError, OSError, Refused) as error:
                log.warning("a card goes out without photo %s: %s", name, type(error).__name__)
                return ""
            self._keys[name] = key
            if len(self._keys) > REMEMBERED:
                self._keys.popitem(last=False)
            return key

    async def _upload(self, path: str, fields: dict[str, str], name: str, data: bytes) -> str:
        try:
            answer = await self._client.upload(path, fields, name, data)
        except Uncertain as error:
            raise RetryLater(str(error), _AGAIN) from error
        key = identifier(part(answer, "data"), f"{name}_key")
        if not key:
            raise RetryLater("no_key", _AGAIN)
        return key
