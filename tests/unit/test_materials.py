"""Materials: what is taken, how it is kept, and who can read it."""

import contextlib
import io
import stat
import zipfile
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest
from fastapi import FastAPI
from hypothesis import given
from hypothesis import strategies as st
from sqlalchemy import select

from bot.links import Links
from bot.materials import LARGEST, MOST, TYPES, BadMaterial, MaterialStore, checked_ending, clean_title
from bot.media import MediaStore
from bot.posting import Roads
from bot.reports.materials import material_lines, size_text
from bot.web.pages import pages_router
from bot.web.pages.base import Pages
from models.database import Database
from models.lessons import Lesson, LessonState
from models.materials import Material
from models.people import Post
from tests.conftest import START, StandingClock
from tests.fakes.intake import StubIntake
from tests.fakes.pictures import picture
from tests.unit.city import City, shanghai
from tests.unit.talk import Said, Talk

LINKS = Links("https://bot.example.org")
PDF = b"%PDF-1.7 and so on"


def office(*parts: str) -> bytes:
    """A document of Office with these parts."""
    made = io.BytesIO()
    with zipfile.ZipFile(made, "w") as archive:
        for part in parts:
            archive.writestr(part, "<a/>")
    return made.getvalue()


GOOD = {
    "学习.pdf": PDF,
    "学习.PDF": PDF,
    "照片.jpg": picture(),
    "照片.jpeg": picture(),
    "图.png": b"\x89PNG\r\n\x1a\n....",
    "文件.docx": office("[Content_Types].xml", "word/document.xml"),
    "课件.pptx": office("ppt/presentation.xml"),
    "表.xlsx": office("xl/workbook.xml"),
    "录音.mp3": b"ID3\x04rest",
    "录音2.mp3": b"\xff\xfb\x90rest",
    "录像.mp4": b"\x00\x00\x00\x18ftypmp42",
    "说明.txt": "刹车要早".encode(),
    "老说明.txt": "刹车要早".encode("gb18030"),
}
BAD = {
    "学习": PDF,
    "学习.exe": PDF,
    "学习.html": b"<script>",
    "学习.pdf.exe": PDF,
    "空.pdf": b"",
    "假.pdf": b"MZ\x90",
    "假.jpg": b"<svg onload=alert(1)>",
    "假.png": picture(),
    "假.docx": b"PK\x03\x04broken",
    "表.docx": office("xl/workbook.xml"),
    "宏.docx": office("word/document.xml", "word/vbaProject.bin"),
    "假.mp3": b"RIFF",
    "假.mp4": b"\x00\x00\x00\x18mdat",
    "假.txt": b"a\x00b",
    "太大.pdf": PDF + bytes(LARGEST),
}


@pytest.mark.parametrize("name", GOOD)
def test_what_is_taken(name: str, tmp_path: Path) -> None:
    kept = MaterialStore(tmp_path / "materials").save(17, name, GOOD[name])
    found = MaterialStore(tmp_path / "materials").path(kept)
    assert found.read_bytes() == GOOD[name]
    assert kept == f"17.{name.rpartition('.')[2].lower().replace('jpeg', 'jpg')}"
    assert stat.S_IMODE(found.stat().st_mode) == 0o600
    assert [path.name for path in (tmp_path / "materials").iterdir()] == [kept]


@pytest.mark.parametrize("name", BAD)
def test_what_is_not_taken_leaves_nothing(name: str, tmp_path: Path) -> None:
    with pytest.raises(BadMaterial, match=r"。$"):
        MaterialStore(tmp_path).save(17, name, BAD[name])
    assert list(tmp_path.iterdir()) == []


@pytest.mark.parametrize("name", ["../jufeng.db", "17.exe", "17.pdf/../18.pdf", "", "x.pdf", f"{'1' * 32}.jpg"])
def test_no_other_file_is_given_out(name: str, tmp_path: Path) -> None:
    with pytest.raises(LookupError):
        MaterialStore(tmp_path).path(name)


@given(st.binary(max_size=200), st.sampled_from(sorted({name.rpartition(".")[2] for name in GOOD})))
def test_any_bytes_are_judged(data: bytes, ending: str) -> None:
    with contextlib.suppress(BadMaterial):
        assert checked_ending(f"a.{ending}", data) in TYPES


@given(st.text(max_size=200))
def test_a_title_is_a_name_without_folders_and_signs_that_cannot_be_seen(name: str) -> None:
    title = clean_title(name)
    assert not set(title) & set('/\\\r\n\0"\u202e')
    assert len(title) <= 90


def test_a_title_cannot_pretend_another_ending() -> None:
    assert clean_title("../../etc/学习\u202efdp.exe") == "_.._etc_学习_fdp.exe"
    assert clean_title("课 件.pptx") == "课 件.pptx"


