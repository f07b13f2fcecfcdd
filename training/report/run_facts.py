"""The facts about a run on its page: model, corpus, fingerprints, batch, hardware."""

from training.report.run_files import RunFiles


def facts_of_run(run: RunFiles) -> list[tuple[str, str]]:
    """Terms and their values; unknown ones are left out."""
    found, setting = run.facts, run.setting
    parameters = found.get("parameters")
    tokenizer = (found.get("tokenizer") or {}).get("name") or setting("data.tokenizer")
    length, batch = setting("stream.sequence_length"), setting("global_batch_size")
    lora = setting("model.lora")
    values = {
        "model": _join(
            setting("model.path"), parameters and f"{parameters:,} parameters", lora and f"LoRA of rank {lora.get('rank')}"
        ),
        "corpus": _join(
            setting("data.corpus"),
            tokenizer and f"tokenizer {tokenizer}",
            setting("data.pivot") and f"names in {setting('data.pivot')}",
        ),
        "wikis": ", ".join(run.series.wikis),
        "corpus fingerprint": found.get("data_fingerprint"),
        "stream fingerprint": found.get("stream_fingerprint"),
        f"stream hash after step {run.step}": run.stream_hash,
        "insertion": insertion_settings_text(run),
        "batch": length and batch and f"{batch:,} sequences of {length:,} tokens",
        "ZeRO stage": found.get("zero_stage"),
        "ranks": _join(found.get("ranks"), found.get("device")),
        "precision": found.get("precision"),
        "started": found.get("started"),
        "versions": ", ".join(f"{name} {version}" for name, version in found.get("versions", {}).items()),
    }
    return [(term, str(value)) for term, value in values.items() if value not in (None, "", False)]


def insertion_settings_text(run: RunFiles) -> str:
    """The settings of name insertion; empty if unknown."""
    strategy = run.setting("insertion.strategy")
    if strategy is None or strategy == "none":
        return "" if strategy is None else "none: no names are inserted"
    tags = "in tags" if run.setting("insertion.tags") else "without tags"
    predicted = "predicted" if run.setting("insertion.predict_names") else "not predicted"
    return f"{strategy}, probability {run.setting('insertion.probability'):g}, {tags}, names are {predicted}"


def _join(*parts: object) -> str:
    return ", ".join(str(part) for part in parts if part not in (None, "", False))
