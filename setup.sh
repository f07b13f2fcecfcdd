#!/usr/bin/env bash
# Find or install Python >= 3.11.5, Java >= 17 (for Spark), a C++ compiler (for DeepSpeed's ops) and a virtual environment with
# all dependencies. `make setup` runs it. It prints each step, and the command to run where it cannot install something itself.
#
# CONSTRAINTS names the file of versions; CONSTRAINTS=/dev/null installs the newest releases within the bounds of pyproject.toml
# (except torch).
set -euo pipefail
cd "$(dirname "$0")"
PYTHON=${PYTHON:-python3}
VENV=${VENV:-.venv}
CONSTRAINTS=${CONSTRAINTS:-constraints.txt}
TORCH=$(sed -n 's/^torch==//p' constraints.txt)

say() { printf '\033[1m==> %s\033[0m\n' "$*"; }
fail() { printf '\033[31merror:\033[0m %s\n' "$*" >&2; exit 1; }

as_root_with_apt() { [ "$(id -u)" = 0 ] && command -v apt-get >/dev/null; }

updated=
apt_update() { # once, as root with apt only
  [ -z "$updated" ] && as_root_with_apt && { apt-get update -q >/dev/null || true; }
  updated=yes
}

# apt_install WHY PACKAGE...: install as root, else print the command to run.
apt_install() {
  local why=$1; shift
  if as_root_with_apt; then
    say "installing $* ($why)"
    DEBIAN_FRONTEND=noninteractive apt-get install -y -q --no-install-recommends "$@" >/dev/null ||
      fail "$why: 'apt-get install $*' failed. Install it and run make again"
  elif command -v apt-get >/dev/null; then
    fail "$why. Run  sudo apt-get install -y $*   and run make again"
  else
    fail "$why. Install it with your package manager (on Debian: $*) and run make again"
  fi
}

java_major() { # the major version of a java command, 0 if the command does not exist
  local version
  version=$("$1" -version 2>&1 | sed -n 's/.*version "\([0-9]*\).*/\1/p' | head -n 1) || true
  echo "${version:-0}"
}

need_java() {
  if [ -n "${JAVA_HOME:-}" ]; then # Spark uses it before the java on PATH
    [ "$(java_major "$JAVA_HOME/bin/java")" -ge 17 ] && return
    fail "Spark would use JAVA_HOME=$JAVA_HOME, which does not hold Java 17 or newer. Unset it or point it to a newer Java"
  fi
  [ "$(java_major java)" -ge 17 ] && return
  local package chosen=openjdk-17-jre-headless
  apt_update
  for package in openjdk-17-jre-headless openjdk-21-jre-headless default-jre-headless; do
    if command -v apt-cache >/dev/null && apt-cache show "$package" >/dev/null 2>&1; then chosen=$package; break; fi
  done
  apt_install "Spark needs Java 17 or newer, which was not found" "$chosen"
}

need_compiler() {
  local headers missing=()
  headers=$("$PYTHON" -c 'import sysconfig; print(sysconfig.get_path("include") + "/Python.h")')
  command -v g++ >/dev/null || command -v c++ >/dev/null || missing+=(g++)
  [ -f "$headers" ] || missing+=("$(python_package dev)")
  [ ${#missing[@]} = 0 ] && return
  apt_update
  apt_install "DeepSpeed compiles its ops and needs a C++ compiler and Python's headers" "${missing[@]}"
}

python_package() { # the Debian package for $PYTHON, such as python3.12-dev
  "$PYTHON" -c "import sys; print('python%d.%d-$1' % sys.version_info[:2])"
}

need_python() {
  if ! command -v "$PYTHON" >/dev/null; then
    apt_update
    apt_install "Python 3.11.5 or newer is needed, and $PYTHON was not found" python3 python3-venv
  fi
  # Python 3.11.0 to 3.11.4 (Debian 12 has 3.11.2) have a bug in regular expressions; see spark_jobs/__init__.py.
  "$PYTHON" -c 'import sys; sys.exit(sys.version_info < (3, 11, 5))' ||
    fail "$PYTHON is $("$PYTHON" --version 2>&1), but 3.11.5 or newer is needed. Run make PYTHON=/path/to/python3.12"
  "$PYTHON" -c 'import ensurepip, venv' 2>/dev/null && return
  apt_update
  apt_install "Python's venv module is missing" "$(python_package venv)"
}

install_torch() {
  "$VENV/bin/python" -c 'import torch' 2>/dev/null && return
  if [ -e /dev/nvidia0 ] || command -v nvidia-smi >/dev/null; then
    say "installing torch $TORCH with CUDA (found an NVIDIA device)"
    "$VENV/bin/pip" install -q -c "$CONSTRAINTS" "torch==$TORCH"
  # The CPU build from pip's configured sources if they have it, else from PyTorch's wheels, which uv can find.
  elif "$VENV/bin/pip" install -q -c "$CONSTRAINTS" "torch==$TORCH+cpu" 2>/dev/null; then
    say "installed torch $TORCH for the CPU"
  else
    say "installing torch $TORCH for the CPU"
    "$VENV/bin/pip" install -q uv
    "$VENV/bin/uv" pip install -q --python "$VENV/bin/python" --torch-backend cpu -c "$CONSTRAINTS" "torch==$TORCH" ||
      fail "could not install a CPU build of torch $TORCH. Run $VENV/bin/pip install torch==$TORCH and run make again"
  fi
}

need_python
need_java
need_compiler
[ -x "$VENV/bin/pip" ] || { say "creating the virtual environment $VENV"; "$PYTHON" -m venv "$VENV"; }
install_torch
say "installing the project and its dependencies (about three minutes; pip builds pyspark from source)"
"$VENV/bin/pip" install -q -c "$CONSTRAINTS" -e '.[dev]'
"$VENV/bin/pip" check