def test_sizes() -> None:
    assert [size_text(size) for size in (1, 12_000, 1_300_000)] == ["1 KB", "12 KB", "1.2 MB"]


# In chat


@pytest.fixture
def lesson_id(database: Database) -> int:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        other = city.organisation("隔壁支部")
        for organisation, secretary, chat in ((branch, "王书记", "oc_branch"), (other, "孙书记", "oc_other")):
            city.person(organisation, secretary, Post.SECRETARY)
            city.chat(organisation, chat)
        city.person(branch, "小李")
        city.held(branch, shanghai(11, 20, 15), "党课", "防火")
        return city.planned(branch, shanghai(11, 25, 15), "党课", "交通安全").id


@pytest.fixture
def talk(database: Database, clock: StandingClock) -> Talk:
    return Talk(database, clock, roads=Roads(links=LINKS, homes={"feishu": ("feishu", "main")}))


def add(talk: Talk, text: str, who: str = "王书记", kind: str = "") -> str:
    ((_, answer),) = talk.all(Said(who, "add_material", {"kind": kind} if kind else {}, "oc_branch", text=text))
    return answer


def kept(database: Database) -> list[tuple[str, str, str]]:
    with database.read() as session:
        rows = session.execute(
            select(Lesson.topic, Material.title, Material.link)
            .join(Material, Material.lesson_id == Lesson.id)
            .order_by(Material.id)
        )
        return [(topic, title, link) for topic, title, link in rows]


@pytest.mark.usefixtures("lesson_id")
@pytest.mark.parametrize(
    ("text", "kind", "material"),
    [
        ("材料 党课 https://a.example/x 手册", "党课", ("交通安全", "手册", "https://a.example/x")),
        ("材料党课：刹车要早", "党课", ("交通安全", "刹车要早", "")),
        ("材料 防火 灭火器用法", "", ("防火", "防火 灭火器用法", "")),
        ("材料 上次 要点", "", ("防火", "要点", "")),
        ("材料 上周五的党课 要点", "党课", ("防火", "要点", "")),
        ("材料 党课 3月5日学雷锋的由来", "党课", ("交通安全", "3月5日学雷锋的由来", "")),
        ("材料 11月25日的党课 要点", "党课", ("交通安全", "要点", "")),
        ("加材料 javascript:alert(1)", "", ("交通安全", "javascript:alert(1)", "")),
    ],
)
def test_what_is_kept_for_which_lesson(
    database: Database, talk: Talk, text: str, kind: str, material: tuple[str, str, str]
) -> None:
    assert "材料放好了" in add(talk, text, kind=kind)
    assert kept(database) == [material]


@pytest.mark.usefixtures("lesson_id")
def test_another_branch_neither_adds_nor_reads(database: Database, talk: Talk) -> None:
    add(talk, "材料 党课 手册", kind="党课")
    assert "没有" in talk.all(Said("孙书记", "add_material", {"kind": "党课"}, text="材料 党课 别的"))[0][1]
    assert "它的书记" in add(talk, "材料 党课 别的", "孙书记", "党课")
    assert "手册" not in talk.say("孙书记", "materials")[0][1]
    assert len(kept(database)) == 1


def test_materials_of_a_kind_are_found_behind_a_daily_series(database: Database, talk: Talk, lesson_id: int) -> None:
    """Only the last thirty lessons of all kinds were looked through."""
    add(talk, "材料 上周五的党课 手册", kind="党课")
    with database.write.begin() as session:
        lesson = session.get_one(Lesson, lesson_id)
        lesson.state = LessonState.CANCELLED
        for number in range(31):
            City(session).held(lesson.organisation, shanghai(11, 22, 8) + timedelta(minutes=number), "班前一刻钟")
    ((_, answer),) = talk.all(Said("小李", "materials", {"kind": "党课"}, text="党课材料"))
    assert "手册" in answer


@pytest.mark.usefixtures("lesson_id")
def test_a_lesson_has_room_for_so_many(database: Database, talk: Talk) -> None:
    for number in range(MOST):
        add(talk, f"材料 党课 第{number}份", kind="党课")
    assert "满了" in add(talk, "材料 党课 又一份", kind="党课")
    assert len(kept(database)) == MOST


def test_without_an_address_files_are_not_promised(database: Database, clock: StandingClock, lesson_id: int) -> None:
    talk = Talk(database, clock)
    assert "公网地址" in add(talk, "上传材料")
    with database.write.begin() as session:
        session.add(
            Material(lesson_id=lesson_id, title="a.pdf", link="", file="1.pdf", size=9, added_at=START, message_id=1)
        )
    with database.read() as session:
        (line,) = material_lines(session, session.get_one(Lesson, lesson_id), lambda *_: "")
    assert line == "1. a.pdf（1 KB） （还没有配公网地址，请找书记要）"


# On the pages


