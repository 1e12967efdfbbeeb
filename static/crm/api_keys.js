// New API key: copy buttons, and a form that can be submitted only once.
"use strict";

const copied = document.getElementById("key-copied");

function textOf(element) {
  return element.value ?? element.textContent;
}

function select(element) {
  if (element.select) {
    element.focus();
    element.select();
  } else {
    getSelection().selectAllChildren(element);
  }
}

async function copy(element) {
  try {
    await navigator.clipboard.writeText(textOf(element));
    return true;
  } catch {
    // Without HTTPS the Clipboard API is not available, but execCommand is.
    select(element);
    return document.execCommand("copy");
  }
}

for (const button of document.querySelectorAll("[data-copy]")) {
  const label = button.textContent;
  button.hidden = false;
  button.addEventListener("click", async () => {
    if (await copy(document.getElementById(button.dataset.copy))) {
      button.textContent = copied.textContent = button.dataset.copied;
      setTimeout(() => {
        button.textContent = label;
        copied.textContent = "";
      }, 2000);
    }
  });
}

document.getElementById("key-secret")?.addEventListener("focus", (event) => event.target.select());

for (const form of document.querySelectorAll("form[data-once]")) {
  form.addEventListener("submit", (event) => {
    if (form.dataset.sent) event.preventDefault();
    form.dataset.sent = "yes";
  });
  addEventListener("pageshow", () => delete form.dataset.sent);
}
