"""Hostile pages that the scanner must survive: functions from a size in characters to a page of about that size.

A pass is quadratic if every opening searches for a missing close, if a close is searched for repeatedly, or if text is copied
once per level around it. Each shape below applies one of these to every piece of markup.
"""

import random
from collections.abc import Callable, Mapping

Page = Callable[[int], str]

OPENINGS = (
    *("[[", "{{", "{{{", "{|", "\n{|", "-{", "<ref", "<ref>", '<ref name="', "<!--", "<nowiki>", "<pre>", "<poem>", "<math>"),
    *("<div ", "<div>", "<table>", "<table><tr><td>", "<td>", "<ruby><rt>", "<ruby>", "<rt>", "<includeonly>"),
    *("<onlyinclude>", "<noinclude>", "<b a='", "<"),
    *("[http://x ", "[http://x", "[//x[", "http://x", "http://x(", "[", "[[a|", "[[a#", "[[a\n", "[[a|b\n", "[[a]", "[[:"),
    *("[[File:a|", "[[File:a|[[b]]", "[[File:a|\n\n", "[[ File", "[[Category:a|", "[[Category:a]]\n", "[[en:a", "[[a|[http://x "),
    *("{{a|", "{{{a|", "{{lang|en|", "{{nowrap|", "{{#if:", "{{x", "{{x}", "{{=", "{{!", "-{zh-cn:a;", "-{H|", "=>zh-cn:"),
)
"""Markup that opens something."""
CLOSINGS = (
    *("]]", "}}", "}}}", "|}", "\n|}", "}-", "</ref>", "/>", "-->", "</nowiki>", "</pre>", "</poem>", "</math>", "</div>"),
    *("</table>", "</rt></ruby>", "</rt>", "</includeonly>", "</onlyinclude>", "</noinclude>", "'>", ">", "]", ")"),
)
LINES = (
    *("''", "'''", "'''''", "''''", "''a'''b", "\n''", "\n'''''a", "\n", "\n\n", "\n \n", " ", "\t", "\n ", "  ", "\u00a0", "\r"),
    *("\n*", "\n*:;#", "\n;", "\n:", ":;", ";", ":", "\n;a:", ";a:", "*", "#", "\n*a", "\n:*a", "\n----", "-----", "-"),
    *("\n;''a:", "==", "\n==", "=", "= ", "\n=a=", "\n== a ==", "\n==a", "==\n", "\n=a= <!-- -->", "\n= "),
    *("\n== ''a'' [[b]] ==", "\n==''"),
    *("__", "__TOC__", "__NOTOC", "_", "&", "&amp;", "&#", "&#x", "&a", "&#0000", "|", "\n|", "\n|-", "\n!", "||", "!!", "|-"),
    *("(", "({{x}}", "({{x}};", ";{{x}}", " {{x}}", "（{{x}}", "{{x}}.", "\n{{x}}", "<!-- -->\n", "\n<!-- -->", "<!-- --> "),
    *(" <!---->", "<br>", "<br>\n", " <br> ", "<p>", "\n<p>", "<li>", "<nowiki/>", "<ref/>", "[[a]]b", "a[[b]]", "[[a|b]]'"),
    *("{{ill|a|de|b}}s", "ISBN 1", "RFC 1", "~~~~", "a", "a ", "é", "猫", "🦇", "\x02", "\x0e1", "\x1a0\x1b"),
    *("%41", "[[%", "[[&"),
)
"""Markup that needs no closing."""
PIECES = tuple(dict.fromkeys((*OPENINGS, *CLOSINGS, *LINES)))
VANISHING = (
    *("{{x}}", "<ref/>", "<ref>a</ref>", "<!---->", "<b>", "<br>", "<nowiki/>", "[[Category:a]]", "[[File:a]]", "[[de:a]]"),
    *("__TOC__", "-{H|a}-", "\n{|\n|}", "<math>a</math>", "<ruby><rt>a</rt></ruby>", "''", "\x00", "\u200e"),
)
"""Markup that leaves nothing, so that the text around it becomes adjacent."""
NESTS = (
    ("[[", "]]"),
    ("[[a|", "]]"),
    ("[[File:a|", "]]"),
    ("[[File:a|\n\n", "]]"),
    ("[http://x ", "]"),
    ("{{", "}}"),
    ("{{{", "}}}"),
    ("{{{a|", "}}}"),
    ("{{a|", "}}"),
    ("{{lang|en|", "}}"),
    ("{{#if:a|", "}}"),
    ("{{ill|", "|de|b}}"),
    ("-{", "}-"),
    ("-{zh-cn:", "}-"),
    ("\n{|\n|", "\n|}"),
    ("{|", "|}"),
    ("\n{|\n|a||", "\n|}"),
    ("<table>", "</table>"),
    ("<table><tr><td>", "</td></tr></table>"),
    ("<div>", "</div>"),
    ("<ruby><rt>", "</rt></ruby>"),
    ("<ref>", "</ref>"),
    ("<poem>", "</poem>"),
    ("<nowiki>", "</nowiki>"),
    ("<!--", "-->"),
    ("<b>''", "''</b>"),
    ("(", ")"),
    ("-{[[a|{{lang|en|", "}}]]}-"),
    ("{{a|[[b|{{{c|", "}}}]]}}"),
    ("[[File:a|{{lang|en|<b>", "</b>}}]]"),
    ("<", ">"),
    ("==", "=="),
)
SEEDS = range(12)
SALAD = 400
"""Pieces in one salad. It is repeated up to the size, so that pages of two sizes are alike."""


def repeated(piece: str) -> Page:
    """One piece, repeated."""
    return lambda size: piece * (size // len(piece))


def nested(left: str, right: str) -> Page:
    """All openings, then as many closings."""
    return lambda size: left * (size // len(left + right)) + "x" + right * (size // len(left + right))


def halves(left: str, right: str) -> Page:
    """Half a page of one piece, half of another."""
    return lambda size: left * (size // 2 // len(left)) + right * (size // 2 // len(right))


def salad(seed: int, pieces: tuple[str, ...] = PIECES) -> Page:
    """A sequence of random pieces, fixed by the seed, repeated."""
    drawn = "".join(random.Random(seed).choices(pieces, k=SALAD))
    return lambda size: drawn * (size // len(drawn))


def one_draw(seed: int, pieces: tuple[str, ...] = PIECES) -> Page:
    """Random pieces, fixed by the seed, without repetition of the sequence."""
    mean = sum(map(len, pieces)) / len(pieces)
    return lambda size: "".join(random.Random(seed).choices(pieces, k=int(size / mean)))


PAGES: Mapping[str, Page] = {
    **{f"{piece!r}": repeated(piece) for piece in PIECES},
    **{f"{piece!r} on lines": repeated(f"{piece}\n") for piece in OPENINGS},
    **{f"gaps: {around!r}": repeated(around) for piece in VANISHING for around in (f" {piece}", f"{piece}\n", f"( {piece};")},
    **{f"{left!r} … {right!r}": nested(left, right) for left, right in NESTS},
    **{f"opened twice, closed once: {left!r} {right!r}": halves(left * 2, right) for left, right in NESTS},
    **{f"closed before opened: {left!r} {right!r}": halves(right, left) for left, right in NESTS},
    **{f"salad {seed}": salad(seed) for seed in SEEDS},
    **{f"salad of openings {seed}": salad(seed, OPENINGS) for seed in SEEDS},
    **{f"random {seed}": one_draw(seed) for seed in SEEDS},
}
