/** What pages do better with a script: numbers that move, copy buttons, one box for all. Without it all of them work. */

for (const button of document.querySelectorAll("button.copy")) {
  button.hidden = false;
  button.addEventListener("click", () => {
    const text = document.getElementById(button.dataset.copy)?.textContent ?? "";
    navigator.clipboard.writeText(text).then(
      () => button.classList.add("good"),
      () => button.classList.add("bad"),
    );
  });
}

for (const box of document.querySelectorAll("input[data-all]")) {
  box.hidden = false;
  box.addEventListener("change", () => {
    for (const one of document.querySelectorAll(`input[name="${box.dataset.all}"]`)) one.checked = box.checked;
  });
}

const live = document.querySelectorAll("[data-live]");
const EVERY_MS = 5_000;

async function refresh() {
  if (document.visibilityState !== "visible") return;
  try {
    const response = await fetch("/live.json", { cache: "no-store" });
    if (!response.ok) return;
    const numbers = await response.json();
    for (const element of live) {
      const value = numbers[element.dataset.live];
      if (value !== undefined) element.textContent = value;
    }
  } catch {
    // The console has ended: the numbers stay as they were.
  }
}

if (live.length > 0) setInterval(() => void refresh(), EVERY_MS);
