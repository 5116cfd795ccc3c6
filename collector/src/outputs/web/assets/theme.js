// Runs before the first paint, so that a chosen theme does not flash. Without a choice the system decides.
(() => {
  const KEY = "wattledger-theme";
  const ORDER = ["system", "light", "dark"];
  const SIGN = { system: "◐", light: "☀", dark: "☾" };
  const root = document.documentElement;

  const stored = () => {
    try {
      const theme = localStorage.getItem(KEY);
      return ORDER.includes(theme) ? theme : "system";
    } catch {
      return "system";
    }
  };

  const apply = (theme) => {
    if (theme === "system") root.removeAttribute("data-theme");
    else root.setAttribute("data-theme", theme);
  };

  let theme = stored();
  apply(theme);

  document.addEventListener("DOMContentLoaded", () => {
    const button = document.getElementById("theme");
    const label = () => {
      button.textContent = SIGN[theme];
      button.title = `Theme: ${theme}`;
      button.setAttribute("aria-label", `Theme: ${theme}. Change it.`);
    };
    button.addEventListener("click", () => {
      theme = ORDER[(ORDER.indexOf(theme) + 1) % ORDER.length];
      try {
        localStorage.setItem(KEY, theme);
      } catch {
        // Private windows may refuse; the choice then lasts as long as the page.
      }
      apply(theme);
      label();
    });
    label();
  });
})();
