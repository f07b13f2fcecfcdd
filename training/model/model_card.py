"""The model card of a trained model: README.md with the head that the Hugging Face hub reads, from the figures of the run.

It leaves out time, place and speed: the same run on another machine gets the same card except for versions and ranks.
"""

from collections.abc import Mapping, Sequence
from pathlib import Path

from spark_jobs.common.page_templates import render_markdown
from spark_jobs.common.wiki_languages import language_tag
from training.config import InsertionSettings, TrainSettings
from training.model.translation_tags import CLOSING_TAG, OPENING_TAG

_PLACES = {"left": "before it", "right": "after it", "replace": "in its place"}


def model_card(settings: TrainSettings, run: Mapping[str, object], tags: Sequence[int], kept: bool = False) -> str:
    """The card as Markdown.

    Args:
        settings: the run's configuration.
        run: the content of `run.json`.
        tags: ids of the opening and the closing tag; empty for a run without tags.
        kept: whether the other parts of the base checkpoint are in the exported model.
    """
    return render_markdown(
        "training.model",
        "model_card.md",
        {"count": "{:,}".format},
        head=f"{model_card_head(settings)}\n",
        title=f"{base_model_name(settings.model.path)} on {', '.join(settings.data.wikis)}",
        base=f"`{base_model_name(settings.model.path)}`",
        wikis=settings.data.wikis,
        insertion=describe_insertion(settings.insertion, settings.data.pivot),
        lora=settings.model.lora,
        has_other_parts=settings.model.other_parts is not None,
        kept=kept,
        tags=dict(zip(tags, (OPENING_TAG, CLOSING_TAG), strict=False)),
        run=run,
        configuration=settings.to_yaml(),
    )


def model_card_head(settings: TrainSettings) -> str:
    """The YAML head, the metadata of the hub. A base model on a local disk does not have an id there, so it is left out."""
    from huggingface_hub import ModelCardData

    path = settings.model.path
    local = Path(path).is_dir()
    tags = language_tags(settings.data.wikis)
    return ModelCardData(
        language=sorted({tag.partition("-")[0] for tag in tags}) or None,
        base_model=None if local else path,
        library_name="transformers",
        pipeline_tag="text-generation",
        tags=["leia", "wikipedia", "cross-lingual"],
        # The hub accepts only the licences of its list, and this one is the base model's, whichever that is.
        license="other",
        license_name="license-of-the-base-model",
        license_link=None if local else f"https://huggingface.co/{path}",
        language_bcp47=[tag for tag in tags if "-" in tag] or None,
    ).to_yaml()


def base_model_name(path: str) -> str:
    """The base model's name for display: its hub id, or the name of its folder without the path.

    >>> base_model_name("meta-llama/Llama-2-7b-hf")
    'meta-llama/Llama-2-7b-hf'
    """
    return Path(path).resolve().name if Path(path).is_dir() else path


def language_tags(wikis: tuple[str, ...]) -> list[str]:
    """BCP 47 tags of the wikis' languages, sorted; a wiki with another kind of name is left out.

    >>> language_tags(("jawiki", "zh_yuewiki", "corpus_a"))
    ['ja', 'yue']
    """
    found = set()
    for wiki in wikis:
        try:
            found.add(language_tag(wiki))
        except ValueError:
            continue
    return sorted(found)


def describe_insertion(insertion: InsertionSettings, pivot: str) -> str | None:
    """How names were inserted into the text, to follow "articles in which"; None where none were.

    >>> describe_insertion(InsertionSettings(), "en")
    'a link has the name of its entity in `en` after it with probability 0.5, between tags'
    """
    if insertion.strategy == "none":
        return None
    around = ", between tags" if insertion.tags else ", without tags"
    unpredicted = "" if insertion.predict_names else "; the loss does not count the names"
    return (
        f"a link has the name of its entity in `{pivot}` {_PLACES[insertion.strategy]} with probability "
        f"{insertion.probability:g}{around}{unpredicted}"
    )
