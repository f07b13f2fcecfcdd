"""Tables as Markdown."""

import doctest


def test_examples_in_docstrings_hold(load_benchmark) -> None:
    assert doctest.testmod(load_benchmark("measuring.result_tables")).failed == 0


def test_without_a_label_column_all_columns_are_aligned_to_the_right(load_benchmark) -> None:
    text = load_benchmark("measuring.result_tables").format_markdown(["a", "b"], [["1", "2"]], label_column=False)
    assert text == "| a | b |\n|--:|--:|\n| 1 | 2 |"
