// Bump what includes a fragment one by one, in their order: progress, a way to stop, and each outcome in its row.
const $ = (selector, from = document) => from.querySelector(selector);
const boxes = (filter = "") => [...document.querySelectorAll(`#bump-form [name=prompt]${filter}`)];
let stopped = false;

function tally() {
  const chosen = boxes(":checked:enabled").length;
  const free = boxes(":enabled").length;
  const all = $("[data-bump-all]");
  if (!all) return;
  all.checked = free > 0 && chosen === free;
  all.indeterminate = chosen > 0 && chosen < free;
  $("[data-bump]").disabled = chosen === 0;
  $("[data-bump-count]").textContent = chosen ? `Bump ${chosen} prompt${chosen > 1 ? "s" : ""}` : "Bump the chosen";
}
document.addEventListener("change", (event) => {
  if (event.target.matches("[data-bump-all]")) for (const box of boxes(":enabled")) box.checked = event.target.checked;
  if (event.target.closest("#bump-form")) tally();
});
document.addEventListener("htmx:afterSettle", tally);

async function bump(form, box) {
  const state = $("[data-bump-state]", box.closest("tr"));
  const body = new FormData();
  for (const name of ["csrfmiddlewaretoken", "version"]) body.append(name, form.elements[name].value);
  body.append("prompt", box.value);
  state.innerHTML = '<span class="skeleton bump-working"></span>';
  const answer = await fetch(form.action, { method: "POST", body, headers: { "HX-Request": "true" } }).catch(() => null);
  if (answer?.ok) {
    state.innerHTML = await answer.text();
    if ($("[data-outcome]", state)?.dataset.outcome === "bumped") {
      box.checked = false;
      box.disabled = true;
      return true;
    }
    return false;
  }
  const id = answer?.headers.get("X-Request-ID");
  state.textContent = answer ? `failed: the server answered ${answer.status}, request id ${id}` : "failed: the server cannot be reached";
  return false;
}
document.addEventListener("submit", async (event) => {
  const form = event.target.closest("#bump-form");
  if (!form) return;
  event.preventDefault();
  const chosen = boxes(":checked:enabled");
  const [button, stop, progress, said] = ["", "-stop", "-progress", "-said"].map((end) => $(`[data-bump${end}]`, form));
  stopped = false;
  button.disabled = true;
  stop.hidden = progress.hidden = false;
  progress.max = chosen.length;
  let made = 0;
  let done = 0;
  for (const box of chosen) {
    if (stopped) break;
    said.textContent = `${done + 1} of ${chosen.length}: ${box.value}`;
    made += (await bump(form, box)) ? 1 : 0;
    progress.value = ++done;
  }
  stop.hidden = progress.hidden = true;
  const left = chosen.length - done;
  said.textContent = [`${made} bumped`, done - made && `${done - made} not; each says why`, left && `${left} left as they were`].filter(Boolean).join(", ") + ".";
  tally();
});
document.addEventListener("click", (event) => {
  if (event.target.closest("[data-bump-stop]")) stopped = true;
});
tally();
