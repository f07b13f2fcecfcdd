"""The router's auxiliary loss: against transformers' own, and in a training run."""

import doctest

import pytest
import torch
from transformers import (
    AutoModelForCausalLM,
    DeepseekV3Config,
    JetMoeConfig,
    Llama4TextConfig,
    LlamaConfig,
    MixtralConfig,
    OlmoeConfig,
    Qwen2MoeConfig,
    Qwen3MoeConfig,
)

from spark_jobs.common.errors import ConfigurationError
from training.architectures import router_loss
from training.architectures.router_loss import check_router_loss, make_router_loss
from training.config import TrainSettings
from training.data.encoded_corpus import open_corpus
from training.loop.optimizer_step import summed_loss
from training.model.model_loading import load_tokenizer
from training.stream.name_insertion import IGNORED
from training.stream.stream_rules import make_stream_rules
from training.stream.token_stream import Stream

SMALL = {"hidden_size": 32, "num_hidden_layers": 2, "num_attention_heads": 4, "num_key_value_heads": 2, "vocab_size": 96}
EXPERTS = {"num_experts_per_tok": 2, "router_aux_loss_coef": 0.02}
ARCHITECTURES = {
    "mixtral": MixtralConfig(**SMALL, **EXPERTS, intermediate_size=48, num_local_experts=8),
    "qwen3": Qwen3MoeConfig(**SMALL, **EXPERTS, intermediate_size=48, moe_intermediate_size=16, num_experts=8),
    "qwen2": Qwen2MoeConfig(
        **SMALL, **EXPERTS, intermediate_size=48, moe_intermediate_size=16, shared_expert_intermediate_size=16, num_experts=8
    ),
    "olmoe": OlmoeConfig(**SMALL, **EXPERTS, intermediate_size=48, num_experts=8, pad_token_id=0),
    "jetmoe": JetMoeConfig(**SMALL, kv_channels=8, intermediate_size=48, num_experts_per_tok=2, aux_loss_coef=0.02),
}


def new_model(config):
    torch.manual_seed(0)
    model = AutoModelForCausalLM.from_config(config).train()
    for name, parameter in model.named_parameters():
        if "gate.weight" in name or "router" in name:
            torch.nn.init.normal_(parameter)  # some begin with zeros, where all experts are equal
    return model


def ids(sequences=2, length=24):
    return torch.randint(3, 96, (sequences, length), generator=torch.Generator().manual_seed(1))


def router_gradients(model):
    gates = {
        name: p.grad.clone() for name, p in model.named_parameters() if p.grad is not None and p.shape[0] == 8 and p.dim() == 2
    }
    assert gates
    model.zero_grad()
    return gates


def test_the_worked_examples_hold():
    assert doctest.testmod(router_loss).failed == 0


@pytest.mark.parametrize("name", ARCHITECTURES)
def test_loss_and_gradients_are_those_of_transformers(name):
    model, tokens = new_model(ARCHITECTURES[name]), ids(1)
    theirs = model(input_ids=tokens, labels=tokens, output_router_logits=True, use_cache=False)
    theirs.loss.backward()
    expected = router_gradients(model)

    router = make_router_loss(model, None)
    with router.recording():
        loss = summed_loss(model, tokens, tokens) / 23
    own = router.summed(1)
    assert own.item() == pytest.approx(theirs.aux_loss.item(), abs=1e-6)
    assert router.weight == 0.02
    (loss + router.weight * own).backward()
    found = router_gradients(model)
    for gate, gradient in expected.items():
        torch.testing.assert_close(found[gate], gradient)
    summed_loss(model, tokens, tokens).backward()
    assert any(not torch.allclose(gradient / 23, expected[gate]) for gate, gradient in router_gradients(model).items())


def test_the_loss_does_not_depend_on_how_sequences_are_grouped():
    model, tokens = new_model(ARCHITECTURES["mixtral"]), ids(4)
    router = make_router_loss(model, None)
    sums = []
    for size in (1, 2, 4):
        parts = []
        for group in tokens.split(size):
            with router.recording():
                model(input_ids=group, use_cache=False)
            parts.append(router.summed(size).item())
        sums.append(sum(parts))
    assert sums == pytest.approx([sums[0]] * 3, abs=1e-5)


