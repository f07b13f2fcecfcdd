"""Links to names in other languages: which name a link gets, from which source, or why it has none. Pure, without Spark.

`langlink_names` merges the langlinks of a title, `name_resolution` states the rules for one link, `named_links` applies them to
Arrow columns, `unnamed_reasons` explains links without a name. Import from the modules. Joins over whole tables are in `stages`;
cleaning of titles is in `wikis.title_cleaning`.
"""
