// Cells that are changed in a preview are saved and checked as soon as they are left. Without this, "Save" does it.
"use strict";

const PENDING = document.querySelector("[data-pending]");
const CONFIRM = document.querySelector("form[data-confirm]");

/** Show how much was changed since the file was checked; it cannot be imported before it is checked again. */
function showPending(answer) {
  PENDING.hidden = !answer.pending;
  PENDING.querySelector("[data-pending-words]").textContent = answer.words;
  if (CONFIRM) CONFIRM.hidden = Boolean(answer.pending);
}

/** Take over the token of a session that has begun in another tab. */
async function renewTokens() {
  const page = await fetch(location.href, { redirect: "manual" });
  if (!page.ok) return false;
  const parsed = new DOMParser().parseFromString(await page.text(), "text/html");
  const token = parsed.querySelector("[data-fix] [name=csrfmiddlewaretoken]")?.value;
  for (const input of document.querySelectorAll("[name=csrfmiddlewaretoken]")) if (token) input.value = token;
  return Boolean(token);
}

function send(form) {
  return fetch(form.action, {
    method: "POST",
    body: new FormData(form),
    headers: { Accept: "application/json" },
    redirect: "manual",
  });
}

function setUpFix(form, words) {
  const field = form.elements.text;
  const said = form.querySelector("[data-said]");
  let saved = field.value;
  let isBusy = false;

  function show(sentence, isWrong) {
    said.textContent = sentence;
    form.classList.toggle("ie-fix-wrong", isWrong);
    form.classList.toggle("ie-fix-good", !isWrong);
    field.setAttribute("aria-invalid", String(isWrong));
  }

  async function answerOf() {
    const answer = await send(form);
    return answer.status === 403 && (await renewTokens()) ? send(form) : answer;
  }

  async function save() {
    const text = field.value;
    form.setAttribute("aria-busy", "true");
    isBusy = true;
    try {
      const answer = await answerOf();
      if (answer.type === "opaqueredirect" || answer.status === 403) return show(words.signedOut, true);
      if (answer.headers.get("Content-Type") !== "application/json") return show(words.lost, true);
      const told = await answer.json();
      if (!answer.ok) return show(told.sentence, true);
      saved = text;
      form.elements.seen.value = told.seen;
      show(told.sentence, told.is_wrong);
      showPending(told);
    } catch {
      show(words.lost, true);
    } finally {
      form.removeAttribute("aria-busy");
      isBusy = false;
      // Something else may have been typed while the server was asked.
      if (field.value !== text && document.activeElement !== field) save();
    }
    return undefined;
  }

  form.addEventListener("submit", (event) => {
    event.preventDefault();
    if (!isBusy) save();
  });
  field.addEventListener("change", () => {
    if (!isBusy && field.value !== saved) save();
  });
}

const ROWS = document.querySelector("[data-fixes]");
for (const form of ROWS?.querySelectorAll("form[data-fix]") ?? []) setUpFix(form, ROWS.dataset);

// The form of a group that was just changed is open again.
const GROUP = location.hash.startsWith("#group-") && document.getElementById(location.hash.slice(1));
if (GROUP) GROUP.closest("li").scrollIntoView({ block: "center" });
