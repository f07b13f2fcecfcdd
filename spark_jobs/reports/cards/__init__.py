"""The dataset card of a corpus: README.md for people and the Hugging Face hub, croissant.json for programs.

Import `write_card` and `write_corpus_card` from `card_files`. Everything is made from manifests; the README's text is in
`templates/dataset_card.md`.
"""
