"""The photo store: what it makes of a picture, and what it refuses."""

import asyncio
import io
import struct
import threading
import zlib
from pathlib import Path

import pytest
from PIL import Image

from bot.media import LARGEST_FILE, LONGEST_SIDE, THUMB_SIDE, BadPhoto, MediaStore, photo_name

GPS, ORIENTATION, MAKE = 0x8825, 0x0112, 0x010F


@pytest.fixture
def store(tmp_path: Path) -> MediaStore:
    return MediaStore(tmp_path / "photos")


def picture(
    size: tuple[int, int] = (400, 300), form: str = "JPEG", colour: str = "#884422", **options: object
) -> bytes:
    """A picture of one colour as a file."""
    file = io.BytesIO()
    Image.new("RGB", size, colour).save(file, form, **options)
    return file.getvalue()


def png_that_claims(width: int, height: int) -> bytes:
    """A small PNG file whose header promises many pixels."""

    def chunk(kind: bytes, data: bytes) -> bytes:
        return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))

    header = struct.pack(">IIBBBBB", width, height, 8, 2, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", zlib.compress(b"\0" * 64)) + chunk(b"IEND", b"")
    )


def test_keeps_a_jpeg_and_a_thumbnail(store: MediaStore) -> None:
    name = store.save(picture((4000, 3000)))
    with Image.open(store.path(name)) as large, Image.open(store.path(name, thumb=True)) as small:
        assert (large.format, large.size) == ("JPEG", (LONGEST_SIDE, 1200))
        assert (small.format, max(small.size)) == ("JPEG", THUMB_SIDE)


@pytest.mark.parametrize("form", ["JPEG", "PNG", "WEBP", "GIF", "BMP"])
def test_takes_what_phones_and_clients_send(store: MediaStore, form: str) -> None:
    with Image.open(store.path(store.save(picture(form=form)))) as kept:
        assert kept.size == (400, 300)


def test_takes_the_pair_of_pictures_that_some_phones_make_of_one(store: MediaStore) -> None:
    pair = picture(form="MPO", save_all=True, append_images=[Image.new("RGB", (400, 300))])
    with Image.open(store.path(store.save(pair))) as kept:
        assert (kept.format, kept.size) == ("JPEG", (400, 300))


def test_a_small_picture_stays_as_large_as_it_is(store: MediaStore) -> None:
    with Image.open(store.path(store.save(picture((20, 10))))) as kept:
        assert kept.size == (20, 10)


def test_the_same_picture_has_the_same_name(store: MediaStore) -> None:
    first, again, other = store.save(picture()), store.save(picture()), store.save(picture(colour="blue"))
    assert first == again != other


def test_metadata_is_gone_and_the_picture_upright(store: MediaStore) -> None:
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[MAKE] = "a phone of somebody"
    exif[GPS] = {1: "N", 2: (36.0, 3.0, 40.0)}
    data = picture((400, 300), exif=exif, comment=b"a secret place")
    assert b"a phone of somebody" in data
    name = store.save(data)
    for kept in (store.path(name), store.path(name, thumb=True)):
        with Image.open(kept) as opened:
            assert opened.height > opened.width, "the phone was held upright"
            assert not opened.getexif()
        assert b"somebody" not in kept.read_bytes()
        assert b"secret" not in kept.read_bytes()


def test_see_through_becomes_white(store: MediaStore) -> None:
    file = io.BytesIO()
    Image.new("RGBA", (40, 40), (0, 0, 0, 0)).save(file, "PNG")
    with Image.open(store.path(store.save(file.getvalue()))) as kept:
        assert kept.convert("RGB").getpixel((20, 20)) == (255, 255, 255)


@pytest.mark.parametrize("size", [(8000, 6000), (12_000, 12_000), (60_000, 60_000), (2**31 - 1, 2**31 - 1)])
def test_a_bomb_is_refused_by_its_header(store: MediaStore, size: tuple[int, int]) -> None:
    with pytest.raises(BadPhoto, match="像素太高"):
        store.save(png_that_claims(*size))


def test_a_file_that_is_too_large_is_refused(store: MediaStore) -> None:
    with pytest.raises(BadPhoto, match="10 MB"):
        store.save(picture() + b"\0" * LARGEST_FILE)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"hello",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"%PDF-1.4",
        picture()[:400],
        png_that_claims(100, 100),
        b"\xff\xd8\xff\xe0" + b"\0" * 100,
        b"II*\0" + b"\0" * 100,
    ],
)
def test_what_is_no_picture_is_refused_in_chinese(store: MediaStore, tmp_path: Path, data: bytes) -> None:
    with pytest.raises(BadPhoto, match="打不开"):
        store.save(data)
    assert list((tmp_path / "photos").iterdir()) == []


