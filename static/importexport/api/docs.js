"use strict";

const place = document.getElementById("docs");
const dark = matchMedia("(prefers-color-scheme: dark)");
const follow = () => document.documentElement.classList.toggle("dark-mode", dark.matches);

follow();
dark.addEventListener("change", follow);

// A path inside the button that opens an operation is text there: a link inside a button cannot be operated reliably.
const PathsAsText = () => ({
  wrapComponents: { DeepLink: (_, { React }) => ({ text }) => React.createElement("span", null, text) },
});

// Swagger UI names few of its fields. The name of a field is that of its parameter, or of what stands around it.
const nameOf = (field) =>
  field.closest("[data-param-name]")?.dataset.paramName ??
  (field.closest(".servers") ? "Server" : field.closest(".response-control-media-type") ? "Media type" : "Value");

const hasText = (label) => [...label.childNodes].some((node) => node.nodeType === Node.TEXT_NODE && node.data.trim());

new MutationObserver(() => {
  for (const field of place.querySelectorAll("select, input, textarea")) {
    const isNamed = field.hasAttribute("aria-label") || [...(field.labels ?? [])].some(hasText);
    if (!isNamed) field.setAttribute("aria-label", nameOf(field));
  }
  // What scrolls can be reached by keyboard.
  for (const example of place.querySelectorAll("pre:not([tabindex])")) example.tabIndex = 0;
}).observe(place, { childList: true, subtree: true });

SwaggerUIBundle({
  domNode: place,
  url: place.dataset.schema,
  deepLinking: true,
  docExpansion: "list",
  defaultModelsExpandDepth: 0,
  persistAuthorization: true,
  tagsSorter: null,
  plugins: [PathsAsText],
  syntaxHighlight: { theme: "obsidian" },
});
