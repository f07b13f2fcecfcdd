"""Configuration of the data engine: one model for all stages, so that one file describes a build."""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.settings import Settings
from spark_jobs.common.wiki_languages import wiki_of_language
from spark_jobs.dumps.remote.mirrors import find_mirror
from spark_jobs.tokens.span_mapping import SpanMapping


def _property_value(value: Any) -> Any:
    """Spark properties are text, but nobody quotes `8` or `true`."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


class SparkSettings(Settings):
    """How Spark runs. `spark-submit` options win over the master given here."""

    master: str | None = None
    """Spark master URL. Default: what spark-submit sets, else local[*]."""
    conf: dict[str, Annotated[str, BeforeValidator(_property_value)]] = Field(default_factory=dict)
    """Further Spark properties, name to value."""


class DownloadSettings(Settings):
    """From where and how dumps are fetched."""

    mirror: str = "wikimedia"
    """A known mirror (wikimedia, accum, c3sl, your.org) or the address of any: the folder with a folder for each wiki."""
    contact: str | None = None
    """An e-mail address or a page about you, sent with every request as Wikimedia's User-Agent policy asks of programs."""
    connections: int | None = Field(None, gt=0)
    """Files at a time. Default, and most: what the mirror allows, which for Wikimedia is 2."""
    optional: bool = True
    """Fetch siteinfo, page, redirect and page_props as well, which a build uses where they are."""
    timeout: float = Field(60.0, gt=0)
    """Seconds after which a silent connection is given up and the rest of the file is asked for again."""
    attempts: int = Field(6, gt=0)
    """How many attempts in a row may bring nothing before a file has failed."""

    @field_validator("mirror")
    @classmethod
    def _is_a_mirror(cls, mirror: str) -> str:
        find_mirror(mirror)
        return mirror

    @field_validator("contact")
    @classmethod
    def _can_be_sent(cls, contact: str | None) -> str | None:
        if contact is not None and not re.fullmatch(r"[!-~]+( [!-~]+)*", contact):
            raise ValueError("an address or a URL of printable ASCII letters only, because it is sent in a header")
        return contact

    @model_validator(mode="after")
    def _is_polite(self) -> "DownloadSettings":
        most = find_mirror(self.mirror).connections
        if self.connections is not None and self.connections > most:
            raise ValueError(f"connections: {self.connections} is more than the {most} at a time that {self.mirror} allows")
        return self


class ExtractSettings(Settings):
    """Wikitext to text and link spans."""

    bytes_per_shard: int = Field(16 * 2**20, gt=0)
    """Compressed bytes of a dump that make one shard and one task; whole streams, at least this many bytes. Of a file that only
    one task can read, twelve times as many bytes of XML."""
    drop_sections: bool = True
    """Leave out sections such as references and external links, by the wiki's own list of headings."""
    tables: Literal["drop", "text"] = "drop"
    """Tables: left out, or kept as text, a row a line with bars between its cells."""
    math: Literal["drop", "latex"] = "drop"
    """Formulas: left out, or kept as their LaTeX source between dollar signs."""
    variants: dict[str, str] = Field(default_factory=dict)
    """Wiki id -> language variant, where a wiki has several: `{zhwiki: zh-tw}`. Default: the first of the wiki's profile."""


