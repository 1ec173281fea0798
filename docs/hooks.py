"""MkDocs hook: the pages beside `site/` (architecture, decisions ...) and the published schemas are in the site, too.

Pages link to each other by their places in the repository, so that the links work where the repository is read. Here a
link that leaves `site/` is turned into one to the page's place in the site. Pages that the navigation does not name are
added to it, so that a new how-to page cannot be forgotten.
"""

from __future__ import annotations

import posixpath
import re
from pathlib import Path
from typing import Any

from mkdocs.structure.files import File, Files

DOCS = Path(__file__).resolve().parent
SITE = DOCS / "site"
LINK = re.compile(r"(\]\()([^)#\s:]+)((?:#[^)\s]*)?\))")
SECTIONS = {"how-to": "How to", "concepts": "Concepts", "reference": "Reference", "decisions": "Work on it"}


def on_config(config: Any) -> Any:
    """Adds pages to their section of the navigation."""
    sections = {name: pages for entry in config["nav"] for name, pages in entry.items()}
    named = {
        page if isinstance(page, str) else next(iter(page.values())) for pages in sections.values() for page in pages
    }
    for folder, section in SECTIONS.items():
        root = DOCS if folder == "decisions" else SITE
        for page in sorted((root / folder).glob("*.md")):
            place = page.relative_to(root).as_posix()
            if place not in named:
                sections[section].append(place)
    return config


def on_files(files: Files, config: Any) -> Files:
    """Adds what lies beside `site/`."""
    for path in sorted(DOCS.rglob("*")):
        if path.is_file() and SITE not in path.parents and path.suffix in (".md", ".yml") and path.name != "mkdocs.yml":
            files.append(_file(path.relative_to(DOCS).as_posix(), DOCS, config))
    for path in sorted((DOCS.parent / "schemas").glob("*.json")):
        files.append(_file(f"schemas/{path.name}", DOCS.parent, config))
    return files


def on_page_markdown(markdown: str, page: Any, config: Any, files: Files) -> str:
    """Turns links between the two folders into links inside of the site."""
    source = Path(page.file.abs_src_path)

    def moved(match: re.Match[str]) -> str:
        target = Path(posixpath.normpath(source.parent / match[2]))
        place = _place(target)
        if place is None:
            return match[0]
        here = posixpath.dirname(page.file.src_uri) or "."
        return f"{match[1]}{posixpath.relpath(place, here)}{match[3]}"

    return LINK.sub(moved, markdown)


def _place(target: Path) -> str | None:
    """A file's place in the site; None for one that is not part of it."""
    for root in (SITE, DOCS):
        if target.is_relative_to(root):
            return target.relative_to(root).as_posix()
    return f"schemas/{target.name}" if target.parent == DOCS.parent / "schemas" else None


def _file(place: str, root: Path, config: Any) -> File:
    return File(place, str(root), config["site_dir"], config["use_directory_urls"])
