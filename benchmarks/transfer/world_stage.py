"""The first stage: draw the world, write its dumps, vocabulary and questions, and build the corpus with spark_jobs.build."""

import json
import subprocess
import sys
from typing import Any

from rich.console import Console

from benchmarks.transfer import real_names
from benchmarks.transfer.experiment_folders import Layout
from benchmarks.transfer.experiment_settings import ExperimentSettings
from benchmarks.transfer.parallel_jobs import JobFailedError, end_of_log
from benchmarks.transfer.questions import make_questions, task_name
from benchmarks.transfer.vocabulary import save_tokenizer, train_vocabulary
from benchmarks.transfer.world import ENGLISH, World, make_world
from benchmarks.transfer.world_wikis import english_text, foreign_text, make_articles, write_wikis
from spark_jobs.common.atomic_files import write_text_atomically

TOKENIZER = "world"
"""Name of the world's tokenizer in the corpus."""


def draw_world(settings: ExperimentSettings) -> World:
    """Reads the names of cities and answers, and draws the facts."""
    answers = real_names.choose_answers(settings.language, settings.world.answers)
    taken = [word for by_language in answers.values() for words in by_language.values() for word in words]
    source = settings.names
    cities = real_names.choose_city_names(
        settings.language, settings.world.cities, source.min_population, source.locale_dir, taken
    )
    popular = round(settings.first.popular * settings.world.cities)
    return make_world(settings.language, cities, answers, settings.world.seed, popular)


def build_world(layout: Layout, console: Console) -> None:
    """Writes dumps, vocabulary and questions, then builds the corpus. Finished parts are kept.

    Raises:
        JobFailedError: if spark_jobs.build fails; the message names its log.
    """
    settings, folder = layout.settings, layout.world
    if not (folder / "corpus.yaml").is_file():
        world = draw_world(settings)
        english, other = make_articles(world, settings)
        texts = [english_text(world, article) for article in english[0]]
        texts += [foreign_text(world, article) for article in (*english[1], *other)]
        tokenizer = train_vocabulary(texts, settings.vocabulary)
        save_tokenizer(tokenizer, folder / "tokenizer")
        write_wikis(world, english, other, folder / "dumps")
        by_kind = make_questions(world, settings.world.candidates, settings.world.questions, settings.world.seed)
        for kind, items in by_kind.items():
            language = ENGLISH if task_name(kind, "").endswith(ENGLISH) else settings.language
            lines = "".join(f"{json.dumps(item, ensure_ascii=False)}\n" for item in items)
            write_text_atomically(folder / "questions" / "transfer" / f"{kind}_{language}.jsonl", lines)
        # Written last: if this file exists, the others are complete.
        write_text_atomically(folder / "corpus.yaml", json.dumps(_corpus_settings(layout), indent=1))
        console.print(
            f"  {world.cities:,} cities, {sum(map(len, world.facts.values())):,} facts, {tokenizer.get_vocab_size():,} tokens; "
            f"{len(english[0]):,} articles in English, {len(other):,} in {settings.language!r}",
            highlight=False,
        )
    if (layout.corpus / "README.md").is_file():
        console.print(f"  kept: {layout.corpus}", highlight=False, soft_wrap=True)
        return
    log = folder / "build.log"
    with log.open("wb") as out:
        command = [sys.executable, "-m", "spark_jobs.build", "--config", str(folder / "corpus.yaml")]
        code = subprocess.run(command, stdout=out, stderr=subprocess.STDOUT, check=False).returncode
    if code:
        raise JobFailedError(
            f"spark_jobs.build failed with exit code {code}; the output is in {log} and ends with:\n{end_of_log(log)}"
        )


def _corpus_settings(layout: Layout) -> dict[str, Any]:
    """Returns the configuration of spark_jobs.build."""
    return {
        "dumps_dir": str(layout.world / "dumps"),
        "wikis": [f"{ENGLISH}wiki", f"{layout.settings.language}wiki"],
        "output_dir": str(layout.corpus),
        "pivots": [ENGLISH],
        "encode": {"tokenizer": str(layout.world / "tokenizer"), "name": TOKENIZER, "rows_per_row_group": 64},
        "card": {"title": "A made-up world", "note": "Real names, facts drawn at random: for a controlled experiment only."},
        "spark": {"conf": {"spark.sql.shuffle.partitions": "4"}},
    }
