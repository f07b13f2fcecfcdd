"""Hooks of the site: links from a page into the code, and the title above a block of commands."""

import posixpath
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
    "needs-dumps": "needs your dumps",
    "needs-models": "needs models",
}
"""Mark of a block of commands -> the title that the site prints above it. A test executes the blocks marked `run`."""


def on_page_markdown(markdown: str, page: Any, config: dict[str, Any], **_: Any) -> str:
    """Point links that leave the pages at the repository, or unlink them if it is not published; turn marks into titles."""
    repository = config.get("repo_url")
    folder = posixpath.join("docs", posixpath.dirname(page.file.src_uri))

    def link(match: re.Match[str]) -> str:
        path = posixpath.normpath(posixpath.join(folder, match[2]))
        target = _DOCS.parent / path
        if path.startswith("docs/") or not target.exists():
            return match[0]  # a link between pages, or a dead one, which the strict build reports
        kind = "tree" if target.is_dir() else "blob"
        return f"[{match[1]}]({repository.rstrip('/')}/{kind}/main/{path}{match[3] or ''})" if repository else match[1]

    def fence(match: re.Match[str]) -> str:
        title = TITLES[match[3]]
        return f'{match[1]}{match[2]} title="{title}"' if title else f"{match[1]}{match[2]}"

    return _FENCE.sub(fence, _LINK.sub(link, markdown))
