"""Reports of the evaluation: console tables, Markdown, HTML pages and plots.

The commands call `compare_models`, `report_knowledge` and `write_summary`; import from the modules. Statistics are in `analysis`.
"""
