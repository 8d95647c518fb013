// The agent editor: search in the skills, a name from the title, a warning before typed text is lost.
const form = document.querySelector("#agent-form");
const mark = document.querySelector("#unsaved");
let unsaved = form.dataset.unsaved === "true";

function touched() {
  unsaved = true;
  mark.hidden = false;
}
mark.hidden = !unsaved;
form.addEventListener("input", (event) => event.target.id !== "skill-search" && touched());
form.addEventListener("submit", () => (unsaved = false));
addEventListener("beforeunload", (event) => unsaved && event.preventDefault());
addEventListener("keydown", (event) => {
  if ((event.metaKey || event.ctrlKey) && event.key.toLowerCase() === "s") {
    event.preventDefault();
    form.requestSubmit();
  }
});

// ── skills ──
const search = document.querySelector("#skill-search");
const options = [...document.querySelectorAll(".skill-option")];
const none = document.querySelector("#skill-none");
const count = document.querySelector("#skill-count");

function filterSkills() {
  const words = search.value.toLowerCase().split(/\s+/).filter(Boolean);
  let shown = 0;
  for (const option of options) {
    option.hidden = !words.every((word) => option.dataset.text.includes(word));
    shown += option.hidden ? 0 : 1;
  }
  none.hidden = shown > 0 || options.length === 0;
}
function countSkills() {
  const chosen = options.filter((option) => option.querySelector("input").checked).length;
  count.textContent = `${chosen} of ${options.length}`;
}
search.addEventListener("input", filterSkills);
search.addEventListener("keydown", (event) => event.key === "Enter" && event.preventDefault());
document.querySelector("#skill-clear").addEventListener("click", () => {
  search.value = "";
  filterSkills();
  search.focus();
});
form.addEventListener("change", countSkills);
countSkills();

// ── name from title, until somebody writes a name ──
const title = document.querySelector("#id_title");
const name = document.querySelector("#id_name");
let own = Boolean(name?.value);
name?.addEventListener("input", () => (own = Boolean(name.value)));
title.addEventListener("input", () => {
  if (!name || own) return;
  name.value = title.value
    .normalize("NFKD")
    .toLowerCase()
    .replace(/[^a-z0-9]+/g, "-")
    .replace(/^[^a-z]+|-+$/g, "")
    .slice(0, 64);
});

document.querySelector("[aria-invalid=true]")?.focus();
