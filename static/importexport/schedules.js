// The form of a schedule shows the options of what it does.
document.addEventListener("DOMContentLoaded", () => {
  const kind = document.getElementById("id_kind");
  if (!kind) return;
  const partOf = (name) => document.getElementById(name)?.closest("fieldset");
  const parts = { import: partOf("id_mode"), export: partOf("id_file_format") };
  const show = () => {
    for (const [name, part] of Object.entries(parts)) if (part) part.hidden = name !== kind.value;
  };
  kind.addEventListener("change", show);
  show();
});
