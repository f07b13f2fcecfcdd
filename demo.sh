#!/usr/bin/env bash
# Run the whole pipeline on the sample wikis. `make demo` calls it with the virtual environment on PATH.
set -euo pipefail
cd "$(dirname "$0")"

step=0
run() { # run WHAT COMMAND...
  local what=$1; shift
  step=$((step + 1))
  printf '\n\033[1m[%d/7] %s\033[0m\n\033[2m$ %s\033[0m\n' "$step" "$what" "$*"
  "$@"
}

# Keep the corpus: finished stages do not run again.
rm -rf build/demo/base build/demo/run build/demo/eval
run 'build the corpus: wikis to Parquet with English names, then tokens (Spark)' python -m spark_jobs.build --config conf/corpus/demo.yaml
run 'create an untrained tiny Llama with the tokenizer of the corpus' python -m training.tiny --config conf/train/tiny_model.yaml
run 'evaluate before training' python -m eval.run --config conf/eval/demo.yaml --set model=build/demo/base --set output_dir=build/demo/eval/before
# Always on the CPU, so that every machine gives the same figures.
run 'train on two ranks (DeepSpeed ZeRO)' env DS_ACCELERATOR=cpu deepspeed --num_accelerators 2 training/train.py --config conf/train/tiny.yaml
run 'evaluate after training' python -m eval.run --config conf/eval/demo.yaml
run 'compare before and after, item by item' python -m eval.compare build/demo/eval/before build/demo/eval/after --output build/demo/compare
run 'summarize the results' python -m eval.summary --config conf/eval/summary.yaml