def test_recomputed_layers_are_not_recorded_twice():
    tokens, gradients = ids(2), []
    for again in (False, True):
        model = new_model(ARCHITECTURES["qwen3"])
        if again:
            model.gradient_checkpointing_enable({"use_reentrant": False})
        router = make_router_loss(model, 1.0)
        for _ in range(2):
            model.zero_grad()
            with router.recording():
                loss = summed_loss(model, tokens, tokens)
            (loss / 46 + router.summed(2)).backward()
        gradients.append(router_gradients(model))
    for gate, gradient in gradients[0].items():
        torch.testing.assert_close(gradients[1][gate], gradient)


@pytest.mark.parametrize(
    ("config", "weight"),
    [(LlamaConfig(**SMALL), None), (LlamaConfig(**SMALL), 0.0), (ARCHITECTURES["mixtral"], 0.0), (DeepseekV3Config(), None)],
    ids=["dense", "dense, 0", "0", "its configuration has no weight"],
)
def test_there_may_be_nothing_to_add(config, weight):
    with torch.device("meta"):
        assert make_router_loss(AutoModelForCausalLM.from_config(config), weight) is None


@pytest.mark.parametrize(
    ("config", "weight", "message"),
    [
        (LlamaConfig(**SMALL), 0.1, r"model.router_loss: 0.1, but llama has no experts"),
        (
            Llama4TextConfig(),
            None,
            r"llama4_text asks for a router's auxiliary loss of weight 0.001, and transformers",
        ),
        (
            DeepseekV3Config(),
            0.1,
            r"deepseek_v3 .*transformers computes none for this architecture; model.router_loss=0",
        ),
    ],
    ids=["no experts", "llama4", "deepseek"],
)
def test_a_loss_that_cannot_be_computed_is_refused(config, weight, message):
    model_class = AutoModelForCausalLM._model_mapping[type(config)]
    with pytest.raises(ConfigurationError, match=message):
        check_router_loss(config, model_class, weight)


@pytest.fixture(scope="module")
def mixture(base_model, tmp_path_factory):
    """A tiny Mixtral with the tokenizer of the corpus."""
    from transformers import AutoTokenizer

    folder = tmp_path_factory.mktemp("mixture")
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    config = MixtralConfig(**(SMALL | {"vocab_size": len(tokenizer)}), **EXPERTS, intermediate_size=48, num_local_experts=8)
    new_model(config).save_pretrained(folder)
    tokenizer.save_pretrained(folder)
    return folder


def gradient_norm_of_transformers(folder, batch, weight):
    """The norm of the gradient of a whole batch: the loss of its tokens, and the mean of its sequences' auxiliary losses."""
    model = AutoModelForCausalLM.from_pretrained(folder).train()
    tokens, labels = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.labels)
    loss = summed_loss(model, tokens, labels) / int((labels[:, 1:] != IGNORED).sum())
    balance = [model(input_ids=row[None], output_router_logits=True, use_cache=False).aux_loss for row in tokens]
    mean = torch.stack(balance).mean()
    (loss + weight * mean).backward()
    return (
        loss.item(),
        mean.item(),
        float(torch.nn.utils.get_total_norm([p.grad for p in model.parameters() if p.grad is not None])),
    )


def test_a_run_on_two_ranks_adds_the_loss_and_logs_it_beside_that_of_the_tokens(mixture, run_settings, finish, tmp_path):
    model = {"path": str(mixture), "precision": "fp32", "router_loss": 5.0}
    done = finish(run_settings(tmp_path / "run", 1, model=model, steps=2, insertion={"tags": False}, optimizer={}))
    settings = TrainSettings(**done.settings)
    rules = make_stream_rules(settings, load_tokenizer(str(mixture)), None)
    batch = Stream(open_corpus(settings.data), rules).batch(0)
    loss, balance, norm = gradient_norm_of_transformers(mixture, batch, 5.0)
    first = done.metrics[0]
    assert (first["loss"], first["router_loss"]) == (pytest.approx(loss, rel=1e-5), pytest.approx(balance, rel=1e-5))
    assert first["gradient_norm"] == pytest.approx(norm, rel=1e-4)
    assert norm != pytest.approx(gradient_norm_of_transformers(mixture, batch, 0.0)[2], rel=0.05)
    assert "router: its auxiliary loss is added with weight 5 (model.router_loss)" in done.stdout
