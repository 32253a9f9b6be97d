"""The one streaming protocol, and the only batch path: a loop over it."""

from collections.abc import Iterable
from typing import Protocol, TypeVar

In = TypeVar("In", contravariant=True)
Out = TypeVar("Out", covariant=True)
B = TypeVar("B")
T = TypeVar("T")


class Stage(Protocol[In, Out]):
    """Push any number of samples, 0 included; how a stream is cut never changes a bit of the result."""

    def push(self, block: In, /) -> Out: ...

    def flush(self) -> Out:
        """End of stream: decide what is pending."""
        ...


def run_batch(stage: Stage[B, T], blocks: Iterable[B]) -> list[T]:
    """What a stage says of a whole stream, block by block, then of its end."""
    return [*(stage.push(block) for block in blocks), stage.flush()]
