"""Fetch what a build reads: the newest finished dump of each wiki, from Wikimedia or a mirror.

    python -m spark_jobs.download --wikis jawiki,elwiki --set download.contact=you@example.org
    python -m spark_jobs.download --config conf/corpus/llama2-ja.yaml

The same configuration as of a build, so that one file says both. Files lie in `dumps_dir/WIKI/DATE/`, where a build finds them,
with a list that `sha1sum -c` reads. A dump that is still being written is not taken: it is the newest day whose jobs are all
done, or with `date` that day or none. Stopped or failed, the same command goes on where it was; what is there whole stays.

Exit code 0: all wikis are there; 1: some are not, and the table says which and why; 2: a mistake in the configuration.
"""

from typing import Annotated

import typer

from spark_jobs.common.command_line import ConfigOption, SetOption, help_texts, new_app, program_name, run_configured
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.download_stage import download_wikis

app = new_app()


@app.command(**help_texts(CorpusSettings, __doc__ or ""))
def entry(
    config: ConfigOption | None = None,
    wikis: Annotated[
        str | None, typer.Option("--wikis", metavar="WIKI,WIKI", help="Wiki ids; instead of those of the configuration.")
    ] = None,
    set_: SetOption = None,
) -> None:
    """Read the options; see `spark_jobs.common.command_line.command`."""
    chosen = [] if wikis is None else [f"wikis=[{wikis}]"]
    run_configured(CorpusSettings, download_wikis, config, [*(set_ or ()), *chosen])


if __name__ == "__main__":
    app(prog_name=program_name())
