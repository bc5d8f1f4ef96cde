"""Training and using a classifier: seconds of one core, and the size of the model. Run it with ``make bench``.

9,000 made-up reports in seven categories are trained on by ``jufeng train`` as a process, and 20,000 others are
classified; once with reports as riders write them, once with letters as citizens' hotlines get them. Some are labelled
wrong and some say what belongs to two categories, so that the accuracy that is printed is not that of a toy.
"""

import csv
import os
import random
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path

from bot.understanding.classifier import best
from bot.understanding.model_file import load_classifier

ROWS = 9_000
QUESTIONS = 20_000
MISLABELLED = 0.03
SECOND_TROUBLE = 0.15
LETTER = 240
"""Characters of a letter at least."""

_TROUBLES: Mapping[str, tuple[str, str]] = {
    "道路交通": (
        "红绿灯 信号灯 斑马线 减速带 隔离护栏 路面 非机动车道 标线 匝道口 弯道 桥面 伸缩缝",
        "不亮了 看不清 有个大坑 塌了一块 老有人逆行 车速太快 全是碎石 被撞歪了 坑坑洼洼 容易打滑 天天堵死 洒了一地机油",
    ),
    "环境卫生": (
        "垃圾 建筑垃圾 垃圾桶 污水 厨余 旧家具 废纸箱 落叶 下水口 泔水 狗粪 装修废料",
        "堆成山 没人清 满出来了 臭得不行 流了一路 扔在路边 好几天没拉 招了一堆苍蝇 乱倒 发馊了 泡了水 半夜偷倒",
    ),
    "消防安全": (
        "灭火器 消火栓 消防通道 安全出口 防火门 楼道 应急灯 烟感 疏散通道 消防水带 喷淋头 逃生梯",
        "过期了 被锁死 堆满杂物 没有水 打不开 被人拆了 停着电动车 不亮 放着纸壳 堵得严实 压根没有 早坏了",
    ),
    "公共设施": (
        "井盖 路灯 健身器材 公交站牌 长椅 指示牌 充电桩 电梯 单元门 扶手 雨棚 公厕",
        "没了 坏了半个月 断了一截 锈穿了 摇摇晃晃 掉下来了 打不着 关不上 少了一块 歪在一边 漏水 用不成",
    ),
    "建筑施工": (
        "工地 脚手架 围挡 塔吊 基坑 渣土车 施工队 钢管 挖机 吊篮 拆迁房 水泥罐车",
        "没盖苫布 半夜还在干 扬尘很大 倒了一片 没有警示 悬在人行道上 不戴安全帽 挖断管子 露着钢筋 占了半条路",
    ),
    "用电用气": (
        "电线 配电箱 插座 燃气管 煤气罐 飞线 变压器 电表箱 电缆 接线板 燃气表 充电线",
        "耷拉下来 敞着门 冒火花 有股气味 拉到楼下 老化了 漏电 滋滋响 缠在树上 露着铜丝 泡在水里 私自改了",
    ),
    "违停占道": (
        "面包车 小轿车 共享单车 货车 摆摊的 三轮车 僵尸车 外卖车 大巴 烧烤摊 送货车 私家车",
        "停在盲道上 占了非机动车道 横在路口 把门堵了 停满人行道 一停一天 压着斑马线 挡住出口 摆到路中间 占着公交站",
    ),
}
_STREETS = "幸福路 和平街 东岗路 滨河道 建设巷 解放街 人民路 南山路 雁北街 工农巷 西站路 民主道"
_SPOTS = "东门 西门 南口 路口 天桥下面 桥头 公交站旁边 学校对面 市场门口 地铁口 小区里 后院 驿站门前 拐弯处"
_OPENINGS = "刚看到 报一下 师傅们注意 你好 麻烦派人 请问谁管 路过发现 反映个事 今天送单 昨晚 又是 书记"
_CLOSINGS = "请尽快处理 太危险了 骑车差点摔 谁来管管 拍了照片 麻烦修一下 好几天了 大家绕行 老人走不了 谢谢 辛苦了"
_TALK = (
    "我是附近的住户 每天早晚都从这里经过 之前打过电话也没有结果 邻居们意见都很大 上个月说过会来看 后来一直没有人来 "
    "天气一变就更严重 晚上光线又不好 送餐的骑手也都知道 希望有关部门重视起来 我们不想再等了 周围的商户也反映过 "
    "不知道归哪个单位负责 只好写在这里 请给一个明确的时间 家里老人出门很不方便 孩子放学也要走这条路 先谢谢你们的工作"
)


