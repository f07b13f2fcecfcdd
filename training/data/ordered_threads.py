"""Work done ahead in threads, its results in order.

Threads, not processes: what takes time here (decompression, decoding, NumPy on large arrays, waiting for a store) lets other
threads run meanwhile; there is nothing to copy between processes, no shared memory to leak, and no fork behind CUDA's back.
"""

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from typing import TypeVar

A = TypeVar("A")
B = TypeVar("B")


def in_order(function: Callable[[A], B], items: Iterable[A], threads: int, ahead: int) -> Iterator[B]:
    """`map(function, items)`, of which up to `ahead` results are worked on or wait; an exception comes where its result would."""
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