@pytest.mark.parametrize(
    "name",
    [
        "../keys/master.key",
        "/etc/passwd",
        "",
        ".",
        "a.jpg",
        "0" * 32 + ".jpg",
        "0" * 32 + ".jpg\n",
        "0" * 32 + ".thumb.jpg",
        "..\\..\\" + "0" * 32 + ".jpg",
        "٠" * 32 + ".jpg",
    ],
)
def test_only_own_names_lead_to_a_file(store: MediaStore, tmp_path: Path, name: str) -> None:
    (tmp_path / "a.jpg").write_bytes(b"secret")
    with pytest.raises(LookupError, match="没有这张照片"):
        store.path(name)
    assert not store.has(name)


def test_a_broken_off_file_leaves_nothing_behind(store: MediaStore, tmp_path: Path) -> None:
    name = store.save(picture())
    assert sorted(path.name for path in (tmp_path / "photos").iterdir()) == [
        name,
        name.replace(".jpg", ".thumb.jpg"),
    ]


def test_async_code_keeps_several_at_once(store: MediaStore) -> None:
    async def keep_all() -> list[str]:
        colours = ["red", "green", "blue", "red"]
        return await asyncio.gather(*(store.keep(picture(colour=colour)) for colour in colours))

    names = asyncio.run(keep_all())
    store.close()
    assert len(set(names)) == 3
    assert all(store.has(name) for name in names)


def phone_picture() -> bytes:
    """A large photo, held upright, with all that a phone writes beside it."""
    exif = Image.Exif()
    exif[ORIENTATION] = 6
    exif[MAKE] = "a phone of somebody"
    exif[GPS] = {1: "N", 2: (36.0, 3.0, 40.0), 3: "E", 4: (120.0, 23.0, 0.0), 29: "2026:11:23"}
    return picture((4000, 3000), exif=exif, comment=b"a secret place")


def test_a_given_name_stands_for_the_picture(store: MediaStore) -> None:
    name = photo_name("wecom", "m1", "0")
    assert not store.has(name)
    assert store.save(phone_picture(), name) == name
    assert store.has(name)
    for thumb, longest in ((False, LONGEST_SIDE), (True, THUMB_SIDE)):
        path = store.path(name, thumb=thumb)
        with Image.open(path) as kept:
            assert (kept.format, kept.height, kept.width) == ("JPEG", longest, longest * 3 // 4)
            assert not kept.getexif()
        assert not any(word in path.read_bytes() for word in (b"Exif", b"somebody", b"secret", b"2026:11:23"))


def test_what_is_kept_under_a_given_name_stays(store: MediaStore) -> None:
    name = photo_name("m1")
    store.save(picture(colour="red"), name)
    before = store.path(name).read_bytes()
    assert store.save(picture(colour="blue"), name) == name
    assert store.save(b"no picture at all", name) == name
    assert store.path(name).read_bytes() == before


@pytest.mark.parametrize(
    ("data", "said"),
    [(png_that_claims(60_000, 60_000), "像素太高"), (b"<html>", "打不开"), (b"\0" * (LARGEST_FILE + 1), "太大")],
)
def test_nothing_is_kept_under_the_name_of_a_bad_photo(
    store: MediaStore, tmp_path: Path, data: bytes, said: str
) -> None:
    with pytest.raises(BadPhoto, match=said):
        store.save(data, photo_name("m1"))
    assert list((tmp_path / "photos").iterdir()) == []


@pytest.mark.parametrize("name", ["../a.jpg", "a.jpg", "0" * 32, "0" * 32 + ".thumb.jpg", "0" * 32 + ".jpg\n", " "])
def test_only_media_names_are_given(store: MediaStore, tmp_path: Path, name: str) -> None:
    with pytest.raises(ValueError, match="media name"):
        store.save(picture(), name)
    assert list((tmp_path / "photos").iterdir()) == []


def test_names_of_photos_that_are_elsewhere() -> None:
    names = {photo_name(*parts) for parts in [("a", "b"), ("ab",), ("a", "b", ""), ("b", "a"), (), ("\ud800",), ("",)]}
    assert len(names) == 7
    assert photo_name("feishu", "om_1", "img_1") == photo_name("feishu", "om_1", "img_1")
    assert all(len(name) == 36 and name.endswith(".jpg") for name in names)


def test_the_event_loop_goes_on_while_a_picture_is_decoded(store: MediaStore, monkeypatch: pytest.MonkeyPatch) -> None:
    loop_went_on = threading.Event()
    save = MediaStore.save

    def slow_save(self: MediaStore, data: bytes, name: str = "") -> str:
        assert loop_went_on.wait(timeout=10), "the event loop stood still"
        assert threading.current_thread() is not threading.main_thread()
        return save(self, data, name)

    monkeypatch.setattr(MediaStore, "save", slow_save)

    async def keep() -> str:
        keeping = asyncio.create_task(store.keep(picture(), photo_name("m1")))
        await asyncio.sleep(0.05)
        loop_went_on.set()
        return await keeping

    assert asyncio.run(keep()) == photo_name("m1")
    store.close()
