"""The messages of the fake Feishu cloud: what may be posted, answered, reacted to and updated (``im-v1/message``)."""

import json
import re
from collections.abc import Mapping
from typing import Any

from tests.fakes.feishu_cards import CardError, check_card
from tests.fakes.feishu_chats import Chats
from tests.fakes.feishu_gateway import Call, Gateway, Refusal
from tests.fakes.feishu_record import Posted, Reacted, Updated
from tests.fakes.feishu_uploads import Uploads

LARGEST = {
    "text": 150 * 1024,
    "post": 30 * 1024,
    "interactive": 30 * 1024,
    **dict.fromkeys(("image", "file", "audio", "media"), 30 * 1024),
}
"""Bytes of the request body, by msg_type."""
EMOJI = {"DONE", "OK", "THUMBSUP", "SMILE", "HEART", "CheckMark"}
CARD_UPDATABLE = 14 * 86400.0
BAD_PARAMETER = "Your request contains an invalid request parameter."


class Messages:
    """What the bot posted, and what is to be known of other messages."""

    def __init__(self, gateway: Gateway, chats: Chats, uploads: Uploads) -> None:
        self._gateway = gateway
        self._chats = chats
        self._uploads = uploads
        self._by_uuid: dict[str, Posted] = {}
        self._by_id: dict[str, Posted] = {}
        self._reacted: set[tuple[str, str]] = set()
        self._recalled: set[str] = set()

    def recall(self, message_id: str) -> None:
        """The author recalled the message."""
        self._recalled.add(message_id)

    def is_card(self, message_id: str) -> bool:
        """Whether it is a card of the bot's."""
        own = self._by_id.get(message_id)
        return own is not None and own.msg_type == "interactive"

    def is_recalled(self, message_id: str) -> bool:
        """Whether its author recalled the message."""
        return message_id in self._recalled

    def chat_of(self, message_id: str) -> str:
        """The chat of any message; the ids of people's messages name it (``FeishuCallbacks.new_message_id``)."""
        own = self._by_id.get(message_id)
        return own.chat if own else message_id.partition("~")[2]

    def create(self, call: Call) -> dict[str, Any]:
        """``POST /im/v1/messages``."""
        body = call.json()
        to = _string(body, "receive_id")
        match call.query.get("receive_id_type"):
            case "chat_id" if to.startswith("oc_"):
                chat = to
            case "open_id" if to.startswith("ou_"):
                chat = self._chats.private_chat(to)
            case _:
                raise Refusal(230001, BAD_PARAMETER)
        return self._post(call, body, chat=chat, to=to, reply_to="")

    def reply(self, call: Call) -> dict[str, Any]:
        """``POST /im/v1/messages/:message_id/reply``."""
        message_id = call.path["id"]
        self._check_message(message_id)
        return self._post(call, call.json(), chat=self.chat_of(message_id), to="", reply_to=message_id)

    def _post(self, call: Call, body: dict[str, Any], *, chat: str, to: str, reply_to: str) -> dict[str, Any]:
        content = self._content(call, body, _string(body, "msg_type"))
        uuid = str(body.get("uuid", ""))
        if len(uuid) > 50:
            raise Refusal(99992402, "field validation failed")
        self._chats.check_inside(chat, to, code=230002)
        self._gateway.throttle_chat(f"chat {chat or reply_to}")
        now, record = self._gateway.now(), self._gateway.record
        earlier = self._by_uuid.get(uuid)
        if earlier and now - earlier.at < self._gateway.rules.uuid_seconds:
            record.repeated_uuids[uuid] += 1
            return self._described(earlier)
        message_id = f"om_{self._gateway.new_serial():012x}"
        mentions = re.findall(r"<at[^>]*>", json.dumps(content, ensure_ascii=False))
        post = Posted(message_id, chat, to, body["msg_type"], content, uuid, reply_to, mentions, now)
        self._by_id[message_id] = post
        if uuid:
            self._by_uuid[uuid] = post
        record.posts.append(post)
        return self._described(post)

    def react(self, call: Call) -> dict[str, Any]:
        """``POST /im/v1/messages/:message_id/reactions``."""
        message_id = call.path["id"]
        self._check_message(message_id)
        emoji = call.json().get("reaction_type", {}).get("emoji_type")
        if emoji not in EMOJI:
            raise Refusal(231001, "reaction type is invalid")
        if (message_id, emoji) in self._reacted:
            self._gateway.record.repeated_reactions += 1
        else:
            self._reacted.add((message_id, emoji))
            self._gateway.record.reactions.append(Reacted(message_id, emoji, self._gateway.now()))
        return {"reaction_id": f"re_{message_id}_{emoji}", "reaction_type": {"emoji_type": emoji}}

    def patch(self, call: Call) -> dict[str, Any]:
        """``PATCH /im/v1/messages/:message_id``."""
        post = self._by_id.get(call.path["id"])
        now = self._gateway.now()
        if post is None or post.msg_type != "interactive" or now - post.at > CARD_UPDATABLE:
            raise Refusal(230001, BAD_PARAMETER)
        content = self._content(call, call.json(), "interactive")
        self._gateway.throttle_chat(f"message {post.message_id}")
        self._gateway.record.updates.append(Updated(post.message_id, content, now))
        return {}

    def _check_message(self, message_id: str) -> None:
        if message_id in self._recalled:
            raise Refusal(230011, "The message was recalled.")
        if not message_id.startswith("om_"):
            raise Refusal(230001, BAD_PARAMETER)

    def _content(self, call: Call, body: dict[str, Any], msg_type: str) -> dict[str, Any]:
        """The parsed ``content``, checked as its msg_type demands."""
        if msg_type not in LARGEST:
            raise Refusal(230001, BAD_PARAMETER)
        if len(call.body) > LARGEST[msg_type]:
            raise Refusal(230025, "The length of the message content reaches its limit.")
        try:
            content = json.loads(_string(body, "content"))
        except ValueError as error:
            raise Refusal(230001, "content is not JSON") from error
        self._check_content(content, msg_type)
        return dict(content)

    def _check_content(self, content: object, msg_type: str) -> None:
        if msg_type == "interactive":
            self._check_card(content)
        elif not isinstance(content, dict) or (msg_type == "text" and not content.get("text")):
            raise Refusal(230001, "invalid content")
        elif msg_type == "post":
            self._check_post(content)
        elif msg_type == "image":
            self._uploads.check_image(content.get("image_key"))
        elif msg_type in {"file", "audio", "media"}:
            self._uploads.check_file(content.get("file_key"), msg_type)

    def _check_post(self, content: dict[str, Any]) -> None:
        """By locale, a title and paragraphs of elements; pictures are the bot's own, each in a paragraph of its own."""
        for post in content.values():
            paragraphs = post.get("content") if isinstance(post, dict) else None
            if not isinstance(paragraphs, list) or not all(isinstance(paragraph, list) for paragraph in paragraphs):
                raise Refusal(230001, "invalid content")
            for paragraph in paragraphs:
                for element in paragraph:
                    if element.get("tag") == "img":
                        self._uploads.check_image(element.get("image_key"))
                        if len(paragraph) > 1:
                            raise Refusal(230001, "a picture stands alone in its paragraph")

    def _check_card(self, card: object) -> None:
        try:
            check_card(card, self._uploads.is_own_image)
        except CardError as error:
            raise Refusal(230099, f"Failed to create card content, ext=ErrCode: {error.code}; {error}") from error

    def _described(self, post: Posted) -> dict[str, Any]:
        return {
            "message_id": post.message_id,
            "chat_id": post.chat,
            "msg_type": post.msg_type,
            "create_time": "",
            "update_time": "",
            "deleted": False,
            "updated": False,
            "sender": {"id": self._gateway.app_id, "id_type": "app_id", "sender_type": "app", "tenant_key": ""},
            "body": {"content": json.dumps(post.content, ensure_ascii=False)},
        }


def _string(body: Mapping[str, Any], key: str) -> str:
    value = body.get(key)
    if not isinstance(value, str) or not value:
        raise Refusal(99992402, f"field validation failed: {key}")
    return value
