"""Work done ahead in threads, with results in order.

Threads, not processes: the slow work here (decompression, decoding, NumPy on large arrays, waiting for a store) releases the
interpreter lock. Nothing is copied between processes, no shared memory can leak, and CUDA does not see a fork.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def map_in_order(function: Callable[[A], B], items: Iterable[A], threads: int, ahead: int) -> Iterator[B]:
    """`map(function, items)` in threads, up to `ahead` results in advance; an exception is raised in place of its result."""
    with ThreadPoolExecutor(threads) as pool:
        waiting: deque[Future[B]] = deque()
        try:
            for item in items:
                waiting.append(pool.submit(function, item))
                if len(waiting) > ahead:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()
        finally:
            pool.shutdown(wait=False, cancel_futures=True)
