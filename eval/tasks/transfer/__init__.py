"""Facts of a made-up world, asked in two languages: the tasks of `benchmarks/transfer`."""
