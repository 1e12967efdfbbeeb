/* Functions called in attributes. Alpine's CSP build cannot access globals, so they are registered here. */
document.addEventListener("alpine:init", () => {
  Alpine.data("theme", (preset) => {
    const component = theme(preset);
    return {
      ...component,
      // Wrapped, because expressions cannot access global functions.
      sortRecords: (event) => sortRecords(event),
      moveRecords: (event) => moveRecords(event),
      init() {
        // Alpine takes over the class that theme.js has set.
        document.documentElement.classList.remove("light", "dark");
        component.init.call(this);
      },
    };
  });

  Alpine.data("page", (firstTab) => ({
    activeTab: firstTab === undefined ? "" : getCurrentTab() || firstTab,
    sidebarMobileOpen: false,
    sidebarDesktopOpen: localStorage.getItem("sidebarDesktopOpen") !== "0",
    init() {
      this.$watch("sidebarDesktopOpen", (isOpen) => localStorage.setItem("sidebarDesktopOpen", isOpen ? "1" : "0"));
    },
    /** Return the URL to which a form with tabs is submitted, so that the same tab is open afterwards. */
    addressOf(tab) {
      const { pathname, search } = window.location;
      return pathname + search + (tab && tab !== "general" ? `#${tab}` : "");
    },
  }));

  Alpine.data("searchForm", () => searchForm());
});

document.addEventListener("DOMContentLoaded", () => {
  for (const select of document.querySelectorAll("select[data-submits-form]")) {
    select.addEventListener("change", () => select.form.requestSubmit());
  }
});

/* Accessibility: clickable spans and links of Unfold become buttons, and the names of icons ("more_horiz") are hidden
   from screen readers. */
const REACHABLE = "a[href], button, input, select, textarea, summary, label, [tabindex]";

function becomeButton(element) {
  const isBackdrop = !element.textContent.trim();
  if (isBackdrop || element.matches(REACHABLE) || element.querySelector(REACHABLE)) {
    return;
  }
  element.setAttribute("role", "button");
  element.tabIndex = 0;
}

function hideIcon(icon) {
  const control = icon.closest("a, button, [role=button]");
  if (control && !control.ariaLabel && !control.title) {
    const words = [...control.childNodes].filter((node) => !node.classList?.contains("material-symbols-outlined"));
    if (control === icon || !words.some((node) => node.textContent.trim())) {
      control.ariaLabel = document.body.dataset.moreLabel;
    }
  }
  if (control !== icon) {
    icon.ariaHidden = "true";
  }
}

function makeAccessible(root) {
  root.querySelectorAll("[x-on\\:click]").forEach(becomeButton);
  root.querySelectorAll(".material-symbols-outlined").forEach(hideIcon);
}

/* Autocomplete fields are rendered next to their select. Name them after its label, then their value. */
function nameReferences() {
  for (const select of document.querySelectorAll("select.select2-hidden-accessible")) {
    const [label] = select.labels;
    const field = select.nextElementSibling?.querySelector("[role=combobox]");
    const value = field?.querySelector(".select2-selection__rendered");
    if (label && value?.id) {
      label.id ||= `${select.id}-label`;
      field.setAttribute("aria-labelledby", `${label.id} ${value.id}`);
      value.removeAttribute("role");
      value.removeAttribute("aria-readonly");
    }
  }
}

document.addEventListener("DOMContentLoaded", () => {
  if (document.querySelector(".admin-autocomplete")) {
    // They are rendered at any time, and new rows add more of them.
    new MutationObserver(nameReferences).observe(document.body, { childList: true, subtree: true });
  }
});

document.addEventListener("alpine:initialized", () => makeAccessible(document));
document.addEventListener("formset:added", (event) => makeAccessible(event.target));
document.addEventListener("keydown", (event) => {
  if ((event.key === "Enter" || event.key === " ") && event.target.matches("[role=button][x-on\\:click]")) {
    event.preventDefault();
    event.target.click();
  }
});
