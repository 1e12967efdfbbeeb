/* Set the light or dark theme before the first paint. Unfold's switch takes over once it runs. */
(() => {
  const chosen = JSON.parse(localStorage.getItem("_x_adminTheme") || '"auto"');
  const isDark = chosen === "auto" ? matchMedia("(prefers-color-scheme: dark)").matches : chosen === "dark";
  document.documentElement.classList.add(isDark ? "dark" : "light");
})();
