// Try a model through /v1, streamed, with its figures; switch between the samples.
const form = document.querySelector("#try-form");
const answer = document.querySelector("#try-answer");
const figures = document.querySelector("#try-figures");
const stop = document.querySelector("#try-stop");
let running = null;

const ms = (since) => {
  const elapsed = performance.now() - since;
  return elapsed < 1000 ? `${Math.round(elapsed)} ms` : `${(elapsed / 1000).toFixed(1)} s`;
};
function show(text, failed = false) {
  answer.hidden = false;
  answer.toggleAttribute("data-error", failed);
  answer.textContent = text;
}

// Yield the data of each server-sent event.
async function* events(response) {
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const { done, value } = await reader.read();
    if (done) return;
    const parts = (rest + value).split("\n\n");
    rest = parts.pop();
    for (const part of parts) if (part.startsWith("data: ") && part !== "data: [DONE]") yield JSON.parse(part.slice(6));
  }
}

async function run() {
  const began = performance.now();
  let [text, first, usage] = ["", "", null];
  const { model, content } = Object.fromEntries(new FormData(form));
  const response = await fetch(form.dataset.address, {
    method: "POST",
    signal: running.signal,
    headers: { "Content-Type": "application/json" },
    body: JSON.stringify({ model, messages: [{ role: "user", content }], stream: true, stream_options: { include_usage: true } }),
  });
  if (!response.ok) {
    const { error } = await response.json();
    throw new Error(`${error.message} (${error.code})`);
  }
  for await (const event of events(response)) {
    if (event.error) throw new Error(`${event.error.message} (${event.error.code})`);
    const piece = event.choices[0]?.delta?.content;
    if (piece) {
      first ||= ms(began);
      text += piece;
      show(text);
    }
    usage = event.usage ?? usage;
    figures.textContent = [first && `first word ${first}`, ms(began), usage && `${usage.prompt_tokens} in · ${usage.completion_tokens} out`].filter(Boolean).join(" · ");
  }
}

form?.addEventListener("submit", async (event) => {
  event.preventDefault();
  running?.abort();
  running = new AbortController();
  const mine = running;
  stop.hidden = false;
  figures.textContent = "";
  show("…");
  try {
    await run();
  } catch (error) {
    if (mine.signal.aborted) figures.textContent += " · stopped";
    else show(error.message, true);
  }
  if (mine === running) stop.hidden = true;
});
stop?.addEventListener("click", () => running?.abort());
form?.addEventListener("keydown", (event) => {
  if (event.key === "Enter" && (event.metaKey || event.ctrlKey)) form.requestSubmit();
});

for (const tab of document.querySelectorAll("[data-sample]"))
  tab.addEventListener("click", () => {
    for (const other of document.querySelectorAll("[data-sample]")) {
      const chosen = other === tab;
      other.setAttribute("aria-selected", String(chosen));
      document.querySelector(`#sample-${other.dataset.sample}`).hidden = !chosen;
    }
  });
