"""The first screen and the tables that are sorted by a click, as a browser sees them."""

import pytest

# Of each row of the table: whose it is, what stands in a column, whether it is a reference.
ROWS = """([table, column]) => [...table.tBodies[0].rows].map(row => [
  row.cells[0].firstChild.textContent, row.cells[column].firstChild.textContent.split(" ")[0],
  row.cells[0].classList.contains("reference")])"""


@pytest.fixture
def page(visit, address):
    return visit(f"{address}/index.html")


def table_of(page):
    return page.locator(".overview table")


def rows_of(page, column):
    return page.evaluate(ROWS, [table_of(page).element_handle(), column])


def numbers_of(page, column):
    return [float(shown) for _, shown, reference in rows_of(page, column) if not reference]


def head_of(page, column):
    return table_of(page).locator("thead th[scope=col]").nth(column)


def sorted_heads(page):
    heads = table_of(page).locator("[aria-sort]")
    return heads.evaluate_all("heads => heads.map(head => head.getAttribute('aria-sort'))")


@pytest.mark.content
def test_the_first_screen_holds_the_answer_and_the_checks_and_the_table_begins_on_it(visit, judged):
    page = visit(f"{judged}/index.html")
    answer = page.locator("main ul").first
    checks = page.locator("main p:has-text('Could these numbers be wrong?')")
    warned = page.locator("main .aloud")  # takes the place of the table's head, where there is one
    head = warned if warned.count() else table_of(page).locator("thead tr").first
    for shown in (answer, checks, head):
        box = shown.bounding_box()
        assert box["y"] > 0 and box["y"] + box["height"] <= 900


@pytest.mark.content
def test_the_answer_is_three_sentences_before_the_table(visit, judged):
    page = visit(f"{judged}/index.html")
    said = page.locator("main ul").first.locator("li")
    assert said.count() == 3
    assert said.last.bounding_box()["y"] < table_of(page).bounding_box()["y"]


@pytest.mark.parametrize("column", range(1, 8))
def test_a_click_sorts_by_number_and_another_turns_it_round(page, column):
    before = rows_of(page, column)
    names = [name for name, _, reference in before if reference]
    button = head_of(page, column).get_by_role("button")
    for order, expected in {"descending": True, "ascending": False}.items():
        button.click()
        assert sorted_heads(page) == [order]
        assert head_of(page, column).get_attribute("aria-sort") == order
        numbers = numbers_of(page, column)
        assert numbers == sorted(numbers, reverse=expected)
        rows = rows_of(page, column)
        assert sorted(rows) == sorted(before)
        assert [name for name, _, _ in rows[-2:]] == names
        assert [reference for _, _, reference in rows] == [row[2] for row in before]


def test_numbers_are_compared_as_numbers_and_dashes_come_last(page):
    if len(numbers_of(page, 1)) < 4:
        pytest.skip("too few systems to tell the orders apart")
    shown = ["9.0", "10.0", "–", "−1.5"]
    table_of(page).evaluate(
        """(table, shown) => shown.forEach((text, row) => {
          table.tBodies[0].rows[row].cells[1].firstChild.textContent = text })""",
        shown,
    )
    button = head_of(page, 1).get_by_role("button")
    button.click()
    own = [text for _, text, reference in rows_of(page, 1) if not reference]
    assert own[:2] == ["10.0", "9.0"] and own[-2:] == ["−1.5", "–"]
    button.click()
    own = [text for _, text, reference in rows_of(page, 1) if not reference]
    assert own[0] == "−1.5" and own[-3:] == ["9.0", "10.0", "–"]


def test_another_column_takes_over_and_names_are_sorted_by_the_alphabet(page):
    head_of(page, 2).get_by_role("button").click()
    head_of(page, 0).get_by_role("button").click()
    assert sorted_heads(page) == ["ascending"]
    names = [name for name, _, reference in rows_of(page, 1) if not reference]
    assert names == sorted(names, key=str.lower)


@pytest.mark.parametrize("key", ["Enter", "Space"])
def test_tables_are_sorted_by_keyboard_and_the_focus_stays(page, key):
    button = head_of(page, 4).get_by_role("button")
    head_of(page, 3).get_by_role("button").focus()
    page.keyboard.press("Tab")
    assert button.evaluate("one => one === document.activeElement")
    for expected in (True, False):
        page.keyboard.press(key)
        numbers = numbers_of(page, 4)
        assert numbers == sorted(numbers, reverse=expected)
        assert button.evaluate("one => one === document.activeElement")
    outline = button.evaluate("one => getComputedStyle(one).outlineStyle")
    assert outline == "solid"


