"""The server as a process: what is thrown at it, how it stops, and how several processes share the work."""

import asyncio
import json
import random
import re
import sqlite3
import subprocess
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import closing
from dataclasses import dataclass
from pathlib import Path

import httpx
import pytest
from sqlalchemy import func, select

from models.database import Database
from models.inbox import Claim, Outcome
from models.lessons import CheckIn
from models.outbox import Post, PostKind, PostState
from models.points import PointEntry
from models.sealing import load_key, unlock
from tests.conftest import create_database, database_url
from tests.fakes.city import ENCRYPT_KEY, VERIFICATION_TOKEN, City, write_config
from tests.fakes.delivery import Deliverer, acknowledged, wait_until_drained
from tests.fakes.feishu_callbacks import Callback, FeishuCallbacks, compact, encrypt
from tests.fakes.feishu_cloud import APP_ID, FeishuCloud, Rules
from tests.fakes.product import Product, kill_all, running
from tests.fakes.serving import free_port

callbacks = FeishuCallbacks(ENCRYPT_KEY, VERIFICATION_TOKEN, APP_ID)
PEOPLE, BRANCHES = 300, 12
pytestmark = pytest.mark.xdist_group("server")  # one server for most of them


@dataclass(frozen=True, slots=True)
class Served:
    """A server on SQLite with the cloud that it speaks to."""

    product: Product
    cloud: FeishuCloud
    file: Path

    def post(self, callback: Callback) -> httpx.Response:
        address = f"{self.product.url}/webhooks/feishu/main"
        return httpx.post(address, content=callback.body, headers=callback.headers, timeout=10)

    def rows(self) -> dict[str, int]:
        """How many rows each table has that a message could touch."""
        with sqlite3.connect(self.file) as connection:
            tables = ("inbox", "outbox", "cases", "chats", "audit", "identities", "check_ins")
            return {table: connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0] for table in tables}


def configured(folder: Path, cloud: FeishuCloud, database_url: str = "") -> tuple[Path, int]:
    port = free_port()
    url = database_url or f"sqlite:///{folder / 'jufeng.db'}"
    return write_config(folder, port=port, api_base=cloud.url, database_url=url), port


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("served")
    with FeishuCloud() as cloud:
        config, port = configured(folder, cloud)
        began = time.monotonic()
        with running(config, port) as product:
            print(f"\nfrom start to healthy: {time.monotonic() - began:.1f} s")  # noqa: T201  # a figure, no judgement
            served = Served(product, cloud, folder / "jufeng.db")
            assert served.post(help_wanted()).status_code == 200
            yield served


def help_wanted(sender: str = "ou_rider") -> Callback:
    """Something that is answered whoever asks."""
    return callbacks.message("帮助", private=True, chat=f"oc_{sender}", sender=sender)


# What is thrown at it


def _tampered(callback: Callback, **headers: str) -> Callback:
    return Callback({**callback.headers, **headers}, callback.body)


