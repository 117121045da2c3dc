"""No link leads nowhere, and every page is linked to."""

import pytest

from tests.docs.pages import ROOT, Page, page, pages


def inside(one: Page) -> list[str]:
    return [link for link in one.links() if "://" not in link and not link.startswith("mailto:")]


@pytest.mark.parametrize("one", pages(), ids=lambda one: one.name)
def test_every_link_between_pages_leads_somewhere(one: Page):
    for link in inside(one):
        file, _, anchor = link.partition("#")
        target = (one.path.parent / file).resolve() if file else one.path
        assert target.exists(), f"{one.name}: {link}"
        if anchor:
            assert anchor in page(target.relative_to(ROOT).as_posix()).anchors(), f"{one.name}: {link}"


def test_there_are_links_to_check():
    assert len({link for one in pages() for link in inside(one)}) >= 10
    assert any("#" in link for one in pages() for link in inside(one))


def test_every_page_of_the_documentation_is_linked_to():
    linked = {(one.path.parent / link.partition("#")[0]).resolve() for one in pages() for link in inside(one)}
    folders = {path for path in linked if path.is_dir()}
    lost = [
        one.name
        for one in pages()
        if one.name.startswith("docs/") and one.path not in linked and one.path.parent not in folders
    ]
    assert lost == []
