"""What results show: significance, pairing, consistency across languages, exposure in the corpus. Pure functions.

Import from the modules. Pages and plots are in `report`.
"""
