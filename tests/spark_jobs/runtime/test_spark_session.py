"""Properties given to spark-submit have precedence over the engine's defaults."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

SCRIPT = """
from spark_jobs.config import SparkSettings
from spark_jobs.runtime.spark_session import start_session

session = start_session(SparkSettings(master="local[2]", conf={"spark.sql.session.timeZone": "Asia/Tokyo"}), "x")
conf = session.sparkContext.getConf()
names = ["spark.master", "spark.sql.shuffle.partitions", "spark.sql.session.timeZone", "spark.speculation"]
print("found:", *[conf.get(name) for name in names])
session.stop()
"""


def test_spark_submit_decides_the_master_and_the_code_is_read_from_a_zip(repository: Path, tmp_path: Path) -> None:
    archive = tmp_path / "spark_jobs.zip"
    with zipfile.ZipFile(archive, "w") as target:
        for file in sorted((repository / "spark_jobs").rglob("*")):
            if file.is_file() and "__pycache__" not in file.parts:
                target.write(file, file.relative_to(repository))
    (tmp_path / "script.py").write_text(SCRIPT)
    submit = [str(Path(sys.executable).with_name("spark-submit")), "--master", "local[1]", "--py-files", str(archive)]
    submit += ["--conf", "spark.sql.shuffle.partitions=7", "script.py"]
    environment = {**os.environ, "PYSPARK_PYTHON": sys.executable, "SPARK_LOCAL_IP": "127.0.0.1"}
    result = subprocess.run(submit, capture_output=True, text=True, cwd=tmp_path, env=environment, check=False)
    assert result.returncode == 0, result.stderr
    assert "found: local[1] 7 Asia/Tokyo false" in result.stdout
