r"""Prompts as the LEIA paper's code makes them: pure functions of items, a recipe and a seed.

A recipe is data (`metadata.reference` in a task's YAML): `description`, `question` and `answer` as patterns over an item's
fields, the `delimiter` after each example, and the source of the examples (`draw`):

    none      no examples, for any requested count (X-CODAH)
    shuffled  one generator shuffles the scored items and then, in that order, draws count + 1 of them for each item; examples
              that equal the scored item are removed, the first `count` are kept (X-CSQA, JAQKET)
    pool      the same generator, after the same shuffle, draws `count` from another split (JCommonsenseQA's training items)
    first     the first `count` of another split, for every item (JEMHopQA, NIILC)

The generator is Python's `random.Random(seed)`, so the examples of an item depend on all items before it.

>>> recipe = Recipe(question="Q: {q}\nA:", answer=" {text}", delimiter="\n\n", draw="first", num_fewshot=1)
>>> make_prompts([{"q": "b", "text": "2"}], [{"q": "a", "text": "1"}], recipe, 1, seed=42)
['Q: a\nA: 1\n\nQ: b\nA:']
"""

import random
from collections.abc import Mapping, Sequence
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict

TaskItem = Mapping[str, Any]

RUNNER = "eval.run"
"""The value of `scored_by` with which `load_documents` makes reference items."""


class Recipe(BaseModel):
    """The patterns of a prompt and the source of its examples; the module documents the fields."""

    model_config = ConfigDict(extra="forbid", frozen=True)

    description: str = ""
    question: str
    answer: str
    delimiter: str
    draw: Literal["none", "shuffled", "pool", "first"]
    num_fewshot: int = 0
    """Examples when no count is requested: the paper's count."""


def check_runner(scoring: str, scored_by: str | None) -> None:
    """Raises `ValueError` for reference items outside eval.run: plain lm-eval tokenises differently, so its scores differ."""
    if scoring == "reference" and scored_by != RUNNER:
        raise ValueError(
            "reference scoring runs through `python -m eval.run` only: plain lm-eval tokenises prompt and continuation together "
            "and starts with another token; use the task without `_reference` for standard scoring"
        )


def draw_examples(
    items: Sequence[TaskItem], pool: Sequence[TaskItem], recipe: Recipe, count: int, seed: int
) -> list[list[TaskItem]]:
    """The examples of each item, in the order of its prompt. Raises `ValueError` if there are too few to draw from."""
    if recipe.draw == "none" or count == 0:
        return [[] for _ in items]
    if recipe.draw == "first":
        return [list(pool[:count]) for _ in items]
    source, drawn = (items, count + 1) if recipe.draw == "shuffled" else (pool, count)
    if len(source) < drawn:
        raise ValueError(f"num_fewshot: {count} examples cannot be drawn from {len(source)} items")
    generator = random.Random(seed)  # noqa: S311  (the original's generator; nothing here is secret)
    order = list(range(len(items)))
    generator.shuffle(order)
    found: list[list[TaskItem]] = [[] for _ in items]
    for place in order:
        examples = generator.sample(source, drawn)
        if recipe.draw == "shuffled":
            examples = [example for example in examples if example != items[place]]
        found[place] = examples[:count]
    return found


def make_prompts(items: Sequence[TaskItem], pool: Sequence[TaskItem], recipe: Recipe, count: int, seed: int) -> list[str]:
    """The prompt of each item: description, solved examples, question."""
    return [
        recipe.description
        + "".join(
            recipe.question.format_map(example) + recipe.answer.format_map(example) + recipe.delimiter for example in examples
        )
        + recipe.question.format_map(item)
        for item, examples in zip(items, draw_examples(items, pool, recipe, count, seed), strict=True)
    ]


def add_prompts(
    items: Sequence[dict[str, Any]], pool: Sequence[TaskItem], recipe: Recipe, num_fewshot: int | None, seed: int
) -> None:
    """Add to each item its `prompt` and the `continuations` of its choices; `num_fewshot` None means the recipe's count."""
    count = recipe.num_fewshot if num_fewshot is None else num_fewshot
    for item, prompt in zip(items, make_prompts(items, pool, recipe, count, seed), strict=True):
        item["prompt"] = prompt
        item["continuations"] = [recipe.answer.format(text=choice) for choice in item.get("choices", [])]
