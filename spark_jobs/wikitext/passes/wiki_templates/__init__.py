"""The pass over `{{…}}`: templates, parameters and parser functions. The entry is `brace_matching.expand_templates`.

`brace_matching` finds the calls, `template_calls` decides what a call leaves, `template_arguments` splits it, `template_links`
writes the link of a link-bearing template, `parser_functions` lists MediaWiki's functions and variables. Only `wikitext.scanner`
and tests import from here. The rules of a wiki's templates are data in `spark_jobs.wikis`.
"""
