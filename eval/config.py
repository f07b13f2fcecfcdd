"""What an evaluation run can be told."""

from pathlib import Path
from typing import Literal

from pydantic import Field, field_validator

from spark_jobs.settings import Settings


class EvalSettings(Settings):
    """One model on many tasks."""

    model: Path
    """Directory of the model, as training or `save_pretrained` writes it: config.json, safetensors and the tokenizer."""
    tasks: list[str] = Field(min_length=1)
    """Task names (`xcodah_ja`), tags (`xcodah`: all its languages) or patterns (`*_ja`)."""
    languages: list[str] | None = Field(None, min_length=1)
    """Keep only these languages of tags and patterns (`[ja, es]`). Null: all of them."""
    num_fewshot: int | None = Field(None, ge=0)
    """Solved examples in front of each question. Null: what the task says, else 0. X-CODAH has none by definition."""
    data_dir: Path | None = None
    """Local data in the published layout (`DIR/X-CODAH/jap/dev.jsonl`). Null: from the hub, at the revision in the task files."""
    output_dir: Path
    """Where results.json, results.md, samples/ and config.yaml are written."""
    batch_size: int | Literal["auto"] = 16
    """Candidates scored at once; `auto` finds the largest number that fits the device."""
    device: Literal["auto", "cpu", "cuda"] = "auto"
    """Where the model runs; `auto` takes CUDA if there is one."""
    dtype: Literal["auto", "float32", "bfloat16", "float16"] = "auto"
    """Number format of the weights; `auto` takes the one the model was saved in."""
    limit: int | None = Field(None, ge=1)
    """Score only the first so many items of each task: for a trial, not for figures."""
    seed: int = 42
    """Draws the few-shot examples."""

    @field_validator("batch_size")
    @classmethod
    def _is_positive(cls, batch_size: int | str) -> int | str:
        if isinstance(batch_size, int) and batch_size < 1:
            raise ValueError("a batch holds at least one candidate; give 1 or more, or auto")
        return batch_size
