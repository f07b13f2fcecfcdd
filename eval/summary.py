"""Sum up a demonstration: `python -m eval.summary --config conf/eval/summary.yaml`.

The end of `make demo`: a table on the console and one self-contained HTML page.
"""

from eval.config import SummarySettings
from eval.report.summary_report import write_summary
from spark_jobs.common.command_line import command

if __name__ == "__main__":
    command(
        SummarySettings, write_summary, "Sum up a corpus, a training run and its evaluations: a console table and an HTML page."
    )
