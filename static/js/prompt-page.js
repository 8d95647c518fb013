// The page of a prompt: its two main actions are one key away.
addEventListener("keydown", (event) => {
  if (event.metaKey || event.ctrlKey || event.altKey || document.querySelector("dialog[open]")) return;
  if (event.target.closest("input, textarea, select, [contenteditable=true]")) return;
  document.querySelector(`#main [data-key="${CSS.escape(event.key)}"]`)?.click();
});
