// Import and export pages. They work without JavaScript; this only makes them more convenient.
"use strict";

// --- Choose: name, size and errors of the file; drag and drop ---

function sizeOf(bytes) {
  const units = ["byte", "kilobyte", "megabyte", "gigabyte"];
  const power = Math.min(Math.floor(Math.log2(Math.max(bytes, 1)) / 10), units.length - 1);
  const value = bytes / 1024 ** power;
  const options = { style: "unit", unit: units[power], maximumFractionDigits: value < 10 ? 1 : 0 };
  return new Intl.NumberFormat(document.documentElement.lang, options).format(value);
}

function setUpDrop(zone) {
  const input = zone.querySelector("input");
  const error = document.getElementById("file-error");
  const label = zone.querySelector("[data-label]");

  function errorOf(file) {
    if (file.size > Number(zone.dataset.max)) return zone.dataset.tooLarge;
    return file.size ? "" : zone.dataset.empty;
  }

  function show() {
    const [file] = input.files;
    const message = file ? errorOf(file) : "";
    zone.classList.toggle("ie-has-file", Boolean(file) && !message);
    zone.querySelector("[data-picked]").textContent = file ? `${file.name} · ${sizeOf(file.size)}` : "";
    if (file) label.textContent = zone.dataset.again;
    input.setCustomValidity(message);
    input.setAttribute("aria-invalid", String(Boolean(message)));
    error.textContent = message;
    error.hidden = !message;
  }

  // The file input covers the whole zone, so the browser handles clicks and drops itself.
  zone.classList.add("ie-drop-live");
  // Keeps Unfold's script from looking for the text field it adds to file inputs.
  input.hasChangeListener = true;
  zone.querySelector("[data-or]").hidden = false;
  input.addEventListener("change", show);
  for (const kind of ["dragenter", "dragover"]) input.addEventListener(kind, () => zone.classList.add("ie-over"));
  for (const kind of ["dragleave", "drop"]) input.addEventListener(kind, () => zone.classList.remove("ie-over"));
  // Keep the browser from opening a file that was dropped outside the zone.
  for (const kind of ["dragover", "drop"]) {
    document.addEventListener(kind, (event) => event.target === input || event.preventDefault());
  }
  if (input.files.length) show();
}

// --- Forms that can be submitted only once ---

function sendOnce(form) {
  const button = form.querySelector("button[data-busy]");
  const text = button.textContent;
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
    button.textContent = button.dataset.busy;
    button.setAttribute("aria-disabled", "true");
  });
  // The page may be restored from the back/forward cache.
  addEventListener("pageshow", () => {
    delete form.dataset.sent;
    button.textContent = text;
    button.removeAttribute("aria-disabled");
  });
}

// --- Progress ---

const PACE = 500;
/** Percentage between two announcements to screen readers. */
const ANNOUNCED = 20;

function setUpProgress(box) {
  const at = (name) => box.querySelector(`[data-${name}]`);
  const title = document.title.slice(document.title.indexOf("·"));
  let said = 0;

  function show(progress) {
    document.title = `${progress.percent}% ${title}`;
    at("bar").value = progress.percent;
    at("percent").textContent = `${progress.percent}%`;
    at("rows").textContent = progress.rows;
    at("left").textContent = progress.left;
    if (progress.percent >= said + ANNOUNCED) {
      said = progress.percent;
      at("said").textContent = `${progress.percent}%, ${progress.rows}, ${progress.left}`;
    }
  }

  /** Fetch the progress; null while the server or its database does not respond or is busy. */
  async function askOnce() {
    try {
      const answer = await fetch(box.dataset.progress, { headers: { Accept: "application/json" }, redirect: "manual" });
      return answer.status >= 500 || answer.status === 429 ? null : answer;
    } catch {
      return null;
    }
  }

  async function ask() {
    const answer = await askOnce();
    if (!answer) {
      at("left").textContent = box.dataset.lost;
      setTimeout(ask, 4 * PACE);
      return;
    }
    // Signed out, discarded or done: reload the page, which shows it.
    const progress = answer.ok ? await answer.json() : { at_work: false };
    if (!progress.at_work) {
      location.reload();
      return;
    }
    show(progress);
    setTimeout(ask, PACE);
  }

  setTimeout(ask, PACE);
}

// --- Export: all columns or none ---

function setUpColumns(form) {
  const boxes = [...form.querySelectorAll("input[name=columns]")];
  const error = document.getElementById("columns-error");
  const check = (isChecked) => {
    for (const box of boxes) box.checked = isChecked;
    error.hidden = true;
  };
  form.querySelector("[data-choose]").hidden = false;
  form.querySelector("[data-choose-all]").addEventListener("click", () => check(true));
  form.querySelector("[data-choose-none]").addEventListener("click", () => check(false));
  form.addEventListener("change", () => (error.hidden = true));
  form.addEventListener("submit", (event) => {
    if (boxes.some((box) => box.checked)) return;
    event.preventDefault();
    error.hidden = false;
    boxes[0].focus();
  });
}

document.querySelectorAll("[data-drop]").forEach(setUpDrop);
document.querySelectorAll("form[data-once]").forEach(sendOnce);
document.querySelectorAll("[data-progress]").forEach(setUpProgress);
document.querySelectorAll("form[data-columns]").forEach(setUpColumns);
document.querySelector(".ie [autofocus]")?.focus();
