"""Links of entities in a corpus."""

import pytest

from eval.analysis.link_exposure import (
    ABSENT,
    NAMED,
    UNNAMED,
    LinkExposure,
    count_entity_links,
    index_by_name,
    read_link_exposure,
)
from spark_jobs.common.errors import ConfigurationError

from ..linked_cities import ENTITIES, LINKED


def test_a_link_belongs_to_the_entity_of_its_name_or_without_a_name_of_its_surface():
    found = [LinkExposure() for _ in ENTITIES]
    count_entity_links(LINKED, index_by_name(ENTITIES, "entity"), index_by_name(ENTITIES, "english"), found)
    assert [(exposure.named, exposure.unnamed) for exposure in found] == [(2, 1), (0, 2), (0, 0), (0, 0)]
    assert [exposure.group for exposure in found] == [NAMED, UNNAMED, ABSENT, ABSENT]


def test_links_are_read_from_the_links_table(corpus_with_links):
    assert [exposure.group for exposure in read_link_exposure(corpus_with_links, "jawiki", ENTITIES)] == [
        NAMED,
        UNNAMED,
        ABSENT,
        ABSENT,
    ]
    with pytest.raises(ConfigurationError, match="holds no links; build the corpus"):
        read_link_exposure(corpus_with_links, "elwiki", ENTITIES)
