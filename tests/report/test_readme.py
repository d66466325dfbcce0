"""The README's first table is what `make readme` writes from the reports of the repository."""

import pytest

from alphanet.paths import resources

README = resources("reports").parent / "README.md"


@pytest.fixture
def script(monkeypatch):
    monkeypatch.syspath_prepend(resources("reports"))
    import write_readme

    return write_readme


@pytest.mark.skipif(not README.is_file(), reason="no checkout")
def test_the_readme_has_the_table_of_the_reports(script):
    text = README.read_text(encoding="utf-8")
    assert script.with_table(text, script.table()) == text, "run `make readme`"


def test_the_table_goes_between_the_comments_and_nothing_else_changes(script):
    readme = f"before\n{script.BEGIN}\nold\n{script.END}\nafter\n"
    written = script.with_table(readme, "new")
    assert written == f"before\n{script.BEGIN}\n\nnew\n\n{script.END}\nafter\n"
    assert script.with_table(written, "new") == written


@pytest.mark.parametrize("lacking", ["BEGIN", "END"])
def test_a_readme_without_the_comments_is_refused(script, lacking):
    readme = f"{script.BEGIN}\n{script.END}\n".replace(getattr(script, lacking), "")
    with pytest.raises(ValueError, match=r"README\.md needs"):
        script.with_table(readme, "new")
