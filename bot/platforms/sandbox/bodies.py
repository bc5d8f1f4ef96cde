"""What the sandbox page posts, checked. What is wrong is said in Chinese, to a person."""

import re
from dataclasses import replace
from typing import Annotated, Any, TypeVar

from fastapi import HTTPException
from pydantic import AfterValidator, BaseModel, ConfigDict, Field, ValidationError, model_validator
from starlette.requests import Request

from bot.content import Button, Card

LARGEST_JSON = 64 * 1024
"""Bytes."""

Body = TypeVar("Body", bound=BaseModel)

_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")


def _clean(text: str) -> str:
    """Databases and screens cannot hold control characters."""
    return _CONTROL.sub("", text).strip()


Id = Annotated[str, Field(pattern=r"^[0-9A-Za-z-]{8,64}$")]
PersonRef = Annotated[str, Field(pattern=r"^[0-9A-Za-z_-]{1,64}$")]
ChatRef = Annotated[str, Field(pattern=r"^(private:)?[0-9A-Za-z_-]{1,64}$")]
Said = Annotated[str, Field(max_length=4000), AfterValidator(_clean)]
PhotoName = Annotated[str, Field(max_length=64)]


class _Posted(BaseModel):
    model_config = ConfigDict(extra="forbid", frozen=True)


class NewMessage(_Posted):
    """What somebody says. ``id`` is the page's own: the same id again is the same message again."""

    id: Id
    sender: PersonRef
    chat: ChatRef
    text: Said = ""
    photos: Annotated[list[PhotoName], Field(max_length=9)] = []


class ButtonPress(_Posted):
    """That somebody pressed the button ``index`` of the card ``message``, or picked ``option`` of its choice, or
    submitted its form with ``words``: exactly one of these."""

    id: Id
    sender: PersonRef
    message: Annotated[str, Field(max_length=64)]
    index: Annotated[int, Field(ge=0, le=50)] | None = None
    option: Annotated[int, Field(ge=0, le=50)] | None = None
    words: Annotated[str, Field(max_length=500), AfterValidator(_clean)] | None = None

    @model_validator(mode="after")
    def _one_of_them(self) -> "ButtonPress":
        if [self.index, self.option, self.words].count(None) != 2:
            raise ValueError("one of index, option and words")
        return self

    @property
    def what(self) -> str:
        """Which part of the card it is."""
        if self.words is not None:
            return "form"
        return str(self.index) if self.option is None else f"option{self.option}"

    def button_of(self, card: Card) -> Button | None:
        """The button of the card that says for the person what is meant. None: the card has none such."""
        if self.words is not None:
            return replace(card.form.submit, says=card.form.filled(self.words)) if card.form else None
        buttons = card.buttons if self.option is None else card.choice.options if card.choice else ()
        place = self.index if self.option is None else self.option
        return buttons[place] if place is not None and place < len(buttons) else None


_WRONG = {
    "id": "消息编号不对：要 8 到 64 个字母、数字或短横",
    "sender": "不认识发消息的人",
    "chat": "没有这个群",
    "text": "一条消息最多 4000 个字",
    "photos": "一条消息最多 9 张照片",
    "message": "没有这张卡片",
    "index": "没有这个按钮",
    "option": "没有这个选项",
    "words": "一次最多写 500 个字",
}


async def read_body(request: Request, largest: int) -> bytes:
    """The raw body. Raises 413 as soon as it is known to be too large."""
    chunks: list[bytes] = []
    size = 0
    declared = request.headers.get("content-length", "")
    if declared.isdigit() and int(declared[:12]) > largest:
        raise HTTPException(413, "发来的内容太大了")
    async for chunk in request.stream():
        size += len(chunk)
        if size > largest:
            raise HTTPException(413, "发来的内容太大了")
        chunks.append(chunk)
    return b"".join(chunks)


async def read_json(request: Request, model: type[Body], wrong: dict[str, str] = _WRONG) -> Body:
    """The body as ``model``. Raises 422 with the sentence that ``wrong`` has for the first field that is not right."""
    try:
        return model.model_validate_json(await read_body(request, LARGEST_JSON))
    except ValidationError as error:
        place = error.errors(include_url=False, include_input=False)[0]["loc"]
        field = str(place[0]) if place else ""
        raise HTTPException(422, wrong.get(field, "发来的内容看不懂")) from error


def documented(model: type[BaseModel]) -> dict[str, Any]:
    """What OpenAPI says of a body that ``read_json`` reads."""
    schema = {"schema": model.model_json_schema(ref_template="#/components/schemas/{model}")}
    return {"requestBody": {"required": True, "content": {"application/json": schema}}}
