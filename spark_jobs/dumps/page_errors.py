"""Errors of a page that cannot be used."""


class PageError(ValueError):
    """A page cannot be used; the message is the reason."""


class HistoryError(PageError):
    """A page with several revisions: the dump holds full histories, so none of its pages can be used."""

    def __init__(self, what: str) -> None:
        super().__init__(
            f"{what} where one is expected: a dump of full histories cannot be used; take one of current revisions "
            "(pages-articles, or pages-meta-current)"
        )
