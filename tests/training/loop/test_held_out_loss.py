"""The loss on held-out articles, beside the loss that transformers computes."""

import pytest
import torch
from transformers import AutoModelForCausalLM, AutoTokenizer

from training.config import TrainSettings
from training.data.encoded_corpus import open_corpus
from training.engine.launch_environment import Ranks
from training.loop.held_out_loss import HeldOutLoss
from training.model.translation_tags import add_rows, add_tags
from training.stream.stream_rules import make_stream_rules
from training.stream.token_stream import Stream


def test_the_held_out_loss_is_that_of_plain_text_of_held_out_articles(watched, base_model):
    raw, events, _, _ = watched
    settings = TrainSettings(**raw)
    tokenizer = AutoTokenizer.from_pretrained(base_model)
    model = AutoModelForCausalLM.from_pretrained(base_model)
    tags, rows = add_tags(tokenizer)
    add_rows(model, rows)
    for wiki, found in events[0]["loss"].items():
        # The same articles in the same order, from a stream of one wiki and its held-out articles alone.
        alone = settings.model_copy(
            update={
                "data": settings.data.model_copy(update={"wikis": (wiki,)}),
                "global_batch_size": 1,
                "insertion": settings.insertion.model_copy(update={"strategy": "none"}),
            }
        )
        stream = Stream(open_corpus(alone.data), make_stream_rules(alone, tokenizer, None, "held_out"))
        whole = int(stream.plan.wikis[0].epoch(0).totals().sum()) // 64
        batch = stream.read(range(min(3, whole)))
        ids, labels = torch.from_numpy(batch.input_ids), torch.from_numpy(batch.labels)
        assert found == pytest.approx(model(input_ids=ids, labels=labels).loss.item(), abs=1e-5)
    assert events[-1]["loss"]["jawiki"] < events[0]["loss"]["jawiki"]
    assert tags


def test_measuring_does_not_depend_on_the_number_of_ranks(watched, corpus, base_model, tmp_path):
    raw, events, _, _ = watched
    settings = TrainSettings(**raw)
    opened, tokenizer = open_corpus(settings.data), AutoTokenizer.from_pretrained(base_model)
    model = AutoModelForCausalLM.from_pretrained(base_model)
    tags, rows = add_tags(tokenizer)
    add_rows(model, rows)
    torch.distributed.init_process_group("gloo", init_method=f"file://{tmp_path}/meet", rank=0, world_size=1)
    try:
        held_out = HeldOutLoss(settings, opened, make_stream_rules(settings, tokenizer, tags))
        alone = held_out.losses(model, Ranks(0, 0, 1, 1), torch.device("cpu"))
    finally:
        torch.distributed.destroy_process_group()
    assert alone == pytest.approx(events[0]["loss"], abs=1e-5)
    assert model.training
