"""Links to names: which title a link gets in another language, from which source, and why it has none. Pure; imports no Spark.

Import from the modules. Joins over whole tables are in `stages`.
"""
