"""What a process loads: nothing that its command, or a worker before its first request, has no use for.

Not by the clock, which says more about the machine: by what stands in ``sys.modules`` in the end.
"""

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
TOLD = "import json, sys; sys.stderr.write(json.dumps(list(sys.modules)))"
OFFICE = {"openpyxl", "xlsxwriter", "docx", "PIL"}
SERVER = {"fastapi", "starlette", "uvicorn", "httpx", "httpcore", "websockets", "prometheus_client", "jinja2"}
RECORDS = {"sqlalchemy", "alembic", "psycopg", "cryptography"}
WECHAT = {"wechatpy", "requests", "bot.platforms.wechat", "bot.platforms.wecom_app", "bot.platforms.wecom_aibot"}
FEISHU = {
    "JUFENG_PLATFORMS__FEISHU__0__APP_ID": "cli_1",
    "JUFENG_PLATFORMS__FEISHU__0__APP_SECRET": "secret",
    "JUFENG_PLATFORMS__FEISHU__0__ENCRYPT_KEY": "key",
}


def loaded(folder: Path, program: str, environment: dict[str, str], stdin: str = "") -> tuple[str, set[str]]:
    """What a new process prints, and which modules it has loaded by its end."""
    inherited = {name: value for name, value in os.environ.items() if not name.startswith("JUFENG_")}
    done = subprocess.run(
        [sys.executable, "-c", f"{program}\n{TOLD}"],
        cwd=folder,
        env={**inherited, "PYTHONPATH": str(ROOT), "PYTHONIOENCODING": "utf-8", **environment},
        input=stdin,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    return done.stdout, set(json.loads(done.stderr.splitlines()[-1]))


def test_understand_loads_the_understanding_alone(tmp_path: Path) -> None:
    program = "from bot.cli import main; assert main(['understand']) == 0"
    said, modules = loaded(tmp_path, program, {}, '{"text": "签到"}\n')
    assert json.loads(said)["intent"] == "check_in"
    assert "jieba" in modules
    unwanted = SERVER | RECORDS | OFFICE | WECHAT | {"pydantic", "asyncio", "models", "handlers", "bot.app"}
    assert not (unwanted | {"pkg_resources"}) & modules


def test_help_loads_nothing(tmp_path: Path) -> None:
    program = "from bot.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass"
    said, modules = loaded(tmp_path, program, {})
    assert "understand" in said
    assert not (SERVER | RECORDS | OFFICE | WECHAT | {"pydantic", "asyncio", "jieba", "bot.settings"}) & modules


def test_the_parent_of_several_workers_loads_no_application(tmp_path: Path) -> None:
    program = (
        "import uvicorn\n"
        "uvicorn.run = lambda app, **how: print(app, how['workers'])\n"
        "from bot.cli import main\n"
        "assert main(['serve', '--workers', '2']) == 0\n"
    )
    environment = {**FEISHU, "JUFENG_DATABASE__URL": "postgresql+psycopg://127.0.0.1/none", "JUFENG_SERVER__PORT": "0"}
    said, modules = loaded(tmp_path, program, environment)
    assert said == "bot.worker:create_app 2\n"
    assert not {"bot.app", "fastapi", "sqlalchemy", "handlers", "models", "jieba", *OFFICE, *WECHAT} & modules


@pytest.mark.parametrize("platforms", [{}, FEISHU], ids=["sandbox", "feishu"])
def test_a_worker_loads_what_few_ask_for_when_they_ask(
    tmp_path: Path, sqlite_template: Path, platforms: dict[str, str]
) -> None:
    shutil.copy(sqlite_template, tmp_path / "jufeng.db")
    environment = {**platforms, "JUFENG_DATABASE__URL": "sqlite:///jufeng.db"}
    program = "from bot.worker import create_app\nprint(create_app().title)"
    said, modules = loaded(tmp_path, program, environment)
    assert said.endswith("Jufeng\n")
    assert {"bot.app", "handlers", "sqlalchemy"} <= modules
    assert ("bot.platforms.feishu" in modules) == bool(platforms)
    assert not (OFFICE | WECHAT | {"alembic", "numpy"}) & modules


def test_a_worker_upgrades_a_schema_that_is_not_up_to_date(tmp_path: Path) -> None:
    environment = {"JUFENG_DATABASE__URL": "sqlite:///jufeng.db"}
    program = "from bot.worker import create_app\nprint(create_app().title)"
    said, modules = loaded(tmp_path, program, environment)
    assert said.endswith("Jufeng\n")
    assert "alembic" in modules
