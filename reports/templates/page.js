// Filter and sort the claims, and sort tables by a column. Without it the page shows everything in its order.
const list = (selector, root = document) => [...root.querySelectorAll(selector)];
const controls = document.querySelector("#controls");
if (controls) {
  const claims = list("#claims li.claim");
  const groups = list("#claims ol");
  const order = {
    importance: () => 0,
    outcome: (a, b) => a.dataset.rank - b.dataset.rank,
    place: (a, b) => a.dataset.where.localeCompare(b.dataset.where, "en", { numeric: true }),
  };
  const arrange = () => {
    const { sort, scale, words } = controls.elements;
    const wanted = new Set(list("input[name=outcome]:checked", controls).map((box) => box.value));
    const text = words.value.trim().toLowerCase();
    for (const claim of claims) {
      claim.hidden = !(
        wanted.has(claim.dataset.outcome) &&
        (!scale || !scale.value || scale.value === claim.dataset.scale) &&
        claim.textContent.toLowerCase().includes(text)
      );
    }
    const sorted = [...claims].sort((a, b) => order[sort.value](a, b) || a.dataset.place - b.dataset.place);
    for (const claim of sorted) {
      const group = sort.value === "importance" ? `#importance-${claim.dataset.importance} ol` : "#claims ol";
      document.querySelector(group).append(claim);
    }
    for (const group of groups) {
      group.parentElement.hidden = !list("li.claim", group).some((claim) => !claim.hidden);
      group.parentElement.classList.toggle("unsorted", sort.value !== "importance");
    }
  };
  controls.hidden = false;
  controls.addEventListener("input", arrange);
  controls.addEventListener("submit", (event) => event.preventDefault());
}
for (const heading of list("table.sorted thead tr:last-child th")) {
  const key = (row) => row.cells[heading.cellIndex]?.dataset.number;
  const sort = () => {
    const up = heading.getAttribute("aria-sort") !== "ascending";
    list("th[aria-sort]", heading.parentElement).forEach((other) => other.removeAttribute("aria-sort"));
    heading.setAttribute("aria-sort", up ? "ascending" : "descending");
    const body = heading.closest("table").tBodies[0];
    const absent = up ? Infinity : -Infinity;
    const value = (row) => (key(row) ? Number(key(row)) : absent);
    body.append(...[...body.rows].sort((a, b) => (up ? 1 : -1) * (value(a) - value(b) || 0)));
  };
  if (list("tbody tr", heading.closest("table")).some(key)) {
    heading.innerHTML = `<button type="button">${heading.innerHTML}</button>`;
    heading.firstChild.addEventListener("click", sort);
  }
}
window.addEventListener("beforeprint", () => list("details.claim-test").forEach((fold) => (fold.open = false)));
if (window.matchMedia("(max-width: 62rem)").matches) list("nav.contents details").forEach((fold) => (fold.open = false));
