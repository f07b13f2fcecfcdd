"""Work that threads do ahead."""

import threading

import pytest

from training.data.ordered_threads import map_in_order


def test_an_exception_is_raised_in_place_of_its_result_and_later_items_are_not_needed():
    def invert(number):
        return 12 // number

    results = map_in_order(invert, [1, 2, 0, 3], threads=2, ahead=2)
    assert [next(results), next(results)] == [12, 6]
    with pytest.raises(ZeroDivisionError):
        next(results)


@pytest.mark.parametrize(("threads", "ahead"), [(1, 0), (1, 8), (4, 1), (4, 100)])
@pytest.mark.parametrize("count", [0, 1, 20])
def test_results_have_the_order_of_the_items(threads, ahead, count):
    assert list(map_in_order(lambda number: number * number, range(count), threads, ahead)) == [n * n for n in range(count)]


def test_a_slow_item_does_not_let_later_ones_pass():
    second_is_done = threading.Event()

    def work(number):
        if number == 0:
            assert second_is_done.wait(10), "items are not done side by side"
        else:
            second_is_done.set()
        return number

    assert list(map_in_order(work, range(2), threads=2, ahead=2)) == [0, 1]


def test_no_more_items_are_taken_than_the_results_ahead():
    taken = []

    def items():
        for number in range(100):
            taken.append(number)
            yield number

    results = map_in_order(str, items(), threads=2, ahead=3)
    assert (next(results), taken) == ("0", [0, 1, 2, 3])
    assert (next(results), taken) == ("1", [0, 1, 2, 3, 4])
    results.close()
    assert len(taken) == 5
