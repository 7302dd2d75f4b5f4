"use strict";

// Tables: sorted by their heads, searched and filtered by the form that names them.
function activate(form) {
  const element = document.getElementById(form.dataset.table);
  const table = new DataTable(element, { paging: false, info: false, order: [], layout: { topEnd: null, topStart: null, bottomStart: null, bottomEnd: null }, autoWidth: false });
  const search = form.querySelector("input[type=search]");
  const selects = [...form.querySelectorAll("select")];
  const shown = form.querySelector("output");
  const report = () => { shown.textContent = `${table.rows({ search: "applied" }).count()} of ${table.rows().count()} rows`; };
  for (const select of selects) {
    if (select.options.length > 1) continue;
    const values = new Set(table.rows().nodes().toArray().map((row) => row.dataset[select.name]));
    for (const value of values) if (value && !value.includes(",")) select.add(new Option(value));
  }
  table.search.fixed("selects", (text, data, index) => {
    const row = table.row(index).node();
    return selects.every((select) => !select.value || row.dataset[select.name].split(", ").includes(select.value));
  });
  const apply = () => { table.search(search.value).draw(); report(); };
  form.addEventListener("input", apply);
  form.addEventListener("submit", (event) => event.preventDefault());
  form.addEventListener("reset", () => setTimeout(apply));
  form.hidden = false;
  report();
  return { form, element };
}

const tables = [...document.querySelectorAll("form.filters")].map(activate);

// A link to a row that a filter hides shows all rows first.
function reveal() {
  const id = decodeURIComponent(location.hash.slice(1));
  if (!id) return;
  if (!document.getElementById(id)) for (const { form } of tables) form.reset();
  setTimeout(() => {
    document.querySelectorAll("tr.target").forEach((row) => row.classList.remove("target"));
    const target = document.getElementById(id);
    if (!target) return;
    if (target.tagName === "TR") target.classList.add("target");
    target.closest("details")?.setAttribute("open", "");
    target.scrollIntoView({ block: "center" });
  }, 20);
}
addEventListener("hashchange", reveal);
reveal();

// Thumbnails open large.
const dialog = document.getElementById("large");
for (const thumb of document.querySelectorAll(".thumb")) {
  thumb.addEventListener("click", () => {
    const large = thumb.querySelector("img").cloneNode();
    large.loading = "eager";
    dialog.querySelector("div").replaceChildren(large);
    dialog.showModal();
  });
}
dialog.addEventListener("click", (event) => { if (event.target === dialog) dialog.close(); });
