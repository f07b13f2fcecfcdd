#!/usr/bin/env bash
# The main job on embedded defaults, as a person would type it. `make demo` calls it with the virtual environment on PATH.
set -euo pipefail
cd "$(dirname "$0")"

step=0
run() { # run WHAT COMMAND...
  local what=$1; shift
  step=$((step + 1))
  printf '\n\033[1m[%d/7] %s\033[0m\n\033[2m$ %s\033[0m\n' "$step" "$what" "$*"
  "$@"
}

# The corpus is kept: its stages know whether they are up to date.
rm -rf build/demo/base build/demo/run build/demo/eval
run 'wikis to Parquet with English names, to tokens (Spark)' python -m spark_jobs.build --config conf/corpus/demo.yaml
run 'a tiny Llama, untrained, with the corpus'\''s tokenizer' python -m training.tiny --config conf/train/tiny_model.yaml
run 'evaluation before' python -m eval.run --config conf/eval/demo.yaml --set model=build/demo/base --set output_dir=build/demo/eval/before
# On the CPU, whatever else the machine has: the demonstration is the same everywhere.
run 'training on two ranks (DeepSpeed ZeRO)' env DS_ACCELERATOR=cpu deepspeed --num_accelerators 2 training/train.py --config conf/train/tiny.yaml
run 'evaluation after' python -m eval.run --config conf/eval/demo.yaml
run 'before against after, item by item' python -m eval.compare build/demo/eval/before build/demo/eval/after --output build/demo/compare
run 'what was built' python -m eval.summary --config conf/eval/summary.yaml
