from ..model import Buffer
from .frames import Role
from .payload import PayloadKind
from .session import Event

class Reader:
    frames: int
    held_bytes: int
    mid_frame: bool
    pending: bool
    def __init__(self, kind: PayloadKind, role: Role, *, check_text: bool) -> None: ...
    def receive(self, data: Buffer) -> list[Event]: ...
    def payload_of(self, data: Buffer) -> tuple[Buffer, list[Event]]: ...

def xor(data: Buffer, key: bytes, /) -> bytes: ...
