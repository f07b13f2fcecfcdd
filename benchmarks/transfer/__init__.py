"""Does it work? A controlled experiment: facts learned in English, names inserted in another language, facts asked for there."""