@dataclass(frozen=True, slots=True)
class Row:
    """A made-up text and its category."""

    text: str
    category: str


def made_up(count: int, seed: int, *, letters: bool = False) -> Iterator[Row]:
    """So many made-up texts, always the same for one seed; ``letters`` are some ten times as long."""
    chance = random.Random(seed)
    for _ in range(count):
        category = chance.choice(list(_TROUBLES))
        text = _letter(chance, category) if letters else _report(chance, category)
        yield Row(text, chance.choice(list(_TROUBLES)) if chance.random() < MISLABELLED else category)


def _report(chance: random.Random, category: str) -> str:
    where = f"{_one(chance, _STREETS)}{chance.randint(1, 400)}号{_one(chance, _SPOTS)}"
    said = [where + _trouble(chance, category)]
    if chance.random() < SECOND_TROUBLE:
        said.append(_trouble(chance, chance.choice(list(_TROUBLES))))
    if chance.random() < 0.5:
        said.insert(0, _one(chance, _OPENINGS))
    if chance.random() < 0.5:
        said.append(_one(chance, _CLOSINGS))
    return "，".join(said)


def _trouble(chance: random.Random, category: str) -> str:
    things, troubles = _TROUBLES[category]
    return _one(chance, things) + _one(chance, troubles)


def _letter(chance: random.Random, category: str) -> str:
    said = [_report(chance, category)]
    while sum(map(len, said)) < LETTER:
        said.append(_one(chance, _TALK) if chance.random() < 0.8 else _trouble(chance, category))
    return "，".join([said[-1], *said[:-1]]) + "。"


def _one(chance: random.Random, words: str) -> str:
    return chance.choice(words.split())


def write_table(path: Path, rows: Iterator[Row]) -> None:
    """The rows as a file that ``jufeng train`` reads."""
    with path.open("w", encoding="utf-8", newline="") as file:
        table = csv.writer(file)
        table.writerow(("text", "category"))
        table.writerows((row.text, row.category) for row in rows)


@dataclass(frozen=True, slots=True)
class Took:
    """What came of one round: seconds of a core, bytes, and shares of the texts that were judged."""

    trained: float
    size: int
    judged: float
    right: float
    sure: float
    """How probable the answers were on the average: as many should be right."""


def main() -> None:
    """Prints seconds, accuracy and size."""
    os.sched_setaffinity(0, {min(os.sched_getaffinity(0))})  # which the process that trains inherits
    for letters in (False, True):
        with tempfile.TemporaryDirectory() as name:
            took = measure(Path(name), letters=letters)
        sys.stdout.write(
            f"{'letters' if letters else 'reports'}: {ROWS} trained on in {took.trained:.1f} s, "
            f"the model has {took.size / 1_000_000:.2f} MB; {QUESTIONS} others judged in {took.judged:.1f} s, "
            f"{took.right:.1%} right (of {1 - MISLABELLED * 6 / 7:.1%} that can be) "
            f"where {took.sure:.1%} was thought to be\n"
        )


def measure(folder: Path, *, letters: bool) -> Took:
    """One round in an empty folder."""
    table, model = folder / "cases.csv", folder / "category.model"
    write_table(table, made_up(ROWS, 1, letters=letters))
    before = _seconds_of_children()
    subprocess.run([sys.executable, "-m", "bot", "train", str(table), "--out", str(model)], check=True)
    trained = _seconds_of_children() - before
    questions = list(made_up(QUESTIONS, 2, letters=letters))
    classifier = load_classifier(model)
    started = time.process_time()
    found = [best(classifier.judge(question.text)) or ("", 0.0) for question in questions]
    judged = time.process_time() - started
    right = sum(answer[0] == question.category for answer, question in zip(found, questions, strict=True))
    sure = sum(probable for _, probable in found)
    return Took(trained, model.stat().st_size, judged, right / QUESTIONS, sure / QUESTIONS)


def _seconds_of_children() -> float:
    """What processes that have ended took of a core."""
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    return used.ru_utime + used.ru_stime


if __name__ == "__main__":
    main()
