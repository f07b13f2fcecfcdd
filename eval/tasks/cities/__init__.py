"""The country of a city, asked in many languages."""
