"""What an evaluation run can be told."""

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
    """Keep only these languages of tags and patterns (`[ja, es]`). Null: all of them."""
    num_fewshot: FewshotCount | list[FewshotCount] | None = None
    """Solved examples in front of each question; of several counts (`[0, 4]`) each is a result of its own, `xcsqa_ja@4`.
    Null: what the task says, else 0. X-CODAH has none by definition."""
    data_dir: Path | None = None
    """Local data in the published layout (`DIR/xcsr/X-CODAH/jap/dev.jsonl`). Null: from where the task files say they are."""
    data_lock: Path | None = Path("build/eval-data.sha256")
    """Text file with the sha256 of published data whose hash the tasks do not know: written when they are first read, and data
    that differ from it later are refused. Null: they are taken as they come. Local data in `data_dir` are not concerned."""
    output_dir: Path
    """Where results.json, results.md, samples/ and config.yaml are written."""
    batch_size: int | Literal["auto"] = 16
    """Candidates scored at once, on each rank; `auto` is 64 on the CPU and 128 on CUDA. What does not fit is halved."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; `auto` takes CUDA if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the weights; `auto` takes the one the model was saved in."""
    limit: int | None = Field(None, ge=1)
    """Score only the first so many items of each task: for a trial, not for figures."""
    seed: int = 42
    """Draws the few-shot examples."""
    reported: str | None = None
    """Name of published figures (eval/results/published_scores.yaml) to show beside reference scores: `swallow-7b`."""
    trust_remote_code: bool = False
    """Run the model directory's own Python. Only for a model whose code was read."""

    @field_validator("batch_size")
    @classmethod
    def _is_positive(cls, batch_size: int | str) -> int | str:
        if isinstance(batch_size, int) and batch_size < 1:
            raise ValueError("a batch holds at least one candidate; give 1 or more, or auto")
        return batch_size

    @field_validator("num_fewshot")
    @classmethod
    def _names_each_count_once(cls, counts: int | list[int] | None) -> int | list[int] | None:
        if isinstance(counts, list) and (not counts or len(set(counts)) < len(counts)):
            raise ValueError("a list names at least one count, and each once")
        return counts
