"""Clocks and reports that benchmarks share: CPU time of a process tree and of parts of a stage, peak memory, the machine, tables.

The measurements belong to the commands in the folder above. Only benchmarks, the experiment and tests import from here.
"""
