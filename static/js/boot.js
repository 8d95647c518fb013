// Runs before the first paint, so that neither theme nor sidebar flashes. Must stay tiny.
(() => {
  const root = document.documentElement;
  const read = (key) => {
    try {
      return localStorage.getItem(key);
    } catch {
      return null;
    }
  };
  const choice = read("theme") || "system";
  const dark = choice === "dark" || (choice === "system" && matchMedia("(prefers-color-scheme: dark)").matches);
  root.dataset.theme = choice;
  root.dataset.bsTheme = dark ? "dark" : "light";
  root.dataset.sidebar = read("sidebar") || (innerWidth < 1360 ? "icons" : "open");
})();
