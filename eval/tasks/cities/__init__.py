"""Which country is a city in? The same facts in many languages."""
