"""The option `where` of `mediawiki-sql`: values with and without quotes, and conditions that are not understood."""

import doctest
import re

import pyarrow as pa
import pytest

import spark_jobs.sources.where_option
from spark_jobs.sources.source_options import SourceError
from spark_jobs.sources.where_option import read_conditions

TABLE = {"ll_from": pa.int64(), "ll_lang": pa.string(), "share": pa.float64()}
LANGUAGE = "ll_lang"


def test_the_worked_examples_hold() -> None:
    assert doctest.testmod(spark_jobs.sources.where_option).failed == 0


@pytest.mark.parametrize(
    ("text", "found"),
    [
        (None, {}),
        (" ; ; ", {}),
        ("ll_lang='en'", {LANGUAGE: ["en"]}),
        ('ll_lang="en"', {LANGUAGE: ["en"]}),
        (" ll_lang = 'en' , ja;ll_from = '13', -7 ;", {LANGUAGE: ["en", "ja"], "ll_from": [13, -7]}),
        ("ll_lang='a;b, c=d'; ll_from=1", {LANGUAGE: ["a;b, c=d"], "ll_from": [1]}),
        ('ll_lang=\'it\'\'s\',"say ""no"""', {LANGUAGE: ["it's", 'say "no"']}),
        ("ll_lang=''", {LANGUAGE: [""]}),
        ("ll_lang='NULL','a AND b','e%','==','(en)'", {LANGUAGE: ["NULL", "a AND b", "e%", "==", "(en)"]}),
        ("ll_lang=Foo_Bar: baz/qux!".replace("!", ""), {LANGUAGE: ["Foo_Bar: baz/qux"]}),
        ("ll_lang=be-x-old,Andorra,日本 語,a & b, C++", {LANGUAGE: ["be-x-old", "Andorra", "日本 語", "a & b", "C++"]}),
        ("share=0.5,1e3,-2", {"share": [0.5, 1000.0, -2.0]}),
    ],
)
def test_conditions_are_read(text: str | None, found: dict[str, list[object]]) -> None:
    assert read_conditions(text, TABLE) == found


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("ll_lang", "'ll_lang' has no =; write column=value,value; column=value, or filter in Spark"),
        ("ll_lang==en", "'ll_lang==en' has the operator '=='"),
        ("ll_lang<=>en", "has the operator '<=>'"),
        ("ll_from>13", "'ll_from>13' has the operator '>'"),
        ("ll_lang != en", "has the operator '!='"),
        ("ll_lang IN ('en')", "\"ll_lang IN ('en')\" has the operator 'IN'"),
        ("ll_lang like 'e%'", "has the operator 'like'"),
        ("ll_lang is null", "has the operator 'is'"),
        ("not ll_lang=en", "'not ll_lang=en' does not begin with a column; .*; columns are ll_from, ll_lang, share"),
        ("`ll_lang`=en", "does not begin with a column"),
        ("'ll_lang'=en", "does not begin with a column"),
        ("LL_LANG=en", "'LL_LANG=en' does not begin with a column"),
        ("ll_lang=en AND ll_from=13", "ll_lang: 'en AND ll_from=13' has 'AND', which is not understood; .* or quote the value"),
        ("ll_lang='en' AND ll_from=13", "ll_lang: 'AND ll_from=13' behind a value; separate values with , and conditions with ;"),
        ("ll_lang='en' or ll_lang='ja'", "\"or ll_lang='ja'\" behind a value"),
        ("ll_lang=en or ja", "'en or ja' has 'or'"),
        ("ll_lang=en=ja", "'en=ja' has '='"),
        ("ll_lang=en && ll_from=1", "has '&&'"),
        ("ll_lang=(en,ja)", "'(en' has '(', which has no meaning here; quote the value"),
        ("ll_lang=['en']", r"\"['en']\" behind a value|'[' has '['"),
        ("ll_lang=e*", "'e*' has '*'"),
        ("ll_lang=e%", "'e%' has '%'"),
        ("ll_lang=`en`", "has '`'"),
        ("ll_lang=NULL", "a condition cannot ask for NULL; filter with `ll_lang IS NULL` in Spark"),
        ("ll_lang=", "ll_lang has an empty value before the end; write '' for the empty text"),
        ("ll_lang=en,", "has an empty value before the end"),
        ("ll_lang=,en", "has an empty value before ',en'"),
        ("ll_lang='en", '"\'en" behind a value|has an empty value before "\'en"'),
        ("ll_lang=en'", '"\'" behind a value'),
        ("ll_lang='en''", '"\'" behind a value'),
        ("ll_lang=en;ll_lang=ja", "'ll_lang' occurs twice; write its values behind one ="),
        ("ll_from=x", "ll_from=x: column 'll_from' is int64, and 'x' is not one"),
        ("ll_from=1_3", "'1_3' is not one"),
        ("ll_from=١٣", "'١٣' is not one"),
        ("ll_from=13.0", "'13.0' is not one"),
        ("ll_from=9223372036854775808", "'9223372036854775808' is not one"),
        ("share=half", "column 'share' is double, and 'half' is not one"),
    ],
)
def test_a_condition_that_is_not_understood_is_refused_by_name(text: str, message: str) -> None:
    with pytest.raises(SourceError) as error:
        read_conditions(text, TABLE)
    assert str(error.value).startswith("where: ")
    assert any(re.search(re.escape(part).replace(r"\.\*", ".*"), str(error.value)) for part in message.split("|"))
