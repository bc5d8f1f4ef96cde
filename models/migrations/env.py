"""Alembic's entry: runs migrations on the connection that ``Database.upgrade`` hands over."""

from typing import Any, Literal

import sqlalchemy as sa
from alembic import context
from alembic.autogenerate.api import AutogenContext

from models.base import Base, BigId, SealedBytes, SealedText, UtcDateTime


def plain_type(kind: str, item: Any, _: AutogenContext) -> str | Literal[False]:
    """Migrations name plain column types, so that they stay true when the models' own types change."""
    if kind != "type":
        return False
    if isinstance(item, UtcDateTime):
        return "sa.DateTime(timezone=True)"
    if isinstance(item, SealedBytes | SealedText):
        return "sa.LargeBinary()"
    if isinstance(item, sa.Enum):
        return f"sa.String(length={item.length})"
    if item is BigId or (isinstance(item, sa.BigInteger) and "sqlite" in item._variant_mapping):
        return "sa.BigInteger().with_variant(sa.Integer(), 'sqlite')"
    return False


context.configure(
    connection=context.config.attributes["connection"],
    target_metadata=Base.metadata,
    render_item=plain_type,
    render_as_batch=True,
    compare_type=True,
)
with context.begin_transaction():
    context.run_migrations()
