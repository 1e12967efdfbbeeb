/* What the expressions in the pages' attributes call. Alpine's CSP build knows no globals: each has its place here. */
document.addEventListener("alpine:init", () => {
  Alpine.data("theme", (preset) => {
    const component = theme(preset);
    return {
      ...component,
      // Not the functions themselves: an expression may not touch what is global.
      sortRecords: (event) => sortRecords(event),
      moveRecords: (event) => moveRecords(event),
      init() {
        // The class that theme.js set is Alpine's from now on.
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
    /** Where a form with tabs is sent, so that it comes back with the same tab open. */
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
