"""Foreign text stays text, wherever it stands."""

from hypothesis import given
from hypothesis import strategies as st
from tests.report.reading import Page

from collegium.report.markup import Markup, element, table, text
from collegium.visible import visible_lines


@given(st.text(), st.text())
def test_text_comes_back_as_text_and_makes_no_element(words: str, attribute: str) -> None:
    page = Page(element("p", words, title=attribute).source)
    [(name, attributes)] = page.elements
    assert name == "p"
    assert list(attributes) == ["title"]
    assert page.text == "".join(visible_lines(one) for one in words)


def test_hidden_characters_are_shown_as_such() -> None:
    assert text("a\x00b\u202ec\x9bd\n").source == "a\\x00b\\u202ec\\x9bd\n"


def test_markup_among_the_children_stays_markup() -> None:
    inner = element("b", "<")
    assert element("p", inner, "<").source == "<p><b>&lt;</b>&lt;</p>"
    assert element("p", Markup("<i></i>")).source == "<p><i></i></p>"


def test_an_attribute_that_is_none_is_left_out() -> None:
    assert element("p", class_=None, data_head="x").source == '<p data-head="x"></p>'


def test_each_cell_knows_its_head() -> None:
    page = Page(table("c", ["Name", "Value"], [["a", "1"], ["b", "2"]]).source)
    assert page.table("c") == [["Name", "Value"], ["a", "1"], ["b", "2"]]
    cells = [given["data-head"] for name, given in page.elements if name == "td"]
    assert cells == ["Value", "Value"]


def test_a_table_stacks_by_its_columns_and_scrolls_by_itself_beyond_the_room_of_a_page() -> None:
    def first_two(columns: int, class_: str | None = None) -> list[str]:
        cells = [str(number) for number in range(columns)]
        elements = Page(table("c", cells, [cells], class_).source).elements[:2]
        return [given.get("class", name) for name, given in elements]

    assert first_two(2)[0] == "fits"
    assert first_two(4)[0] == "few"
    assert first_two(4, "numbers")[0] == "numbers fits"
    assert first_two(6, "numbers")[0] == "numbers few"
    assert first_two(8)[0] == "wide"
    assert first_two(9) == ["scroller", "wide"]
