// The value under the pointer, in any chart of the page.
const tip = Object.assign(document.createElement("div"), { className: "chart-tip", hidden: true });
tip.setAttribute("aria-hidden", "true");
function point(event) {
  const slot = event.target.closest?.("[data-tip]");
  tip.hidden = !slot;
  if (!slot) return;
  const plot = slot.closest(".chart-plot");
  if (tip.parentElement !== plot) plot.append(tip);
  const [moment, ...rest] = slot.dataset.tip.split(": ");
  tip.replaceChildren(Object.assign(document.createElement("b"), { textContent: moment }), ` ${rest.join(": ")}`);
  const [within, at] = [plot.getBoundingClientRect(), slot.getBoundingClientRect()];
  const middle = at.left + at.width / 2 - within.left;
  tip.style.left = `${Math.min(Math.max(middle - tip.offsetWidth / 2, 0), within.width - tip.offsetWidth)}px`;
}
document.addEventListener("pointermove", point);
document.addEventListener("pointerdown", point);
document.addEventListener("pointerleave", point);
