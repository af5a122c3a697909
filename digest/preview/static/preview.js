// Two things the page can't do without a script: renew itself after a change, and keys.
"use strict";

// Short enough to feel immediate after saving a file, long enough to cost the server nothing.
const POLL_MS = 1000;

let version = document.body.dataset.version;
let timer = 0;
const status = document.getElementById("status");

async function get(address) {
  const response = await fetch(address, { cache: "no-store" });
  // A 404 is a page too: the edition shown may have gone.
  if (!response.ok && response.status !== 404) {
    throw new Error(`The preview answered ${response.status}; reload the page to see why.`);
  }
  return response;
}

// Replaces only the live parts that differ, so an unchanged e-mail isn't loaded again.
async function renew() {
  const text = await (await get(location.href)).text();
  const fresh = new DOMParser().parseFromString(text, "text/html");
  for (const current of document.querySelectorAll("[data-live]")) {
    const next = fresh.getElementById(current.id);
    if (!next) {
      location.reload(); // another kind of page by now: the first edition came, or this one went
      return;
    }
    const open = current.querySelector("details")?.open ?? false;
    const details = next.querySelector("details");
    if (details && open) details.open = true;
    if (next.outerHTML !== current.outerHTML) current.replaceWith(document.adoptNode(next));
  }
  document.title = fresh.title;
  // The page's own version, not the polled one: what changed in between is seen next time.
  version = fresh.body.dataset.version;
  say(`Renewed at ${new Date().toLocaleTimeString()}`);
}

function say(words) {
  if (status.textContent !== words) status.textContent = words;
}

async function look() {
  clearTimeout(timer);
  if (document.hidden) return; // looked at again as soon as the tab is shown
  try {
    const now = (await (await get("/version")).json()).version;
    if (now !== version) await renew();
    else if (status.dataset.lost) say("");
    delete status.dataset.lost;
  } catch (error) {
    status.dataset.lost = "yes";
    // `fetch` gives a TypeError when no answer came at all.
    say(
      error instanceof TypeError
        ? "The preview does not answer; start it again with “digest preview”."
        : error.message,
    );
  }
  clearTimeout(timer);
  timer = setTimeout(look, POLL_MS);
}

document.addEventListener("visibilitychange", look);
look();

// --- keys: single characters, so they can be switched off (WCAG 2.1.4) ---

const dialog = document.getElementById("keys");
const button = document.getElementById("keys-button");
const keysOn = document.getElementById("keys-on");

button.hidden = false;
button.addEventListener("click", () => dialog.showModal());
keysOn.checked = localStorage.getItem("keys") !== "off";
keysOn.addEventListener("change", () => {
  localStorage.setItem("keys", keysOn.checked ? "on" : "off");
});

document.addEventListener("keydown", (event) => {
  if (!keysOn.checked || event.ctrlKey || event.metaKey || event.altKey || dialog.open) return;
  // The arrow keys scroll inside these.
  if (event.key.startsWith("Arrow") && event.target.closest("pre, .shelf")) return;
  if (event.key === "?") {
    event.preventDefault();
    dialog.showModal();
    return;
  }
  const link = document.querySelector(`a[data-key="${CSS.escape(event.key)}"]`);
  if (link) {
    event.preventDefault();
    link.click();
  }
});
