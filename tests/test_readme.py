"""Every Python example of the README and of the documentation runs as it is printed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
PAGES = [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *sorted((ROOT / "docs").rglob("*.md"))]
EXAMPLE = re.compile(r"^```python\n(.*?)^```$", re.MULTILINE | re.DOTALL)


def examples(page: Path) -> list[str]:
    """Return the Python blocks of a page, each moved to its own line numbers."""
    text = page.read_text()
    return ["\n" * text[: m.start(1)].count("\n") + m[1] for m in EXAMPLE.finditer(text)]


PAGES_WITH_EXAMPLES = [page for page in PAGES if examples(page)]


@pytest.mark.parametrize("page", PAGES_WITH_EXAMPLES, ids=lambda page: page.stem)
def test_examples_run_in_order(page, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    namespace = {"__name__": "__main__"}
    for source in examples(page):
        exec(compile(source, str(page), "exec"), namespace)  # line numbers are the page's own


def test_readme_shows_the_two_commands_an_example_and_its_picture():
    text = (ROOT / "README.md").read_text()
    assert "make demo" in text
    assert "make test" in text
    assert ROOT / "README.md" in PAGES_WITH_EXAMPLES
    for picture in re.findall(r"!\[[^\]]*\]\(([^)]+)\)", text):
        assert (ROOT / picture).is_file()
