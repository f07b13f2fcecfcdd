"""The lxml parser for bytes from outside."""

from lxml import etree


def hardened_parser() -> etree.XMLParser:
    """An lxml parser without entity resolution, DTD and network access; the limits of libxml2 stay on."""
    return etree.XMLParser(resolve_entities=False, load_dtd=False, no_network=True, dtd_validation=False, huge_tree=False)
