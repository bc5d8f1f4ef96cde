"""Completed messages per second through encrypted Feishu callbacks, against the bare floor, in one run.

A completed message is a check-in of a different person in one of 86 groups: decrypted, claimed, understood, recorded
with its points, its acknowledgement in the outbox, committed, and only then answered 200; the outbox sends to a fake
Feishu cloud all the while. The server has one core to itself, the load and the cloud have the other. Rounds of floor
and product alternate, and medians are compared. Run it with ``make bench``.
"""

import argparse
import os
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

import httpx
from sqlalchemy import func, select

from benchmarks import load
from models.database import Database
from models.lessons import CheckIn
from models.outbox import waiting
from tests.fakes.city import City, write_config
from tests.fakes.feishu_callbacks import Callback
from tests.fakes.product import Product
from tests.fakes.serving import free_port

PATH = "/webhooks/feishu/main"
BRANCHES = 86
PEOPLE = BRANCHES * 60


def main() -> None:
    """Prints the medians, the ratio, the time to healthy and the memory."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    rounds = parser.parse_args().rounds
    city = City(PEOPLE, BRANCHES)
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        database = city.settle(folder, f"sqlite:///{folder}/jufeng.db")
        cores = sorted(os.sched_getaffinity(0))
        cloud_port, floor_port, port = free_port(), free_port(), free_port()
        config = write_config(
            folder, port=port, api_base=f"http://127.0.0.1:{cloud_port}", database_url=str(database.url)
        )
        cloud = _start([*_cloud_command(), str(cloud_port)], cores[-1])
        floor = _start([sys.executable, "-m", "benchmarks.floor", str(floor_port)], cores[0])
        product = Product(config, port)
        os.sched_setaffinity(0, {cores[0]})  # which the product inherits
        started = time.perf_counter()
        product.launch()
        os.sched_setaffinity(0, {cores[-1]})
        product.wait()
        healthy = time.perf_counter() - started
        try:
            _wait(floor_port)
            floors, products = _measure(city, database, floor_port, port, rounds)
            memory, stall = _resident(product.pid), longest_stall(port)
        finally:
            product.stop()
            floor.kill()
            cloud.kill()
        _report(floors, products)
        sys.stdout.write(
            f"healthy after {healthy:.2f} s, {memory:.0f} MB resident after {rounds * PEOPLE} check-ins, "
            f"longest stall of the event loop {stall * 1000:.0f} ms\n"
        )
        _check(database, rounds)


def _cloud_command() -> list[str]:
    return [sys.executable, "-m", "tests.fakes.feishu_cloud", "--rates-times", "1000", "--port"]


def _start(command: list[str], core: int) -> subprocess.Popen[bytes]:
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL)
    os.sched_setaffinity(process.pid, {core})
    return process


def _wait(port: int) -> None:
    for _ in range(200):
        try:
            httpx.get(f"http://127.0.0.1:{port}/healthz", timeout=1)
        except httpx.TransportError:
            time.sleep(0.05)
        else:
            return
    raise RuntimeError("the floor did not start")


def _measure(
    city: City, database: Database, floor_port: int, port: int, rounds: int
) -> tuple[list[float], list[float]]:
    load.run(port, _requests(city.everywhere("绑定 {branch}")))
    floors, products = [], []
    for number in range(rounds):
        _wait_until_idle(database)
        floors.append(load.run(floor_port, _requests(city.everyone("签到"))))
        _wait_until_idle(database)
        load.run(port, _requests(city.everywhere(f"开课 10分钟微课堂 第{number + 1}课")))
        check_ins = _requests(city.everyone("签到"))
        products.append(load.run(port, check_ins))
        load.run(port, _requests(city.everywhere("结束签到")))
    return floors, products


def _wait_until_idle(database: Database) -> None:
    """The floor must not share its core with what the product still has to send."""
    query = select(func.count()).where(waiting())
    while True:
        with database.read() as session:
            if not session.scalar(query):
                return
        time.sleep(0.1)


def _resident(pid: int) -> float:
    """Megabytes of resident memory."""
    status = Path(f"/proc/{pid}/status").read_text()
    return int(status.partition("VmRSS:")[2].split()[0]) / 1024


def longest_stall(port: int) -> float:
    """Seconds for which the product's event loop was kept from its work, at most."""
    figures = httpx.get(f"http://127.0.0.1:{port}/metrics", timeout=10).text
    (line,) = [line for line in figures.splitlines() if line.startswith("jufeng_loop_longest_stall_seconds ")]
    return float(line.split()[1])


def _requests(callbacks: Iterable[Callback]) -> list[bytes]:
    return [load.request(PATH, callback.headers, callback.body) for callback in callbacks]


def _report(floors: list[float], products: list[float]) -> None:
    floor, product = statistics.median(floors), statistics.median(products)
    sys.stdout.write(
        f"floor    {floor:7.0f}/s  (rounds: {' '.join(f'{value:.0f}' for value in floors)})\n"
        f"product  {product:7.0f}/s  (rounds: {' '.join(f'{value:.0f}' for value in products)})\n"
        f"ratio    {product / floor:7.2f}\n"
    )


def _check(database: Database, rounds: int) -> None:
    """A figure counts only if the work was done."""
    with database.read() as session:
        recorded = session.scalar(select(func.count()).select_from(CheckIn))
    if recorded != rounds * PEOPLE:
        raise RuntimeError(f"{recorded} check-ins were recorded, not {rounds * PEOPLE}")


if __name__ == "__main__":
    main()