class EncodeSettings(Settings):
    """Text to tokens."""

    tokenizer: str
    """A tokenizer.json or a folder with one, a SentencePiece .model file, `package:NAME/PATH` for either inside an
    installed Python package, or a model id on the Hugging Face hub."""
    name: str
    """Name of the tokenizer in paths: `encoded/tokenizer=NAME/`."""
    pivot: str | None = None
    """Language of the names; one of `pivots`. Default: the first of them."""
    span_mapping: SpanMapping = "overlap"
    """How character spans become token spans. `overlap`: every token that overlaps the span by at least one code point.
    `exact`: as the paper's code, which drops a link that does not begin and end where tokens begin. See `spans.py`."""
    rows_per_row_group: int = Field(1024, gt=0)
    """Articles in a row group: what a training job reads at once."""
    characters_per_shard: int = Field(200_000_000, gt=0)
    """Characters of text that make one shard."""

    @field_validator("name")
    @classmethod
    def _is_path_safe(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError("letters, digits, '.', '_' and '-' only, because it becomes part of a path")
        return name


class CardSettings(Settings):
    """What the dataset card (README.md and croissant.json in output_dir) says that the tables do not know."""

    title: str = "Wikipedia with entity names across languages"
    """Heading of the card."""
    repository: str | None = None
    """Where the corpus is published on the Hugging Face hub, `organisation/name`: the card's examples read it from there."""
    url: str | None = None
    """Address of the corpus, for croissant.json."""
    published: date | None = None
    """Day of publication, for croissant.json. Left out, nothing is said: a build gives the same card on every day."""
    note: str | None = None
    """What a reader has to know before anything else; Markdown."""


class DescribeSettings(Settings):
    """What the report of a build shows."""

    articles_per_wiki: int = Field(2, ge=0)
    """Articles to read in each wiki: the beginnings of those with most names."""
    excerpt_characters: int = Field(420, ge=50)
    """Length of each, in code points."""
    rows: int = Field(15, ge=1)
    """How many rows the lists of titles and of reasons have."""


class CorpusSettings(Settings):
    """A build: which dumps, what to make of them, and where it goes."""

    dumps_dir: str = "dumps"
    """Folder with the dump files of all wikis, in any subfolders: `WIKI-DATE-pages-articles….xml`, `WIKI-DATE-langlinks.sql.gz`
    and, where there are, `siteinfo-namespaces.json.gz`, `page.sql.gz`, `redirect.sql.gz`, `page_props.sql.gz` of that day."""
    wikis: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]] = Field(min_length=1)
    """Wiki ids, such as jawiki."""
    output_dir: str = "build/corpus"
    """Folder that gets a subfolder for each table."""
    date: str | None = Field(None, pattern=r"^\d{8}$", coerce_numbers_to_str=True)
    """Day of the dumps, YYYYMMDD. Default: the newest complete one of each wiki."""
    pivots: list[str] = Field(["en"], min_length=1)
    """Languages in which names are wanted, as language codes."""
    mode: Literal["FAILFAST", "PERMISSIVE"] = "FAILFAST"
    """What a bad page or stream does: stop the build of that wiki, or become a row of `rejects`."""
    parallel_wikis: int | None = Field(None, gt=0)
    """How many wikis are worked on at a time, the largest first. Default: one for each core, up to 8."""
    download: DownloadSettings = Field(default_factory=DownloadSettings)
    """From where and how dumps are fetched."""
    extract: ExtractSettings = Field(default_factory=ExtractSettings)
    """Wikitext to text and link spans."""
    encode: EncodeSettings | None = None
    """Text to tokens. Without it a build ends at `augmented`."""
    card: CardSettings = Field(default_factory=CardSettings)
    """What the dataset card says that the tables do not know."""
    describe: DescribeSettings = Field(default_factory=DescribeSettings)
    """What the report of a build shows."""
    spark: SparkSettings = Field(default_factory=SparkSettings)
    """How Spark runs."""

    @field_validator("wikis", "pivots")
    @classmethod
    def _are_distinct(cls, values: list[str]) -> list[str]:
        if len(set(values)) != len(values):
            raise ValueError(f"an entry is given twice: {', '.join(values)}")
        return values

    @field_validator("pivots")
    @classmethod
    def _have_wikipedias(cls, pivots: list[str]) -> list[str]:
        wikis: dict[str, str] = {}
        for pivot in pivots:
            wiki = wiki_of_language(pivot)
            if wiki is None:
                raise ValueError(f"no Wikipedia has the language code {pivot!r}; codes are such as en, ja or zh-yue")
            if wiki in wikis:
                raise ValueError(f"{wikis[wiki]!r} and {pivot!r} are the same language: both mean {wiki}")
            wikis[wiki] = pivot
        return pivots

    @model_validator(mode="after")
    def _variants_are_of_wikis(self) -> "CorpusSettings":
        for wiki in self.extract.variants:
            if wiki not in self.wikis:
                raise ValueError(f"extract.variants names {wiki!r}, which is not among wikis: {', '.join(self.wikis)}")
        return self

    @model_validator(mode="after")
    def _pivot_is_among_pivots(self) -> "CorpusSettings":
        if self.encode is not None and self.pivot not in self.pivots:
            raise ValueError(f"encode.pivot: {self.pivot!r} is not among pivots ({', '.join(self.pivots)})")
        return self

    @property
    def encoding(self) -> EncodeSettings:
        """The section `encode`. Raises `ConfigurationError` where there is none."""
        if self.encode is None:
            raise ConfigurationError("encode: the stage 'encode' needs this section: at least encode.tokenizer and encode.name")
        return self.encode

    @property
    def pivot(self) -> str:
        """Language of the names in `encoded`."""
        return self.encoding.pivot or self.pivots[0]
