"""Download the files that a build reads: the newest finished dump of each wiki, from Wikimedia or a mirror.

    python -m spark_jobs.download --wikis jawiki,elwiki --set download.contact=you@example.org
    python -m spark_jobs.download --config conf/corpus/llama2-ja.yaml

The configuration is that of a build, so one file serves both. Files are written to `dumps_dir/WIKI/DATE/`, where a build finds
them, with a list for `sha1sum -c`. The newest day whose jobs are all done is chosen, or only the day `date` if it is set; a dump
that is still being written is skipped. After a stop or a failure, the same command resumes and keeps the complete files.

Exit code 0: the dumps of all wikis are complete; 1: some failed, and the table gives the reasons; 2: an error in the
configuration; 130: stopped.
"""

from typing import Annotated

import typer

from spark_jobs.common.command_line import ConfigOption, SetOption, help_texts, new_app, program_name, run_configured
from spark_jobs.config import CorpusSettings
from spark_jobs.stages.download_stage import download_wikis

app = new_app()


@app.command(**help_texts(CorpusSettings, __doc__ or ""))
def run_download_command(
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
