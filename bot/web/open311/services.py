"""The categories of hazards as services. A code never changes, whatever the category is called one day."""

from dataclasses import dataclass
from typing import Any

from bot.web.open311.answers import Refused

NO_SUCH_SERVICE = "没有 service_code「{code}」，有的见 services.json"


@dataclass(frozen=True, slots=True)
class Service:
    """One category: its code, its name here, what belongs to it, and what it is grouped with."""

    code: str
    category: str
    description: str
    keywords: str
    group: str

    def as_fields(self) -> dict[str, Any]:
        """As the standard has it: nothing more need be told, and the number is there at once."""
        return {
            "service_code": self.code,
            "service_name": self.category,
            "description": self.description,
            "metadata": False,
            "type": "realtime",
            "keywords": self.keywords,
            "group": self.group,
        }


OTHER = Service("other", "其他", "别的类别里没有的隐患", "其他", "其他")
SERVICES = (
    Service("power_gas", "用电用气", "飞线充电、漏电、燃气泄漏等", "飞线充电,漏电,燃气,煤气罐,配电箱", "安全"),
    Service("fire", "消防安全", "着火冒烟、消防通道被占、消防设施坏了等", "着火,冒烟,消防通道,灭火器,安全出口", "安全"),
    Service("nature", "自然灾害", "积水、结冰、塌方、树倒等", "积水,结冰,塌方,滑坡,倒树", "安全"),
    Service("parking", "违停占道", "违章停车、占用人行道和盲道、占道经营等", "违停,占道,僵尸车,盲道,摆摊", "市容"),
    Service("order", "治安", "打架、偷盗、恶犬、赌博等", "打架,偷盗,恶犬,赌博,诈骗", "安全"),
    Service("food", "食品安全", "后厨脏、变质过期、无证餐饮等", "后厨,变质,过期食品,地沟油,无证餐饮", "安全"),
    Service("construction", "建筑施工", "围挡、脚手架、基坑、扬尘、违建等", "工地,脚手架,围挡,扬尘,违建", "安全"),
    Service("sanitation", "环境卫生", "垃圾、污水、油烟、乱堆乱倒等", "垃圾,污水,渣土,油烟,乱堆", "市容"),
    Service("facility", "公共设施", "井盖、路灯、电梯、水管、门禁、外墙等", "井盖,路灯,电梯,水管,外墙", "设施"),
    Service("road", "道路交通", "路面塌陷、信号灯、护栏、散落物、事故等", "路面塌陷,红绿灯,护栏,油污,事故", "设施"),
    OTHER,
)
_BY_CODE = {service.code: service for service in SERVICES}
_BY_CATEGORY = {service.category: service for service in SERVICES}


def by_code(code: str) -> Service:
    """The service with this code. Raises Refused (404)."""
    service = _BY_CODE.get(code)
    if service is None:
        raise Refused(404, NO_SUCH_SERVICE.format(code=code[:40]))
    return service


def of_category(category: str) -> Service:
    """The service that a hazard of this category belongs to."""
    return _BY_CATEGORY.get(category, OTHER)
