"""The mkdocs hook: writes the reference pages from the code each time the documentation is built."""

from mkdocs.config.defaults import MkDocsConfig
from mkdocs.structure.files import File, Files
from reference_pages import PAGES


def on_files(files: Files, config: MkDocsConfig) -> Files:
    """Add the generated pages; mkdocs calls this after it has found the written ones."""
    for path, make in PAGES.items():
        files.append(File.generated(config, path, content=make()))
    return files
