"""Inline SVG of a page, parsed."""

import xml.etree.ElementTree as ET


def parse_svg(drawn: str) -> ET.Element:
    """The SVG element; on a page, HTML declares its prefix."""
    return ET.fromstring(f'<page xmlns:xlink="http://www.w3.org/1999/xlink">{drawn}</page>')[0]


def texts_of(svg: ET.Element) -> list[str]:
    """The texts that a plot shows, in the order of drawing."""
    return [element.text for element in svg.iter() if element.tag.endswith("text") and element.text]
