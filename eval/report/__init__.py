"""Pages and plots of the evaluation.

Import from the modules.
"""
