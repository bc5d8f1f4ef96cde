"""纪要: what is recorded is in it, what is not is marked for people to write, and nothing else is said."""

import io

from docx import Document
from docx.document import Document as DocumentType
from docx.enum.text import WD_COLOR_INDEX

from bot.reports.minutes import minutes
from models.database import Database
from models.lessons import Lesson, RollEntry
from tests.unit.city import City, shanghai
from tests.unit.ledger_city import settle


def made(database: Database, lesson_id: int) -> DocumentType:
    with database.read() as session:
        return Document(io.BytesIO(minutes(session, lesson_id)))


def held(database: Database) -> int:
    with database.write.begin() as session:
        return settle(session).held


def lines(document: DocumentType) -> list[str]:
    return [paragraph.text for paragraph in document.paragraphs]


def facts(document: DocumentType) -> dict[str, str]:
    return {row.cells[0].text: row.cells[1].text for row in document.tables[0].rows}


def marked(document: DocumentType) -> list[str]:
    cells = [paragraph for row in document.tables[0].rows for cell in row.cells for paragraph in cell.paragraphs]
    runs = [run for paragraph in (*cells, *document.paragraphs) for run in paragraph.runs]
    assert all(("【请填写：" in run.text) == (run.font.highlight_color == WD_COLOR_INDEX.YELLOW) for run in runs)
    return [run.text for run in runs if run.font.highlight_color]


def test_what_is_recorded_is_in_it(database: Database) -> None:
    document = made(database, held(database))
    assert facts(document) == {
        "时间": "2026年10月9日（周五）15:00 至 16:02",
        "地点": "驿站；https://example.org/m",
        "主持": "王书记",
        "记录": "小李",
        "主题": "交通安全",
    }
    said = lines(document)
    assert said[0] == "甲支部党课纪要"
    assert said[2:9] == [
        "应到 5 人，实到 2 人。",
        "按时到（1 人）：王书记",
        "迟到（1 人）：小李",
        "请假（1 人）：=1+1",
        "补课（1 人）：小吴",
        "缺席（1 人）：小周",
        "列席（1 人）：客人",
    ]
    for line in ("学习文件", "讨论", "1. 课件", "小吴，10月12日（周一）补完。心得：要戴头盔"):
        assert line in said


def test_only_what_is_not_recorded_is_to_be_written(database: Database) -> None:
    document = made(database, held(database))
    assert marked(document) == [
        "【请填写：谁讲了什么、讨论了什么】",
        "【请填写：决定了什么、谁去办、什么时候办完；表决的写明赞成、反对、弃权各几票】",
    ]


def test_what_the_secretary_has_not_said_is_asked_for(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        lesson = city.held(branch, shanghai(11, 20, 15), "党员大会", expected=[city.person(branch, "王书记")])
        lesson_id = lesson.id
    document = made(database, lesson_id)
    assert marked(document)[:5] == [f"【请填写：{what}】" for what in ("地点", "主持", "记录", "主题", "议程")]
    assert "没有登记材料。" in lines(document)
    assert "六、会后补课" not in lines(document)


def test_the_votes_are_those_frozen_when_it_opened(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        branch = city.organisation()
        people = [city.person(branch, name) for name in ("王书记", "小李", "小张")]
        lesson = city.held(branch, shanghai(11, 20, 15), "党员大会", came=people[:2])
        session.add_all(RollEntry(lesson_id=lesson.id, person_id=one.id, votes=one is not people[0]) for one in people)
        people[0].vote_here = True
        lesson_id = lesson.id
    assert "有表决权 2 人，到 1 人，正好半数。" in lines(made(database, lesson_id))


def test_nobody_hears_why_somebody_was_away(database: Database) -> None:
    document = made(database, held(database))
    assert not any("青铜鲸鱼" in line for line in lines(document))


def test_it_says_where_its_facts_are_from(database: Database) -> None:
    lesson_id = held(database)
    with database.read() as session:
        message_id = session.get_one(Lesson, lesson_id).message_id
    assert f"会议 {lesson_id}，消息 {message_id}" in lines(made(database, lesson_id))[-1]


def test_a_meeting_across_midnight_names_both_days(database: Database) -> None:
    with database.write.begin() as session:
        city = City(session)
        lesson = city.held(city.organisation(), shanghai(2, 28, 23, 50))
        lesson.closed_at = shanghai(3, 1, 0, 10)
        lesson.topic = "能看见的\x01字"
        lesson_id = lesson.id
    document = made(database, lesson_id)
    assert facts(document)["时间"] == "2026年2月28日（周六）23:50 至 3月1日（周日）00:10"
    assert facts(document)["主题"] == "能看见的字"