def test_each_title_names_its_column_to_a_screen_reader(page):
    buttons = table_of(page).get_by_role("button")
    names = buttons.evaluate_all("buttons => buttons.map(button => button.textContent)")
    assert len(names) == len(set(names)) == 8
    assert names[1:3] == ["AUROC, clean", "AUROC, attacked"]


def test_sorting_works_from_the_disk(visit, site):
    page = visit(f"{site.as_uri()}/index.html")
    head_of(page, 2).get_by_role("button").click()
    assert sorted_heads(page) == ["descending"]
    assert numbers_of(page, 2) == sorted(numbers_of(page, 2), reverse=True)


def test_without_a_script_the_table_is_whole_and_promises_nothing(browser, address):
    context = browser.new_context(java_script_enabled=False)
    page = context.new_page()
    page.goto(f"{address}/index.html")
    assert table_of(page).locator("tbody tr").count() >= 3
    assert table_of(page).locator("button").count() == 0
    assert "click" not in page.locator(".overview figcaption").inner_text()
    context.close()


# The widest that a study can have in each cell with a number.
WIDEST = """table => [...table.tBodies[0].rows].forEach(row => [...row.cells].slice(1).forEach(
  (cell, column) => {
    const [value, interval] = column < 2 ? ["0.000", "0.000–0.000"] : ["100.0", "100.0–100.0"]
    cell.firstChild.textContent = cell.firstChild.textContent.replace(/[\\d.]+/, value)
    const small = cell.querySelector("small")
    if (small) small.textContent = interval }))"""


@pytest.mark.content
def test_the_table_fits_a_desk_and_scrolls_by_itself_on_a_telephone(visit, judged):
    desk, telephone = (visit(f"{judged}/index.html", width=width) for width in (1300, 375))
    box = ".overview .table-scroll"
    table_of(desk).evaluate(WIDEST)
    assert desk.locator(box).evaluate("box => box.scrollWidth <= box.clientWidth")
    assert telephone.locator(box).evaluate("box => box.scrollWidth > box.clientWidth")
    assert telephone.evaluate("document.documentElement.scrollWidth") <= 375
    padding = telephone.locator(f"{box} tbody td").first.evaluate(
        "cell => parseFloat(getComputedStyle(cell).paddingLeft)"
    )
    assert padding >= 16  # what fades out beside the name must not eat a digit
    telephone.locator(box).focus()
    telephone.keyboard.press("ArrowRight")
    telephone.wait_for_function(
        "box => box.scrollLeft > 10", arg=telephone.locator(box).element_handle()
    )
    name = telephone.locator(f"{box} tbody th").first.bounding_box()
    assert name["x"] == pytest.approx(telephone.locator(box).bounding_box()["x"], abs=1)


@pytest.mark.content
def test_the_films_are_counted_by_part_on_a_desk_without_scrolling(visit, address):
    desk = visit(f"{address}/data.html")
    box = desk.locator(".counted .table-scroll")
    if not box.count():
        pytest.skip("the dataset tells no parts from each other")
    assert box.evaluate("box => box.scrollWidth <= box.clientWidth")


def test_films_alike_stand_side_by_side_on_a_telephone(visit, address):
    page = visit(f"{address}/data.html", width=375)
    groups = page.locator(".films.alike")
    if not groups.count():
        pytest.skip("no two films of this study are alike")
    boxes = [one.bounding_box() for one in groups.first.locator("img").all()[:2]]
    assert boxes[0]["y"] == boxes[1]["y"] and boxes[0]["x"] < boxes[1]["x"]


def test_times_are_sorted_by_their_length_and_not_by_their_number(visit, address):
    page = visit(f"{address}/systems.html")
    table = page.locator(".sorts table").first
    rows = table.locator("tbody tr")
    if rows.count() < 3:
        pytest.skip("too few systems to tell the orders apart")
    table.evaluate(
        """table => Object.entries({"5 s": 5, "3 min": 180, "2.1 h": 7560}).forEach(
          ([text, value], row) => {
          const cell = [...table.tBodies[0].rows[row].cells].at(-1)
          cell.textContent = text
          cell.dataset.value = value })"""
    )
    table.locator("thead th").last.get_by_role("button").click()
    shown = [cell.inner_text() for cell in table.locator("tbody tr td:last-child").all()]
    assert [text for text in shown if text in ("5 s", "3 min", "2.1 h")] == [
        "2.1 h", "3 min", "5 s",
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("name", "least"),
    [("interpretability", 2), ("robustness", 1), ("published", 3), ("systems", 2)],
)
def test_tables_with_a_row_a_system_can_be_sorted(visit, address, name, least):
    page = visit(f"{address}/{name}.html")
    assert page.locator(".sorts:has(thead button)").count() >= least
