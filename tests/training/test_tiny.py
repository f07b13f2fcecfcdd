"""The command that makes an untrained model."""

import json

from ..commands import run_module


def test_a_model_is_written_once_and_not_over_another(corpus, tmp_path, capsys):
    sizes = {"hidden_size": 16, "num_layers": 1, "num_heads": 2, "intermediate_size": 16}
    config = tmp_path / "tiny.yaml"
    config.write_text(json.dumps({"tokenizer": str(corpus.tokenizer), "output_dir": str(tmp_path / "model"), **sizes}))
    assert run_module("training.tiny", "--config", config) == 0
    assert (tmp_path / "model" / "model.safetensors").is_file()
    assert f"{tmp_path / 'model'}: Llama with 0.0 M parameters" in capsys.readouterr().out
    assert run_module("training.tiny", "--config", config) == 2
    assert f"output_dir: {tmp_path / 'model'} holds a model already" in " ".join(capsys.readouterr().err.split())
