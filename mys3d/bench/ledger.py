"""What a cluster has acknowledged, and what became of it.        Floor: bench. Called by: kill_node.

Law: an upload is acknowledged, refused or in doubt, and never two of these. What is acknowledged must be read back as
it was sent; what is in doubt is there whole or not at all, and stays once somebody has seen it.
"""

import random
from typing import Final

from mys3d.bench.answer import Answer
from mys3d.bench.body import Bodies, BodyMode, Envelope
from mys3d.bench.caller import Caller
from mys3d.bench.connection import Request
from mys3d.bench.prepare import PREFIX

_SALT: Final = b"ledger\0\0"


class Ledger:
    """Uploads by number; each has a key and a body of its own, which can be made again."""

    def __init__(self, size: int, seed: int = 1) -> None:
        self._bodies = Bodies(size, _SALT)
        self._envelope = Envelope(self._bodies, BodyMode.UNSIGNED)
        self._random = random.Random(seed)
        self._next = 0
        self._seen: set[int] = set()  # in doubt, and found nevertheless
        self.acknowledged: list[int] = []
        self.doubtful: set[int] = set()  # no answer, or one that promises nothing
        self.lost: set[int] = set()  # acknowledged, and then not found
        self.wrong: set[int] = set()  # found with other bytes than were sent

    def key(self, number: int) -> str:
        return f"{PREFIX}kill/{number}-{self._bodies.size}"

    def put(self, caller: Caller) -> Request:
        """Upload the next one."""
        number = self._next
        self._next += 1
        self.doubtful.add(number)  # until its answer has come
        request = caller.put(self.key(number), self._envelope, self._bodies.numbered(number))
        request.ended = lambda answer: self._put_ended(number, answer)
        return request

    def get_any(self, caller: Caller) -> Request | None:
        """Download an acknowledged one. None: there is none yet."""
        if not self.acknowledged:
            return None
        return self.get(caller, self._random.choice(self.acknowledged))

    def get(self, caller: Caller, number: int) -> Request:
        """Download an acknowledged one, and compare it."""
        request = caller.get(self.key(number), self._bodies.size)
        request.keeps_body = True
        request.ended = lambda answer: self.judge(number, answer)
        return request

    def judge(self, number: int, answer: Answer) -> bool:
        """Note what an answer says of an acknowledged object. False: nothing, it has to be asked again."""
        if answer.status == 404:
            self.lost.add(number)
        elif answer.status == 200 and answer.body != self._bodies.bytes_of(number):
            self.wrong.add(number)
        return answer.status in (200, 404)

    def judge_doubtful(self, number: int, answer: Answer) -> bool:
        """The same of one that is in doubt: it may be missing, unless it was seen before."""
        if answer.status == 404 and number not in self._seen:
            return True
        self._seen |= {number} if answer.status == 200 else set()
        return self.judge(number, answer)

    def _put_ended(self, number: int, answer: Answer) -> None:
        if answer.status == 200:
            self.acknowledged.append(number)
        if answer.status == 200 or 400 <= answer.status < 500:
            self.doubtful.discard(number)  # 5xx: S3 allows that it happened
