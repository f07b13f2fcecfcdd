"""The peak memory of this process."""

import time


def test_the_peak_includes_memory_that_is_freed_again(load_benchmark) -> None:
    memory = load_benchmark("measuring.memory_peak")
    peak = memory.MemoryPeak()
    peak.start()
    before = memory.read_memory()["RssAnon"]
    block = bytearray(b"x" * 100_000_000)
    deadline = time.monotonic() + 30
    while peak.anonymous < before + 50_000_000 and time.monotonic() < deadline:
        time.sleep(0.01)
    del block
    peak.stop()
    peak.join()
    assert peak.anonymous >= before + 50_000_000
    assert peak.resident >= peak.anonymous