@contextmanager
def browser(database: Database, clock: StandingClock, folder: Path) -> Iterator[httpx.AsyncClient]:
    app = FastAPI()
    app.include_router(pages_router(Pages(database, clock, StubIntake(), LINKS, folder)))
    yield httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="https://bot.example.org")


def upload_link(talk: Talk) -> str:
    return urlsplit(next(line for line in add(talk, "上传材料", kind="党课").splitlines() if "https" in line)).path


@pytest.mark.anyio
@pytest.mark.usefixtures("lesson_id")
async def test_a_file_is_uploaded_listed_and_read(
    database: Database, talk: Talk, clock: StandingClock, tmp_path: Path
) -> None:
    path = upload_link(talk)
    with browser(database, clock, tmp_path) as client:
        page = await client.get(path)
        assert "交通安全" in page.text
        assert "script-src 'self'" in page.headers["content-security-policy"]
        assert (await client.get("/p/static/upload.js")).status_code == 200
        sent = await client.post(path, content=PDF, headers={"X-File-Name": quote("学习 材料.pdf")})
        assert sent.json() == {"words": "收到了：学习 材料.pdf"}
        ((_, answer),) = talk.say("小李", "materials")
        line = answer.splitlines()[-1]
        assert line.startswith("1. 学习 材料.pdf（1 KB） https://bot.example.org/p/material/")
        found = await client.get(urlsplit(line.rpartition(" ")[2]).path)
        assert found.content == PDF
        assert found.headers["content-type"] == "application/pdf"
        assert found.headers["x-content-type-options"] == "nosniff"
        assert found.headers["content-disposition"] == f"attachment; filename*=UTF-8''{quote('学习 材料.pdf')}"
    with database.read() as session:
        material = session.scalars(select(Material)).one()
        assert material.message_id
        assert material.added_by


@pytest.mark.anyio
@pytest.mark.usefixtures("lesson_id")
async def test_what_an_upload_page_refuses_leaves_nothing(
    database: Database, talk: Talk, clock: StandingClock, tmp_path: Path
) -> None:
    path = upload_link(talk)
    with browser(database, clock, tmp_path) as client:
        for name, data in (("假.pdf", b"MZ"), ("a.exe", PDF), ("太大.pdf", PDF + bytes(LARGEST)), ("", PDF)):
            refused = await client.post(path, content=data, headers={"X-File-Name": quote(name)})
            assert refused.status_code == 422
            assert refused.json()["words"].endswith("。")
        assert (await client.post(path.replace("/p/upload/", "/p/material/"), content=PDF)).status_code == 405
        assert (await client.get(path.replace("/p/upload/", "/p/material/"))).status_code == 404
        for number in range(MOST - 1):
            add(talk, f"材料 党课 第{number}份", kind="党课")
        for status in (200, 422):
            sent = await client.post(path, content=PDF, headers={"X-File-Name": "a.pdf"})
            assert sent.status_code == status
        clock.move_to(clock() + timedelta(days=1))
        assert (await client.get(path)).status_code == 410
        assert (await client.post(path, content=PDF, headers={"X-File-Name": "a.pdf"})).status_code == 410
    assert len(kept(database)) == MOST
    assert len(list((tmp_path / "materials").iterdir())) == 1


@pytest.mark.anyio
async def test_nothing_is_uploaded_for_what_was_called_off(
    database: Database, talk: Talk, clock: StandingClock, tmp_path: Path, lesson_id: int
) -> None:
    path = upload_link(talk)
    with database.write.begin() as session:
        session.get_one(Lesson, lesson_id).state = LessonState.CANCELLED
    with browser(database, clock, tmp_path) as client:
        assert (await client.get(path)).status_code == 410
        refused = await client.post(path, content=PDF, headers={"X-File-Name": "a.pdf"})
        assert "取消" in refused.json()["words"]
    assert list((tmp_path / "materials").iterdir()) == []


@pytest.mark.anyio
async def test_a_photo_is_given_out_and_a_file_that_is_gone_says_so(
    database: Database, clock: StandingClock, tmp_path: Path, lesson_id: int
) -> None:
    photo = MediaStore(tmp_path / "photos").save(picture())
    with database.write.begin() as session:
        for file in (photo, "17.pdf"):
            session.add(
                Material(
                    lesson_id=lesson_id, title="图片.jpg", link="", file=file, size=0, added_at=START, message_id=1
                )
            )
    with database.read() as session:
        lesson = session.get_one(Lesson, lesson_id)
        lines = material_lines(session, lesson, lambda page, subject, lasts: LINKS.make(page, subject, START, lasts))
    with browser(database, clock, tmp_path) as client:
        statuses = [(await client.get(urlsplit(line.rpartition(" ")[2]).path)).status_code for line in lines]
    assert statuses == [200, 404]
