"""Settings of the data engine: `CorpusSettings` for a build, so that all its stages read one file, and `RenderSettings`.

The docstring below a field is its reference: `--help` and the documentation print it.
"""

import re
from datetime import date
from typing import Annotated, Any, Literal

from pydantic import BeforeValidator, Field, field_validator, model_validator

from spark_jobs.common.errors import ConfigurationError
from spark_jobs.common.link_sampling import Strategy
from spark_jobs.common.settings import PathText, Settings
from spark_jobs.common.wiki_languages import wiki_of_language
from spark_jobs.dumps.remote.mirrors import find_mirror
from spark_jobs.publishing.json_lines import Compression
from spark_jobs.tokens.span_mapping import SpanMapping


def _property_value(value: Any) -> Any:
    """A Spark property as text: YAML reads an unquoted `8` or `true` as a number or a boolean."""
    return str(value).lower() if isinstance(value, bool) else str(value) if isinstance(value, int | float) else value


class SparkSettings(Settings):
    """The Spark session."""

    master: str | None = None
    """Spark master URL. Options of `spark-submit` override it. Default: the master of spark-submit, else local[*]."""
    conf: dict[str, Annotated[str, BeforeValidator(_property_value)]] = Field(default_factory=dict)
    """Additional Spark properties, name to value."""


class DownloadSettings(Settings):
    """Download of dumps."""

    mirror: str = "wikimedia"
    """Source of the dumps: a known mirror (wikimedia, accum, c3sl, your.org), or the address of the folder that holds one folder
    for each wiki."""
    contact: str | None = None
    """E-mail address or web page of the user. Sent with every request, as Wikimedia's User-Agent policy
    asks of programs."""
    connections: int | None = Field(None, gt=0)
    """Files to download at a time. Maximum and default: the limit of the mirror, which is 2 for Wikimedia."""
    optional: bool = True
    """Also download the optional files siteinfo, page, redirect and page_props. A build uses them where they exist."""
    timeout: float = Field(60.0, gt=0)
    """Seconds without data after which a connection is closed, and in which it must bring 1 KiB a second. The rest of the file is
    then requested again."""
    attempts: int = Field(6, gt=0)
    """Consecutive attempts without progress before the download of a file fails."""

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
    """Stage `extract`: wikitext to text and link spans."""

    bytes_per_shard: int = Field(16 * 2**20, gt=0)
    """Minimum compressed bytes of a dump for each shard and task; a shard holds whole bz2 streams. A file that only one task can
    read is cut into shards of twelve times as many bytes of XML."""
    drop_sections: bool = True
    """Leave out sections such as references and external links. The wiki's profile lists their headings."""
    tables: Literal["drop", "text"] = "drop"
    """Tables: `drop` leaves them out; `text` writes each row as a line, with bars between the cells."""
    math: Literal["drop", "latex"] = "drop"
    """Formulas: `drop` leaves them out; `latex` writes their LaTeX source between dollar signs."""
    variants: dict[str, str] = Field(default_factory=dict)
    """Wiki id to language variant, for wikis that have several: `{zhwiki: zh-tw}`. Default: the first variant of the wiki's
    profile."""


class EncodeSettings(Settings):
    """Stage `encode`: text to tokens."""

    tokenizer: PathText
    """The tokenizer: a tokenizer.json, a folder that holds one, a SentencePiece .model file, `package:NAME/PATH` for either
    inside an installed Python package, or a model id on the Hugging Face hub."""
    name: str
    """Name of the tokenizer in paths: `encoded/tokenizer=NAME/`."""
    pivot: str | None = None
    """Language of the names; one of `pivots`. Default: the first of them."""
    span_mapping: SpanMapping = "overlap"
    """Rule that maps character spans to token spans. `overlap`: all tokens that overlap the span by at least one code point.
    `exact`: the rule of the paper's code, which drops a link unless it begins and ends where tokens begin. See
    `tokens/span_mapping.py`."""
    rows_per_row_group: int = Field(1024, gt=0)
    """Articles in a Parquet row group, the unit that a training job reads."""
    characters_per_shard: int = Field(200_000_000, gt=0)
    """Code points of text in a shard."""

    @field_validator("name")
    @classmethod
    def _is_path_safe(cls, name: str) -> str:
        if not re.fullmatch(r"[A-Za-z0-9][A-Za-z0-9._-]*", name):
            raise ValueError("letters, digits, '.', '_' and '-' only, because it becomes part of a path")
        return name


class CardSettings(Settings):
    """Text of the dataset card (README.md and croissant.json in output_dir) that cannot be read from the tables."""

    title: str = "Wikipedia with entity names across languages"
    """Heading of the card."""
    repository: str | None = None
    """Repository of the corpus on the Hugging Face hub, `organisation/name`. The examples of the card read it from there."""
    url: str | None = None
    """Address of the corpus, for croissant.json."""
    published: date | None = None
    """Day of publication, for croissant.json. Default: left out, so that a build writes the same card on every day."""
    note: str | None = None
    """Note for readers at the top of the card, in Markdown."""


