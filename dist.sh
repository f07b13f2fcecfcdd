#!/usr/bin/env bash
# What travels to a cluster: our code as a zip for --py-files, and the Python libraries of its workers as an archive for --archives.
#
#     ./dist.sh               build/dist/leia.zip
#     ./dist.sh environment   build/dist/environment.tar.gz as well (a few minutes, about 150 MB)
set -euo pipefail
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}
DIST=${DIST:-build/dist}
mkdir -p "$DIST"

# The same files give the same bytes: sorted, without times. Tests compare what it holds with what is checked out.
"$PYTHON" - "$DIST/leia.zip" <<'PY'
import sys
import zipfile
from pathlib import Path

with zipfile.ZipFile(sys.argv[1], "w", zipfile.ZIP_DEFLATED) as archive:
    for file in sorted(Path("spark_jobs").rglob("*")):
        if file.is_file() and "__pycache__" not in file.parts:
            archive.writestr(zipfile.ZipInfo(file.as_posix()), file.read_bytes(), zipfile.ZIP_DEFLATED)
PY
printf '%s: for spark-submit --py-files\n' "$DIST/leia.zip"
[ "${1:-}" = environment ] || exit 0

# venv-pack leaves the interpreter out: workers need the same Python at the same path. docs/how-to/run-on-a-cluster.md has the way with conda-pack.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m venv "$work/environment"
cp -r pyproject.toml README.md LICENSE spark_jobs training eval "$work"  # a build in place would leave its own files here
"$work/environment/bin/pip" install -q "${work}[worker]" 'venv-pack>=0.2,<0.3'
"$work/environment/bin/pip" uninstall -q -y leia-at-scale  # our code travels as the zip
rm -f "$DIST/environment.tar.gz"
"$work/environment/bin/venv-pack" -q -p "$work/environment" -o "$DIST/environment.tar.gz"
printf '%s: for spark-submit --archives %s#environment\n' "$DIST/environment.tar.gz" "$DIST/environment.tar.gz"
