"""A classifier's model as a file: a line that says what it is, a checksum, a JSON header, compressed numbers.

Nothing in it is ever run, and nothing is believed: a file that does not add up is refused with the reason, whoever
made it.
"""

import hashlib
import json
import sys
import zlib
from array import array
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from bot.understanding.classifier import Classifier, Made, Model

BIGGEST = 5_000_000
"""Bytes of a model file."""
MOST_CATEGORIES = 50
MOST_GRAMS = 50_000
MOST_WEIGHTS = 1_000_000
"""Grams times categories: at two bytes each they stay well below the biggest file."""
LONGEST_CATEGORY = 20
"""Characters."""

_KIND = b"jufeng-classifier"
_VERSION = b"1"
_LONGEST_HEADER = 100_000
_HIGHEST = 1e6
"""Of any number: no score overflows."""
_LONGEST_GRAM = 3 * 4 + 1
"""Bytes of three characters in UTF-8 and a line end."""


class ModelError(Exception):
    """There is no usable model in the file; the message names the file and says why, in Chinese."""


def write_model(model: Model) -> bytes:
    """The model as a file. Raises ValueError if it became too big."""
    names = "\n".join(model.grams).encode()
    header = {
        "categories": list(model.categories),
        "scales": list(model.scales),
        "bias": list(model.bias),
        "grams": len(model.grams),
        "names": len(names),
        "made": {"at": model.made.at, "texts": model.made.texts, "accuracy": model.made.accuracy},
    }
    numbers = names + _bytes_of(model.rarity) + _bytes_of(model.weights)
    rest = json.dumps(header, ensure_ascii=False).encode() + b"\n" + zlib.compress(numbers, 9)
    checksum = hashlib.sha256(rest).hexdigest().encode()
    data = b"\n".join((_KIND + b" " + _VERSION, checksum, rest))
    if len(data) > BIGGEST:
        raise ValueError(f"a model of {len(data)} bytes")
    return data


def load_classifier(path: Path) -> Classifier:
    """The classifier in a file. Raises ModelError."""
    try:
        with path.open("rb") as file:
            data = file.read(BIGGEST + 1)
    except OSError as error:
        raise ModelError(f"读不到模型文件 {path}：{error.strerror}") from error
    try:
        return Classifier(read_model(data))
    except ModelError as error:
        raise ModelError(f"模型文件 {path} 用不了：{error}。请用 jufeng train 重新训练一个") from error


def read_model(data: bytes) -> Model:
    """The model in the bytes of a file. Raises ModelError with the reason alone."""
    if len(data) > BIGGEST:
        raise ModelError("太大了，不是聚蜂的模型")
    kind, _, after = data.partition(b"\n")
    checksum, _, rest = after.partition(b"\n")
    if kind.partition(b" ")[0] != _KIND:
        raise ModelError("不是聚蜂的模型")
    if kind != _KIND + b" " + _VERSION:
        raise ModelError("是另一个版本的聚蜂训练的")
    if hashlib.sha256(rest).hexdigest().encode() != checksum:
        raise ModelError("内容不完整，或者被改过")
    try:
        return _model(rest)
    except (ValueError, TypeError, KeyError, RecursionError, zlib.error) as error:
        raise ModelError("内容不对") from error


def _model(rest: bytes) -> Model:
    """Raises ValueError, TypeError, KeyError, RecursionError or zlib.error where the parts do not fit together."""
    head, _, packed = rest.partition(b"\n")
    _demand(len(head) <= _LONGEST_HEADER)
    header = json.loads(head)
    categories = _categories(header["categories"])
    width, count, names = len(categories), header["grams"], header["names"]
    _demand(type(count) is int and 0 < count <= MOST_GRAMS and count * width <= MOST_WEIGHTS)
    _demand(type(names) is int and 0 < names <= count * _LONGEST_GRAM)
    numbers = _unpacked(packed, names + count * (4 + 2 * width))
    grams = numbers[:names].decode().split("\n")
    rarity = _array("f", numbers[names : names + 4 * count])
    _demand(len(set(grams)) == count and all(0 < number <= _HIGHEST for number in rarity))
    return Model(
        categories=categories,
        grams=grams,
        rarity=rarity,
        weights=_array("h", numbers[names + 4 * count :]),
        scales=_numbers(header["scales"], width),
        bias=_numbers(header["bias"], width),
        made=_made(header["made"]),
    )


def _demand(fits: bool) -> None:
    if not fits:
        raise ValueError("the parts do not fit together")


def _categories(names: Any) -> list[str]:
    _demand(isinstance(names, list) and 2 <= len(names) <= MOST_CATEGORIES and len(set(names)) == len(names))
    _demand(all(isinstance(name, str) and 0 < len(name) <= LONGEST_CATEGORY for name in names))
    return list(names)


def _numbers(numbers: Any, count: int) -> list[float]:
    _demand(isinstance(numbers, list) and len(numbers) == count)
    _demand(all(isinstance(number, float) and abs(number) <= _HIGHEST for number in numbers))
    return list(numbers)


def _made(made: Any) -> Made:
    at, texts, accuracy = made["at"], made["texts"], made["accuracy"]
    _demand(isinstance(at, str) and len(at) == len("2026-11-23") and type(texts) is int)
    _demand(isinstance(accuracy, float) and 0 <= accuracy <= 1)
    return Made(at, texts, accuracy)


def _unpacked(packed: bytes, size: int) -> bytes:
    """Exactly so many bytes, and no more memory than for them, whatever the file says."""
    unpacker = zlib.decompressobj()
    numbers = unpacker.decompress(packed, size + 1)
    _demand(len(numbers) == size and unpacker.eof and not unpacker.unused_data)
    return numbers


def _bytes_of(numbers: "array[float] | array[int]") -> bytes:
    """Little-endian on every machine."""
    copy = numbers[:]
    if sys.byteorder == "big":
        copy.byteswap()
    return copy.tobytes()


def _array(kind: str, data: bytes) -> "array[Any]":
    numbers: array[Any] = array(kind)
    numbers.frombytes(data)
    if sys.byteorder == "big":
        numbers.byteswap()
    return numbers


def quantised(columns: Sequence[Sequence[float]]) -> "tuple[array[int], list[float]]":
    """The weights of each category for each gram as whole numbers of two bytes, row by row, and what to multiply each
    category's by.
    """
    scales = [max(map(abs, column), default=0.0) / 32767 or 1.0 for column in columns]
    rows = zip(*columns, strict=True)
    return array("h", (round(w / s) for row in rows for w, s in zip(row, scales, strict=True))), scales