class DescribeSettings(Settings):
    """The build report that `spark_jobs.describe` writes."""

    articles_per_wiki: int = Field(2, ge=0)
    """Excerpts for each wiki: the beginnings of the articles with most names."""
    excerpt_characters: int = Field(420, ge=50)
    """Length of an excerpt in code points."""
    rows: int = Field(15, ge=1)
    """Rows in the lists of titles and of reject reasons."""


class CorpusSettings(Settings):
    """A build: its dumps, its stages and its output."""

    dumps_dir: PathText = "dumps"
    """Folder with the dump files of all wikis, in any subfolders: `WIKI-DATE-pages-articles….xml`, `WIKI-DATE-langlinks.sql.gz`
    and, optionally, `siteinfo-namespaces.json.gz`, `page.sql.gz`, `redirect.sql.gz`, `page_props.sql.gz` of that day."""
    wikis: list[Annotated[str, Field(pattern=r"^[a-z][a-z0-9_]*$")]] = Field(min_length=1)
    """Wiki ids, such as jawiki."""
    output_dir: PathText = "build/corpus"
    """Folder for the tables, one subfolder for each."""
    date: str | None = Field(None, pattern=r"^[0-9]{8}$", coerce_numbers_to_str=True)
    """Day of the dumps, YYYYMMDD. Default: the newest complete one of each wiki."""
    pivots: list[str] = Field(["en"], min_length=1)
    """Languages of the names, as language codes."""
    mode: Literal["FAILFAST", "PERMISSIVE"] = "FAILFAST"
    """Handling of a bad page or stream: `FAILFAST` stops the build of that wiki; `PERMISSIVE` writes it to `rejects`."""
    parallel_wikis: int | None = Field(None, gt=0)
    """Wikis to process at a time, the largest first. Default: one for each core, up to 8."""
    download: DownloadSettings = Field(default_factory=DownloadSettings)
    """Download of dumps."""
    extract: ExtractSettings = Field(default_factory=ExtractSettings)
    """Stage `extract`: wikitext to text and link spans."""
    encode: EncodeSettings | None = None
    """Stage `encode`: text to tokens. Without this section a build ends at `augmented`."""
    card: CardSettings = Field(default_factory=CardSettings)
    """Text of the dataset card that cannot be read from the tables."""
    describe: DescribeSettings = Field(default_factory=DescribeSettings)
    """The build report."""
    spark: SparkSettings = Field(default_factory=SparkSettings)
    """The Spark session."""

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
        """The section `encode`. Raises `ConfigurationError` if it is missing."""
        if self.encode is None:
            raise ConfigurationError("encode: the stage 'encode' needs this section: at least encode.tokenizer and encode.name")
        return self.encode

    @property
    def pivot(self) -> str:
        """Language of the names in `encoded`."""
        return self.encoding.pivot or self.pivots[0]


class RenderRule(Settings):
    """The settings that the text of a rendered article depends on: which links get their name, and where it goes."""

    pivot: str = "en"
    """Language of the names; one of the pivots of the corpus."""
    strategy: Strategy = "right"
    """Position of a name: `left` or `right` of the link's text, `replace` for in its place, `none` for no names."""
    probability: float = Field(0.5, ge=0, le=1)
    """Share of links that get their name."""
    tags: tuple[str, str] | None = ("<translate>", "</translate>")
    """Text before and after a name; null for none. `[" (", ")"]` with strategy right gives text (name)."""
    seed: int = Field(42, ge=0, lt=2**63)
    """Seed of the choice of links. The seed of a training run gives the links of that run."""
    epoch: int = Field(0, ge=0)
    """Pass over the data, from 0. A training run chooses links anew in each pass."""


class RenderSettings(RenderRule):
    """A rendering: its corpus, its text and its output."""

    corpus: PathText
    """Folder or address of the corpus: the output_dir of its build."""
    output_dir: PathText
    """Folder for the table `rendered` and its card."""
    wikis: list[str] | None = None
    """Wikis to render. Default: all wikis of the corpus."""
    format: Literal["parquet", "jsonl"] = "parquet"
    """File format: Parquet, or JSON lines with one object for each article."""
    compression: Compression = "gzip"
    """Compression of JSON lines: gzip, which every reader supports; zstd, which `datasets` reads if zstandard is installed; none.
    Parquet is always compressed with zstd."""
    card: CardSettings = Field(default_factory=lambda: CardSettings(title="Wikipedia with entity names in the text"))
    """Text of the dataset card that cannot be read from the table."""
    spark: SparkSettings = Field(default_factory=SparkSettings)
    """The Spark session."""

    @field_validator("wikis")
    @classmethod
    def _are_distinct(cls, wikis: list[str] | None) -> list[str] | None:
        if wikis is not None and (not wikis or len(set(wikis)) != len(wikis)):
            raise ValueError("names each wiki once, and at least one; leave it out for all of the corpus")
        return wikis

    @property
    def rule(self) -> RenderRule:
        """The settings that the text depends on."""
        return RenderRule(**{name: getattr(self, name) for name in RenderRule.model_fields})
