// The Match page. It works without JavaScript; this filters its lines, and keeps answers until they are sent.
"use strict";

// --- Many columns: only some of them ---

function setUpFilter(box) {
  const rows = [...document.querySelectorAll("#filled tbody tr")];
  const texts = rows.map((row) => `${row.cells[0].textContent} ${row.cells[1].textContent}`.toLowerCase());
  const text = box.querySelector("[data-filter-text]");
  const unknown = box.querySelector("[data-filter-unknown]");
  const count = box.querySelector("[data-filter-count]");

  function show() {
    const wanted = text.value.trim().toLowerCase();
    let shown = 0;
    rows.forEach((row, n) => {
      row.hidden = !texts[n].includes(wanted) || (unknown?.checked && !row.classList.contains("ma-unknown"));
      if (!row.hidden) shown += 1;
    });
    count.textContent = shown < rows.length ? `${count.dataset.text} ${shown} / ${rows.length}` : "";
  }

  box.hidden = false;
  text.addEventListener("input", show);
  // Here, the Enter key is for the filter, not for the form.
  text.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
  unknown?.addEventListener("change", show);
}

// --- Answers outlive a session that ends, and a page that is loaded again ---

function keepAnswers(form) {
  const key = `match ${form.dataset.match} ${form.dataset.version}`;
  const fields = () => [...form.elements].filter((field) => field.name && field.type !== "hidden" && field.type !== "submit");
  const isTicked = (field) => field.type === "radio" || field.type === "checkbox";

  function keep() {
    const kept = fields().map((field) => [field.name, field.value, isTicked(field) ? field.checked : true]);
    try {
      sessionStorage.setItem(key, JSON.stringify(kept));
    } catch {
      // There is no room, or the browser keeps nothing: the page works all the same.
    }
  }

  function bringBack() {
    const kept = JSON.parse(sessionStorage.getItem(key) ?? "[]");
    for (const [name, value, isSet] of kept) {
      for (const field of fields().filter((one) => one.name === name)) {
        if (field.options && ![...field.options].some((option) => option.value === value)) continue;
        if (!isTicked(field)) field.value = value;
        else if (field.value === value) field.checked = isSet;
      }
    }
  }

  form.addEventListener("change", keep);
  // What was sent is on the page already, if it comes back with something to be mended.
  if (performance.getEntriesByType("navigation")[0]?.type !== "back_forward" && !document.querySelector("[role=alert]")) {
    bringBack();
  }
}

document.querySelectorAll("[data-filter]").forEach(setUpFilter);
document.querySelectorAll("[data-match]").forEach(keepAnswers);
