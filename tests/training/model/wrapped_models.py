"""Tiny random checkpoints that hold more than a text model, of real architectures; vocabulary of the tests' tokenizer."""

import json

import torch
from safetensors.torch import load_file, save_file
from transformers import (
    Gemma3Config,
    Gemma3ForConditionalGeneration,
    LlavaConfig,
    LlavaForConditionalGeneration,
    Mistral3Config,
    Mistral3ForConditionalGeneration,
    Qwen3_5Config,
    Qwen3_5ForConditionalGeneration,
    Qwen3_5MoeConfig,
    Qwen3_5MoeForConditionalGeneration,
)

TEXT = {"hidden_size": 32, "intermediate_size": 48, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2}
TEXT |= {"head_dim": 8, "vocab_size": 63, "pad_token_id": 0, "bos_token_id": 1, "eos_token_id": 2}
VISION = {"hidden_size": 16, "intermediate_size": 24, "num_hidden_layers": 1, "num_attention_heads": 2}
VISION |= {"image_size": 28, "patch_size": 14}
LINEAR = {"linear_num_key_heads": 2, "linear_num_value_heads": 4, "linear_key_head_dim": 8, "linear_value_head_dim": 8}
LINEAR |= {"layer_types": ["linear_attention", "full_attention"]}
QWEN_VISION = {"hidden_size": 16, "intermediate_size": 24, "depth": 1, "num_heads": 2, "out_hidden_size": 32, "patch_size": 14}
QWEN_VISION |= {"num_position_embeddings": 16}
QWEN_IDS = {"image_token_id": 60, "video_token_id": 61, "vision_start_token_id": 58, "vision_end_token_id": 59}
EXPERTS = {"num_experts": 4, "num_experts_per_tok": 2, "moe_intermediate_size": 16, "shared_expert_intermediate_size": 16}


def gemma3():
    ids = {"image_token_index": 60, "boi_token_index": 58, "eoi_token_index": 59}
    text = TEXT | {"sliding_window": 16}
    return Gemma3ForConditionalGeneration(Gemma3Config(text_config=text, vision_config=VISION, mm_tokens_per_image=4, **ids))


def mistral3(tied=False):
    text, vision = TEXT | {"model_type": "mistral"}, VISION | {"model_type": "pixtral"}
    more = {"image_token_index": 60, "tie_word_embeddings": tied}
    return Mistral3ForConditionalGeneration(Mistral3Config(text_config=text, vision_config=vision, **more))


def llava():
    text, vision = TEXT | {"model_type": "llama"}, VISION | {"model_type": "clip_vision_model"}
    return LlavaForConditionalGeneration(LlavaConfig(text_config=text, vision_config=vision, image_token_index=60))


def qwen3_5():
    return Qwen3_5ForConditionalGeneration(Qwen3_5Config(text_config=TEXT | LINEAR, vision_config=QWEN_VISION, **QWEN_IDS))


def qwen3_5_moe():
    text = TEXT | LINEAR | EXPERTS
    return Qwen3_5MoeForConditionalGeneration(Qwen3_5MoeConfig(text_config=text, vision_config=QWEN_VISION, **QWEN_IDS))


WRAPPED = {
    "gemma3": gemma3,
    "mistral3": mistral3,
    "mistral3 tied": lambda: mistral3(tied=True),
    "llava": llava,
    "qwen3_5": qwen3_5,
    "qwen3_5_moe": qwen3_5_moe,
}
TEXT_CLASSES = {
    "gemma3": "Gemma3ForCausalLM",
    "mistral3": "MistralForCausalLM",
    "mistral3 tied": "MistralForCausalLM",
    "llava": "LlamaForCausalLM",
    "qwen3_5": "Qwen3_5ForCausalLM",
    "qwen3_5_moe": "Qwen3_5MoeForCausalLM",
}


def write_wrapped(kind, folder):
    """A checkpoint of that kind with a processor's file; returns the whole model."""
    torch.manual_seed(0)
    model = WRAPPED[kind]().eval()
    model.save_pretrained(folder)
    (folder / "preprocessor_config.json").write_text(json.dumps({"image_processor_type": "AutoImageProcessor"}))
    return model


def add_tensors(folder, tensors):
    """More tensors in the one file of a checkpoint."""
    path = folder / "model.safetensors"
    save_file(load_file(path) | tensors, path, metadata={"format": "pt"})
