"""What every table shares: time-ordered ids, aware UTC times and sealed columns."""

import enum
import itertools
import secrets
import threading
import time
from datetime import UTC, datetime
from typing import Any

from sqlalchemy import BigInteger, DateTime, Dialect, Enum, Integer, LargeBinary, MetaData, String
from sqlalchemy.orm import DeclarativeBase, Mapped, mapped_column
from sqlalchemy.types import TypeDecorator

from models.sealing import open_sealed, seal

BigId = BigInteger().with_variant(Integer, "sqlite")
"""SQLite wants INTEGER for a rowid; it holds 64 bits all the same."""


class UtcDateTime(TypeDecorator[datetime]):
    """Aware UTC inside and outside; a naive time is refused when it is written."""

    impl = DateTime(timezone=True)
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        if value.tzinfo is None:
            raise ValueError("a stored time must be timezone-aware")
        return value.astimezone(UTC)

    def process_result_value(self, value: datetime | None, dialect: Dialect) -> datetime | None:  # noqa: ARG002
        if value is None:
            return None
        return value.replace(tzinfo=UTC) if value.tzinfo is None else value.astimezone(UTC)


class SealedBytes(TypeDecorator[bytes]):
    """Bytes that are encrypted at rest."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else seal(value)

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else open_sealed(value)


class SealedText(TypeDecorator[str]):
    """Text that is encrypted at rest."""

    impl = LargeBinary
    cache_ok = True

    def process_bind_param(self, value: str | None, dialect: Dialect) -> bytes | None:  # noqa: ARG002
        return None if value is None else seal(value.encode())

    def process_result_value(self, value: bytes | None, dialect: Dialect) -> str | None:  # noqa: ARG002
        return None if value is None else open_sealed(value).decode()


def _values(members: type[enum.Enum]) -> list[str]:
    return [str(member.value) for member in members]


class Base(DeclarativeBase):
    """Every record's base. Constraints are named by rule, so that migrations can name them too."""

    metadata = MetaData(
        naming_convention={
            "ix": "ix_%(column_0_N_label)s",
            "uq": "uq_%(table_name)s_%(column_0_N_name)s",
            "ck": "ck_%(table_name)s_%(constraint_name)s",
            "fk": "fk_%(table_name)s_%(column_0_N_name)s",
            "pk": "pk_%(table_name)s",
        }
    )
    type_annotation_map: dict[Any, Any] = {  # noqa: RUF012
        datetime: UtcDateTime(),
        str: String(),
        int: BigId,
        enum.Enum: Enum(enum.Enum, native_enum=False, length=32, values_callable=_values),
    }


class _Ids:
    """Milliseconds in the upper 41 bits, a counter with a random start below: unique and in order of making.

    They are made here and not by the database, so that rows of one batch can name each other before one is written.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._counter = itertools.count(secrets.randbelow(1 << 22))
        self._last = 0

    def __call__(self) -> int:
        with self._lock:
            made = (time.time_ns() // 1_000_000 << 22) | next(self._counter) % (1 << 22)
            self._last = max(made, self._last + 1)
            return self._last


new_id = _Ids()


class WithId(Base):
    """A record with an id of its own."""

    __abstract__ = True

    id: Mapped[int] = mapped_column(primary_key=True, autoincrement=False, default=new_id)
