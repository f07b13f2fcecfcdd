"""The page of training runs, `run.html`: curves from the logs of one run, or of several laid over each other.

`run_files` reads a run's folder, `metric_series` makes arrays of its logs, `run_plots` decides which plots the page has,
`plot_drawing` draws them, `run_facts` and `value_formatting` write the text, `run_html` makes the page.

Import from the modules. Writing the logs, and deciding when to draw, belongs to `records`.
"""
