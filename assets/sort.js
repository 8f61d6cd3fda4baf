// Tables that a click on a column's title sorts. A row with a system at its head moves as a whole;
// rows of references stay where they are, below. Without this script the tables are as they are.
for (const box of document.querySelectorAll(".sortable:not(.sorts)")) {
  const body = box.querySelector("tbody")
  const heads = [...box.querySelectorAll("thead th[scope=col]")]
  const rows = [...body.rows]
  const own = rows.filter(row => !row.querySelector(".reference"))
  const references = rows.filter(row => row.querySelector(".reference"))
  box.classList.add("sorts") // a page has this script once a table
  if (own.length < 2) continue

  // What stands in small print is no part of what is sorted by.
  const text = (row, column) => {
    const cell = row.cells[column].cloneNode(true)
    cell.querySelectorAll("small").forEach(small => small.remove())
    return cell.textContent.trim() }
  const value = (row, column) => parseFloat(
    row.cells[column].dataset.value ?? text(row, column).replace("−", "-").replace(/,/g, ""))

  const compare = (column, numeric, direction) => (a, b) => {
    if (!numeric) return direction * text(a, column).localeCompare(text(b, column), "en")
    const [first, second] = [value(a, column), value(b, column)]
    if (isNaN(first) || isNaN(second)) return isNaN(first) - isNaN(second) // dashes come last
    return direction * (first - second) }

  const sort = head => {
    const numeric = head.classList.contains("number")
    const before = head.getAttribute("aria-sort")
    // The first click brings the largest number to the top, or the alphabet in its order.
    const order = before ? (before === "ascending" ? "descending" : "ascending")
      : numeric ? "descending" : "ascending"
    heads.forEach(other => other.removeAttribute("aria-sort"))
    head.setAttribute("aria-sort", order)
    const sorted = [...own].sort(
      compare(column(head), numeric, order === "ascending" ? 1 : -1))
    body.append(...sorted, ...references) }

  const column = head => heads.indexOf(head)
  for (const head of heads) {
    const button = document.createElement("button")
    button.type = "button"
    button.append(...head.childNodes)
    button.addEventListener("click", () => sort(head))
    head.append(button)
  }
  const caption = box.querySelector("figcaption")
  if (caption) caption.append(" A click on a column’s title sorts by it.")
}
