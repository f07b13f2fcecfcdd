"""Evaluation tasks for lm-eval, as data: `lm-eval run --include_path eval/tasks --tasks xcodah_ja ...` knows them too."""
