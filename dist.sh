#!/usr/bin/env bash
# Pack the code as a zip for spark-submit --py-files, and the workers' Python libraries as an archive for --archives.
#
#     ./dist.sh               build/dist/leia.zip
#     ./dist.sh environment   build/dist/environment.tar.gz as well (a few minutes, about 150 MB)
set -euo pipefail
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}
DIST=${DIST:-build/dist}
mkdir -p "$DIST"

# Reproducible: files are sorted and have no timestamps. Tests compare the zip with the checkout.
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

# venv-pack leaves the interpreter out, so workers need the same Python at the same path. For conda-pack, see docs/how-to/run-on-a-cluster.md.
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
"$PYTHON" -m venv "$work/environment"
cp -r pyproject.toml README.md LICENSE spark_jobs training eval "$work"  # a build in the checkout would leave files there
"$work/environment/bin/pip" install -q "${work}[worker]" 'venv-pack>=0.2,<0.3'
"$work/environment/bin/pip" uninstall -q -y leia-at-scale  # the code comes from the zip
rm -f "$DIST/environment.tar.gz"
"$work/environment/bin/venv-pack" -q -p "$work/environment" -o "$DIST/environment.tar.gz"
printf '%s: for spark-submit --archives %s#environment\n' "$DIST/environment.tar.gz" "$DIST/environment.tar.gz"
