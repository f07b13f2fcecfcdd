"""What a page needs to become a page of the site: links into the code, and what a command needs."""

import re
from pathlib import Path
from typing import Any

_DOCS = Path(__file__).parent
_LINK = re.compile(r"\[([^\]\n]+)\]\((\.\./[^)#\s]+)(#[^)\s]*)?\)")
_FENCE = re.compile(r"^(```+)(bash|python) ([a-z-]+)$", re.MULTILINE)
TITLES = {
    "run": "",
    "tested-elsewhere": "",
    "needs-gpu": "needs GPUs",
    "needs-cluster": "needs a cluster",
    "needs-docker": "needs Docker",
    "needs-network": "needs the network",
    "needs-dumps": "needs dumps of your own",
    "needs-models": "needs models",
}
"""Mark of a block of commands -> what the site says above it; `run` is executed by a test as it stands."""


def on_page_markdown(markdown: str, config: dict[str, Any], **_: Any) -> str:
    """Links to files outside the pages lead to the repository, or where it is not published are text; marks become titles."""
    repository = config.get("repo_url")

    def link(match: re.Match[str]) -> str:
        path = match[2].removeprefix("../")
        if not (_DOCS.parent / path).exists():
            return match[0]  # the strict build tells it
        kind = "tree" if (_DOCS.parent / path).is_dir() else "blob"
        return f"[{match[1]}]({repository.rstrip('/')}/{kind}/main/{path}{match[3] or ''})" if repository else match[1]

    def fence(match: re.Match[str]) -> str:
        title = TITLES[match[3]]
        return f'{match[1]}{match[2]} title="{title}"' if title else f"{match[1]}{match[2]}"

    return _FENCE.sub(fence, _LINK.sub(link, markdown))
