"""The vocabulary of the world."""


def test_a_word_of_the_world_is_one_token_whether_it_begins_a_text_or_not(world, load):
    tokenizer = load("vocabulary").train_vocabulary(
        ["Citya is in Peru. Citya was founded in 1500.", "シティアの設立年は1500です。"], 100
    )
    assert tokenizer.encode("Citya").tokens == ["Citya"]
    assert tokenizer.encode("In Citya").tokens[-1:] == ["Citya"]
    assert tokenizer.encode("シティアの設立年は1500です。").tokens == ["シティア", "の", "設立年", "は", "1500", "です", "。"]
    assert tokenizer.encode("Citya was founded in 1500.").tokens == ["Citya", "was", "founded", "in", "1500", "."]