def _truncated() -> Callback:
    """Signed as it should be, but cut off within the ciphertext."""
    whole = json.loads(callbacks.message("签到").body)["encrypt"]
    return _signed({"encrypt": whole[: len(whole) // 2 // 4 * 4 - 4]})


def _signed(envelope: object) -> Callback:
    """An envelope of any kind under a right signature."""
    signer = FeishuCallbacks(ENCRYPT_KEY, VERIFICATION_TOKEN, APP_ID)
    signer.sealed = lambda plain: plain  # type: ignore[method-assign]  # it is sealed already, or should not be
    return signer.signed(compact(envelope))


def _deep(levels: int = 100_000) -> bytes:
    return b'{"a":' * levels + b"1" + b"}" * levels


THROWN: dict[str, Callable[[], Callback]] = {
    "wrong signature": lambda: _tampered(callbacks.message("签到"), **{"X-Lark-Signature": "0" * 64}),
    "signature of another message": lambda: Callback(
        callbacks.message("签到").headers, callbacks.message("绑定 幸福里").body
    ),
    "no signature": lambda: Callback({}, callbacks.message("签到").body),
    "plaintext": lambda: FeishuCallbacks("", VERIFICATION_TOKEN, APP_ID).message("签到"),
    "signed plaintext": lambda: _signed({"schema": "2.0", "header": {"token": VERIFICATION_TOKEN}, "event": {}}),
    "another app's key": lambda: FeishuCallbacks("another key", VERIFICATION_TOKEN, APP_ID).message("签到"),
    "wrong token": lambda: FeishuCallbacks(ENCRYPT_KEY, "wrong", APP_ID).message("签到"),
    "garbage": lambda: Callback({}, bytes(random.Random(1).randbytes(4096))),
    "nothing": lambda: Callback({}, b""),
    "5 MB": lambda: Callback({}, b"x" * 5_000_000),
    "deep JSON": lambda: Callback({}, _deep()),
    "deep JSON in the envelope": lambda: callbacks.signed(_deep()),
    "truncated ciphertext": _truncated,
    "ciphertext of nothing": lambda: _signed({"encrypt": encrypt(ENCRYPT_KEY, b"", bytes(16))}),
    "not base64": lambda: _signed({"encrypt": "签到"}),
}


@pytest.mark.parametrize("name", THROWN)
def test_what_is_no_callback_is_refused_and_the_server_goes_on(served: Served, name: str) -> None:
    served.post(help_wanted())
    rows, log = served.rows(), served.product.log()
    answer = served.post(THROWN[name]())
    assert 400 <= answer.status_code < 500, answer.status_code
    assert not _shows_a_trace(answer.text)
    assert not _shows_a_trace(served.product.log()[len(log) :])
    assert served.rows() == rows
    assert served.post(help_wanted()).status_code == 200
    assert httpx.get(f"{served.product.url}/healthz").status_code == 200


def _shows_a_trace(text: str) -> bool:
    return bool(re.search(r'Traceback|File ".*", line \d+', text))


def test_a_malformed_event_is_answered_and_does_nothing(served: Served) -> None:
    """Signed and encrypted by the right key, so that Feishu may have said it: it must not come again for hours."""
    served.post(help_wanted())
    rows, log = served.rows(), served.product.log()
    header = {"event_id": "ev1", "event_type": "im.message.receive_v1", "token": VERIFICATION_TOKEN, "app_id": APP_ID}
    events: list[object] = [{}, [], "签到", None, {"message": {}}, {"sender": {}, "message": {"message_id": 7}}]
    for event in events:
        answer = served.post(callbacks.signed(compact({"schema": "2.0", "header": header, "event": event})))
        assert answer.status_code < 500, event
    assert served.rows() == rows
    assert not _shows_a_trace(served.product.log()[len(log) :])


def test_a_replayed_callback_gets_the_same_answer_and_has_no_second_effect(served: Served) -> None:
    old = help_wanted("ou_replayed")
    first = served.post(old)
    rows = served.rows()
    answers = [served.post(old) for _ in range(3)]
    assert {(answer.status_code, answer.content) for answer in answers} == {(first.status_code, first.content)}
    assert served.rows() == rows


def test_other_addresses_are_not_found(served: Served) -> None:
    for path in ("/webhooks/feishu/other", "/sandbox/messages", "/.env", "/webhooks/feishu/main/../../etc/passwd"):
        answer = httpx.post(f"{served.product.url}{path}", content=b"{}")
        assert answer.status_code in (404, 405), path
        assert not _shows_a_trace(answer.text)


def test_health_and_figures(served: Served) -> None:
    health = httpx.get(f"{served.product.url}/healthz")
    assert (health.status_code, health.json()) == (200, {"status": "ok"})
    figures = httpx.get(f"{served.product.url}/metrics")
    assert figures.headers["content-type"].startswith("text/plain")
    done = re.search(r'jufeng_messages_total\{outcome="done",platform="feishu"\} (\d+)', figures.text)
    assert done is not None
    assert int(done[1]) >= 1
    for name in ("jufeng_posts_total", "jufeng_intake_waiting", "jufeng_outbox_oldest_seconds"):
        assert name in figures.text
    assert httpx.get(f"{served.product.url}/openapi.json").json()["info"]["title"].endswith("Jufeng")


# How it stops


def test_what_was_answered_before_a_stop_is_committed_and_the_stop_is_in_order(tmp_path: Path) -> None:
    with FeishuCloud() as cloud:
        config, port = configured(tmp_path, cloud)
        with running(config, port) as product:
            served = Served(product, cloud, tmp_path / "jufeng.db")
            senders = [f"ou_rider{number}" for number in range(200)]
            with ThreadPoolExecutor(16) as threads:
                posts = {threads.submit(served.post, help_wanted(sender)): sender for sender in senders}
                for _, _ in zip(range(40), as_completed(posts), strict=False):
                    pass
                code = product.stop()
        answered = {sender for post, sender in posts.items() if not post.exception() and post.result().is_success}
        refused = {post.result().status_code for post in posts if not post.exception()} - {200}
    assert code == 0
    assert len(answered) >= 40
    assert refused <= {503}
    unlock(load_key(tmp_path / "data" / "keys" / "master.key"))
    with closing(Database(f"sqlite:///{served.file}")) as database, database.read() as session:
        claimed = Counter(session.scalars(select(Claim.sender)))
        sent = Counter(session.scalars(select(Post.target).where(Post.state == PostState.SENT)))
    assert answered <= set(claimed)
    assert set(claimed.values()) == {1}
    assert len(cloud.record.posts) == sum(sent.values())
    assert not _shows_a_trace(product.log())


# Several processes


@pytest.mark.anyio
async def test_two_processes_take_three_hundred_check_ins_once_each(postgres_server: str, tmp_path: Path) -> None:
    create_database(postgres_server, "workers", "template")
    url = database_url(postgres_server, "workers")
    city = City(PEOPLE, BRANCHES)
    with closing(city.settle(tmp_path, url)) as database, FeishuCloud(rules=Rules().rates_times(10)) as cloud:
        config, port = configured(tmp_path, cloud, url)
        product = Product(config, port, workers=2)
        try:
            await asyncio.to_thread(product.start)
            deliverer = Deliverer(product.url)
            await deliverer.deliver(city.everywhere("绑定 {branch}"))
            await deliverer.deliver(city.everywhere("开课 10分钟微课堂 交通安全"))
            check_ins = [*city.everyone("签到")] * 2
            random.Random(7).shuffle(check_ins)
            await deliverer.deliver(check_ins)
            await asyncio.to_thread(wait_until_drained, database)
        finally:
            code = await asyncio.to_thread(product.stop)
        check(database, city, cloud)
    assert code == 0
    assert not _shows_a_trace(product.log())


def test_nothing_outlives_a_server_that_is_killed() -> None:
    """Else the workers of a supervisor would go on, and take what the next test sends."""
    with subprocess.Popen(["sh", "-c", "sleep 600 & wait"], stdout=subprocess.PIPE, start_new_session=True) as parent:
        kill_all(parent)
        assert parent.stdout is not None
        assert parent.stdout.read() == b""  # it would wait for the last that could write


def check(database: Database, city: City, cloud: FeishuCloud) -> None:
    with database.read() as session:
        per_person = Counter(session.scalars(select(CheckIn.person_id)))
        assert len(per_person) == PEOPLE
        assert set(per_person.values()) == {1}
        assert session.scalar(select(func.sum(PointEntry.points))) == 2 * PEOPLE
        assert not session.scalar(select(func.count()).where(Claim.outcome == Outcome.DEAD))
        assert not session.scalar(select(func.count()).where(Post.state == PostState.DEAD))
        ticks = session.execute(
            select(Post.ref, Claim.sender)
            .join(Claim, Claim.id == Post.message_id)
            .where(Post.kind == PostKind.ACKNOWLEDGE)
        ).all()
    names = {rider.open_id: rider.name for rider in city.riders}
    assert acknowledged(cloud.record, {ref: names[sender] for ref, sender in ticks}) == Counter(names.values())
    assert cloud.record.double_posts == {}
    cards = {post.message_id: post.chat for post in cloud.record.posts if post.msg_type == "interactive"}
    shown = {
        cards[update.message_id]: json.dumps(update.content, ensure_ascii=False) for update in cloud.record.updates
    }
    assert set(shown) == set(city.chats)
    assert all(f"{PEOPLE // BRANCHES} / {PEOPLE // BRANCHES}" in card for card in shown.values()), shown
