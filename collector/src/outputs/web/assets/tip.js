// One floating note beside the pointer or the focused element. It only repeats what the page says elsewhere too.

import { render } from "./tree.js";

const box = () => document.getElementById("tip");

/// Shows content near a point of the window, kept inside it.
export function showTip(x, y, ...content) {
  const tip = box();
  render(tip, ...content);
  tip.hidden = false;
  const { width, height } = tip.getBoundingClientRect();
  const left = Math.max(8, Math.min(x + 14, innerWidth - width - 8));
  const top = y + 18 + height > innerHeight ? Math.max(8, y - height - 14) : y + 18;
  tip.style.setProperty("left", `${left}px`);
  tip.style.setProperty("top", `${top}px`);
}

/// Hides it.
export function hideTip() {
  box().hidden = true;
}

/// Handlers that show `content()` on hover; spread them into `on`.
export function tipped(content) {
  return {
    pointermove: (event) => event.pointerType === "mouse" && showTip(event.clientX, event.clientY, content()),
    pointerleave: hideTip,
  };
}

/// Says a text to a screen reader.
export function speak(text) {
  document.getElementById("spoken").textContent = text;
}

addEventListener("keydown", (event) => event.key === "Escape" && hideTip());
addEventListener("scroll", hideTip, { passive: true });
