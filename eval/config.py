"""The settings of eval.run, eval.summary and eval.cities."""

from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, field_validator

from spark_jobs.common.settings import Settings

FewshotCount = Annotated[int, Field(ge=0)]


class EvalSettings(Settings):
    """One model on many tasks."""

    model: Path
    """Directory of the model, as training or `save_pretrained` writes it: config.json, safetensors and the tokenizer."""
    tasks: list[str] = Field(min_length=1)
    """Task names (`xcodah_ja`), tags (`xcodah`: all its languages) or patterns (`*_ja`)."""
    languages: list[str] | None = Field(None, min_length=1)
    """Languages to keep of tags and patterns (`[ja, es]`). Null: all of them."""
    num_fewshot: FewshotCount | list[FewshotCount] | None = None
    """Solved examples in front of each question; each of several counts (`[0, 4]`) gives a separate result, `xcsqa_ja@4`.
    Null: the count in the task's file, else 0. X-CODAH has none by definition."""
    data_dir: Path | None = None
    """Local data in the published layout (`DIR/xcsr/X-CODAH/jap/dev.jsonl`). Null: read the sources that the task files name."""
    data_lock: Path | None = Path("build/eval-data.sha256")
    """Text file with the sha256 of published data whose hash the tasks do not know: written at the first reading; data that
    differ later are refused. Null: no check. Local data in `data_dir` are not checked."""
    output_dir: Path
    """Where results.json, results.md, samples/ and config.yaml are written."""
    batch_size: int | Literal["auto"] = 16
    """Candidates scored at once, on each rank; `auto` is 64 on the CPU and 128 on CUDA. A batch that does not fit is halved."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; `auto` takes CUDA if available."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the weights; `auto` keeps the format of the saved model."""
    limit: int | None = Field(None, ge=1)
    """Score only this many items of each task, from the first: for a trial, not for figures."""
    seed: int = 42
    """Draws the few-shot examples."""
    reported: str | None = None
    """Model of eval/results/published_scores.yaml whose published scores to show beside reference scores: `swallow-7b`."""
    trust_remote_code: bool = False
    """Run the Python in the model directory. Only for a model whose code you have read."""

    @field_validator("batch_size")
    @classmethod
    def _is_positive(cls, batch_size: int | str) -> int | str:
        if isinstance(batch_size, int) and batch_size < 1:
            raise ValueError("a batch holds at least one candidate; set 1 or more, or auto")
        return batch_size

    @field_validator("num_fewshot")
    @classmethod
    def _names_each_count_once(cls, counts: int | list[int] | None) -> int | list[int] | None:
        if isinstance(counts, list) and (not counts or len(set(counts)) < len(counts)):
            raise ValueError("a list of counts must not be empty or repeat a count")
        return counts


class SummarySettings(Settings):
    """The folders that the summary of a demonstration reads, and the page that it writes."""

    corpus: Path
    """Folder of the tables that spark_jobs.build wrote."""
    run: Path
    """Output folder of the training run: metrics.jsonl, run.json, model/."""
    before: Path
    """Output folder of the evaluation before training."""
    after: Path
    """Output folder of the evaluation after training."""
    output: Path
    """The HTML page to write."""
    title: str = "LEIA at Wikipedia scale"
    """Heading of the page."""
    pivot: str = "en"
    """Language of the names to count and to show."""
    pivot_label: str = "English"
    """Name of that language on the page."""
    articles_per_wiki: int = Field(2, ge=0)
    """Excerpts shown of each wiki: of the articles with most names."""
    excerpt_characters: int = Field(420, ge=50)
    """Length of an excerpt, in code points."""
    note: str | None = None
    """A note to the reader in front of the scores."""
    commands: list[str] = Field(default_factory=list)
    """Commands that reproduce the results, shown at the end of the page."""


class CitySettings(Settings):
    """The facts about cities to write."""

    languages: list[str] = Field(min_length=2)
    """Language codes, `en` among them. Each has a task `cities_<language>`."""
    locale_dir: Path = Path("/usr/share/locale")
    """Locale folder of Debian's package libgeonames-common: `<language>/LC_MESSAGES/geonames.mo` is below it."""
    output_dir: Path
    """`data_dir` of the evaluation: the files are `cities/<language>.jsonl` below it."""
    cities: int = Field(600, ge=1)
    """Number of cities: drawn by hash from all that have a name in every language, so that small ones are among them."""
    candidates: int = Field(8, ge=2)
    """Countries to choose from, the right one among them."""
    min_population: int = Field(50_000, ge=0)
    """Smaller cities are left out."""
    seed: int = 42
    """Draws cities and wrong candidates."""
