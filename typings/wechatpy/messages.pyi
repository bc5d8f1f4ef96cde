class BaseMessage:
    id: int
    type: str
    source: str
    target: str
    time: int
    event: str
    key: str
    content: str
    media_id: str
    image: str
    label: str
    location: tuple[str, str]
    agent: int
