// What reading needs of a script: renewal while one looks, evidence beside the stories, keys.
// Without it every page works by links and forms. What it says stands in data attributes.
"use strict";

// A block, so that no name meets one of edit.js.
{
  // A pointer on its way over the page shouldn't open what it only crosses.
  const REST_MS = 180;
  // Changes that come together (a theme's files, a build) are shown once.
  const TOGETHER_MS = 60;
  // An e-mail arrives within a tenth of a second. One that takes this long was stopped (by Escape,
  // say), or the server hangs; the browser tells neither.
  const ARRIVES_MS = 10_000;

  const WIDE = matchMedia("(min-width: 68.75rem)");
  const words = document.body.dataset;
  const status = document.getElementById("status");
  const desk = () => document.getElementById("desk");
  const filled = (text, values) => text.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

  function say(text) {
    if (status && status.textContent !== text) status.textContent = text;
  }

  // --- renewal: `#desk` becomes what the server has, and all else stays: focus, scroll, what is typed

  const keeping = {
    // What a script loads or shows by itself isn't undone by what came from the server.
    htmx_before_morph_node(old, { newNode }) {
      if (old.dataset?.fragment !== undefined && newNode.dataset?.fragment !== undefined) {
        old.dataset.fragment = newNode.dataset.fragment;
        return false;
      }
      return true;
    },
    htmx_before_morph_attr(element, { attrName }) {
      if (attrName === "src" && element.id === "frame") return false; // see `showInFrame`
      return !(attrName === "open" && element.matches("details, dialog"));
    },
    htmx_before_request(source) {
      if (source.matches("form")) changes += 1;
    },
    htmx_before_swap(source, { ctx, tasks }) {
      // What a proxy says while the desk is away is no page to put in its place.
      if (ctx.select === "#desk" && !ctx.text.includes('id="desk"')) return false;
      if (source.matches("form")) changes += 1;
      // A page that was asked for before a change, or during one, may not know of it, and would take
      // back what the change's own answer shows.
      if (source === document.body && changes !== before) {
        again = true;
        return false;
      }
      if (ctx.select !== "#desk") return true;
      // Else the rows would be without them for a moment, and lower ones would jump.
      for (const { fragment } of tasks) placeFindings(fragment);
      return hasPlaceForTyped(ctx.text, source);
    },
  };

  // Where it was built again, approved or merged, there is no form any more for what somebody is
  // writing: the page waits until there is, and says so.
  function hasPlaceForTyped(text, source) {
    const forms = [...document.querySelectorAll("form[data-unsaved]")].filter((form) => form !== source);
    if (!forms.length) return true;
    const page = new DOMParser().parseFromString(text, "text/html");
    if (forms.every((form) => page.getElementById(form.id))) return true;
    if (!document.getElementById("typed")) {
      const notice = document.getElementById("no-place").content.firstElementChild.cloneNode(true);
      document.querySelector("#desk .notices")?.prepend(notice);
    }
    return false;
  }

  let changes = 0; // sent, and answered
  let before = 0; // how many when the page was asked for that is on its way
  let again = false;
  let renewing = null;
  let timer = 0;

  function renew() {
    // Where there was nothing yet, the address leads elsewhere as soon as there is something.
    if (document.querySelector("[data-reload]")) {
      location.reload();
      return Promise.resolve();
    }
    if (renewing) {
      again = true;
      return renewing;
    }
    const address = location.pathname + location.search;
    before = changes;
    renewing = htmx
      .ajax("GET", address, { target: "#desk", select: "#desk", swap: "outerMorph" })
      .catch(() => {})
      .finally(() => {
        renewing = null;
        if (!again) return;
        again = false;
        renew();
      });
    return renewing;
  }

  function soon() {
    clearTimeout(timer);
    timer = setTimeout(() => {
      if (!document.hidden) renew();
    }, TOGETHER_MS);
  }

  function clock() {
    return new Date().toLocaleTimeString([], { hour: "2-digit", minute: "2-digit", hour12: false });
  }

  let latest = words.version;

  let events = null;

  // A page that nobody sees listens to nothing: a browser has six connections to a server, and
  // seven open pages would leave none to load an eighth.
  function listen() {
    if (document.hidden || events) return;
    events = new EventSource("/events");
    events.addEventListener("open", () => {
      if (status?.hasAttribute("data-lost")) say("");
      status?.removeAttribute("data-lost");
    });
    events.addEventListener("change", ({ data }) => {
      latest = data;
      // A page that was refused, or is of nobody who has come in, has no version: it stays as it is.
      if (data && desk()?.dataset.version && data !== desk().dataset.version) soon();
    });
    events.addEventListener("job", ({ data }) => work(JSON.parse(data)));
    events.addEventListener("error", () => {
      status?.setAttribute("data-lost", "");
      say(words.lost);
      if (events?.readyState !== EventSource.CLOSED) return;
      // A refusal (too many pages listen) is final for the browser, and not for us.
      deaf();
      setTimeout(listen, 5000);
    });
  }

  function deaf() {
    events?.close();
    events = null;
  }

  // Progress moves in place; whatever begins or ends comes with the page.
  function work(job) {
    const shown = document.querySelector(`#work [data-job="${Number(job.number)}"]`);
    if (!shown || job.state !== "running") {
      soon();
      return;
    }
    const bar = shown.querySelector("progress");
    if (bar && job.total) {
      bar.max = job.total;
      bar.value = job.done;
    }
    const line = shown.querySelector(".job-state");
    if (line && job.stage) line.textContent = filled(words.jobState, job);
  }

  document.addEventListener("visibilitychange", () => {
    if (document.hidden) deaf();
    else listen();
    if (document.hidden || !desk()?.dataset.version) return;
    if (latest && latest !== desk().dataset.version) renew();
  });

  // --- what comes after the page: size, findings, the e-mail as text --------------------------------

  const loaded = new WeakMap(); // element -> the address of what it shows

  async function load(place) {
    const address = place.dataset.fragment;
    if (!address || loaded.get(place) === address) return;
    loaded.set(place, address);
    place.setAttribute("aria-busy", "true");
    try {
      await htmx.ajax("GET", address, { source: place, target: place, swap: "innerMorph" });
    } catch {
      loaded.delete(place); // the link that stood there still leads to it
    }
    place.removeAttribute("aria-busy");
  }

  // A finding that speaks of a story stands in the story's row as well.
  function placeFindings(page = document) {
    for (const old of page.querySelectorAll(".story .findings")) old.remove();
    for (const found of document.querySelectorAll("#weight .finding[data-story]")) {
      const row = page.getElementById(`story-${found.dataset.story}`);
      const text = row?.querySelector(".story-text") ?? row;
      if (!text) continue;
      let list = text.querySelector(".findings");
      if (!list) {
        list = document.createElement("ul");
        list.className = "findings";
        text.append(list);
      }
      const copy = found.cloneNode(true);
      copy.removeAttribute("data-story");
      copy.querySelector(".where")?.remove();
      list.append(copy);
    }
  }

  function loadFragments() {
    for (const place of document.querySelectorAll("[data-fragment]")) load(place).then(() => placeFindings());
  }

  // --- the frame with the e-mail: one page after the other -------------------------------------------

  // Chromium can lose an address that comes just when an earlier one arrives: the frame would go on
  // showing an edition that was changed since, and swallow the key that led into it.
  let arrived = null; // the frame whose address has arrived
  let next = "";
  let patience = 0;
  const given = new WeakMap(); // frame -> the address that it was given
  const givenTo = (frame) => given.get(frame) ?? frame.src;

  // By `replace`, and not by `src`: an address of a frame's is a step in the history of the tab, and
  // Back would lead through all that the e-mail ever was before it leads anywhere.
  function showInFrame(frame, address) {
    awaitFrame();
    if (frame === arrived) {
      arrived = null;
      given.set(frame, address);
      frame.contentWindow.location.replace(address);
    } else {
      next = address;
    }
  }

  function renewFrame() {
    const frame = document.getElementById("frame");
    if (!frame) return;
    const address = new URL(frame.dataset.email, location).href;
    if (address !== (next || givenTo(frame))) showInFrame(frame, address);
  }

  function awaitFrame() {
    patience ||= setTimeout(() => hasArrived(document.getElementById("frame")), ARRIVES_MS);
  }

  function hasArrived(frame) {
    clearTimeout(patience);
    patience = 0;
    arrived = frame;
    const address = next;
    next = "";
    if (frame && address) showInFrame(frame, address);
    else follow(document.activeElement?.closest("li.story"));
  }

  let frameWasHeard = false;

  const onLoad = (event) => {
    if (event.target.id !== "frame") return;
    frameWasHeard = true;
    hasArrived(event.target);
  };
  document.addEventListener("load", onLoad, true); // on its way down: it doesn't rise
  awaitFrame();
  // The frame may have loaded before this script ran.
  addEventListener("load", () => frameWasHeard || hasArrived(document.getElementById("frame")));

  // --- the e-mail follows the story that one is at ------------------------------------------------------

  let followed = "";

  function follow(row) {
    const frame = document.getElementById("frame");
    const id = row?.id.replace(/^story-/, "");
    if (!frame || frame !== arrived || !id || id === followed || !WIDE.matches) return;
    followed = id;
    const address = givenTo(frame).replace(/#.*/, "");
    frame.contentWindow.location.replace(`${address}#${encodeURIComponent(id)}`);
  }

  // --- evidence: what a sentence stands on, beside it -------------------------------------------------

  const evidence = () => document.getElementById("evidence");
  const known = new Map(); // address -> HTML; forgotten with each renewal
  let rest = 0;
  let wanted = "";
  let returning = false; // the focus comes back to a sentence whose evidence was just closed

  async function show(link) {
    const place = evidence();
    if (!place || !WIDE.matches) return;
    const url = new URL(link.href);
    url.hash = "";
    url.searchParams.set("only", "evidence");
    const address = url.pathname + url.search;
    if (wanted === address && !place.hidden) return;
    wanted = address;
    for (const other of document.querySelectorAll("a.sentence.shown")) other.classList.remove("shown");
    link.classList.add("shown");
    try {
      if (!known.has(address)) {
        const answer = await fetch(address, { headers: { "HX-Request": "true" } });
        if (!answer.ok) throw new Error(String(answer.status));
        known.set(address, await answer.text());
      }
      if (wanted !== address) return;
      const page = new DOMParser().parseFromString(known.get(address), "text/html");
      place.replaceChildren(...page.body.childNodes);
    } catch {
      if (wanted !== address) return;
      const line = document.createElement("p");
      line.className = "notice bad";
      line.textContent = words.evidenceFailed;
      place.replaceChildren(line);
    }
    place.hidden = false;
    const mark = place.querySelector("mark.asked") ?? place.querySelector("mark");
    place.scrollTop = 0;
    const below = mark ? mark.getBoundingClientRect().bottom - place.getBoundingClientRect().bottom : 0;
    // As little as is needed, so that the sentence itself stays in sight above.
    if (below > 0) place.scrollTop = below + place.clientHeight / 4;
  }

  // Gives the focus back to where it came from, when it was in what closes.
  function hide() {
    clearTimeout(rest);
    wanted = "";
    const place = evidence();
    const shown = document.querySelector("a.sentence.shown");
    if (place && !place.hidden) {
      const inside = place.contains(document.activeElement);
      place.hidden = true;
      place.replaceChildren();
      returning = true;
      if (inside) shown?.focus({ preventScroll: true });
      returning = false;
    }
    shown?.classList.remove("shown");
  }

  const sentenceOf = (event) => event.target.closest?.("a.sentence[data-evidence]");

  document.addEventListener("mouseover", (event) => {
    clearTimeout(rest);
    const link = sentenceOf(event);
    if (link) rest = setTimeout(() => show(link), REST_MS);
  });

  document.addEventListener("focusin", (event) => {
    const row = event.target.closest?.("li.story");
    if (row) follow(row);
    const link = sentenceOf(event);
    if (link && !returning) show(link);
  });

  document.addEventListener("click", (event) => {
    if (event.target.closest?.("[data-close-evidence]")) hide();
    const row = event.target.closest?.("li.story");
    if (row) follow(row);
    // A menu closes when one goes elsewhere.
    for (const menu of document.querySelectorAll("details.menu[open]")) {
      if (!menu.contains(event.target)) menu.open = false;
    }
  });

  // --- keys: single characters, so they can be switched off (WCAG 2.1.4) --------------------------------

  const sheet = document.getElementById("keys");
  const WRITES = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

  function keysOn() {
    return localStorage.getItem("keys") !== "off";
  }

  function showKeysState() {
    for (const box of document.querySelectorAll("input.keys-on")) box.checked = keysOn();
  }

  document.addEventListener("change", (event) => {
    if (!event.target.matches?.("input.keys-on")) return;
    localStorage.setItem("keys", event.target.checked ? "on" : "off");
    showKeysState();
  });

  document.getElementById("keys-link")?.addEventListener("click", (event) => {
    if (event.ctrlKey || event.metaKey || event.shiftKey || location.pathname === "/help") return;
    event.preventDefault();
    sheet.showModal();
  });

  function stepStory(by) {
    const links = [...document.querySelectorAll("li.story h3 a")];
    const row = document.activeElement?.closest?.("li.story");
    const at = links.findIndex((link) => row?.contains(link));
    const next = links[at < 0 ? (by > 0 ? 0 : links.length - 1) : at + by];
    next?.focus();
    next?.closest("li.story").scrollIntoView({ block: "nearest" });
  }

  function closeMenu(target) {
    const menu = target.closest?.("details.menu[open]") ?? document.querySelector("details.menu[open]");
    if (!menu) return false;
    menu.open = false;
    menu.querySelector("summary").focus();
    return true;
  }

  document.addEventListener("keydown", (event) => {
    if (event.defaultPrevented || event.isComposing) return;
    if (event.key === "Escape" && !sheet?.open) {
      if (closeMenu(event.target)) event.preventDefault();
      else hide();
      return;
    }
    if (!keysOn() || event.ctrlKey || event.metaKey || event.altKey || sheet?.open) return;
    if (event.target.matches?.(WRITES)) return;
    if (event.key === "j" || event.key === "k") {
      event.preventDefault();
      stepStory(event.key === "j" ? 1 : -1);
      return;
    }
    const link = [...document.querySelectorAll("[data-key]")].find((one) => one.dataset.key === event.key);
    if (link) {
      event.preventDefault();
      link.click();
    }
  });

  // --- beginning, and after each swap ---------------------------------------------------------------

  function ready() {
    renewFrame();
    loadFragments();
    placeFindings();
    showKeysState();
  }

  document.addEventListener("htmx:after:swap", (event) => {
    if (event.detail.ctx.target?.closest?.("[data-fragment]")) return;
    known.clear();
    if (!evidence()?.hidden && !document.querySelector("a.sentence.shown")) hide();
    followed = "";
    ready();
    if (!status?.hasAttribute("data-lost")) say(filled(words.renewed, { time: clock() }));
  });

  // Who asked for a sentence's support is shown it.
  const asked = location.hash ? null : document.querySelector("main mark.asked");
  if (asked && asked.getBoundingClientRect().bottom > innerHeight) {
    asked.scrollIntoView({ block: "center" });
  }

  htmx.registerExtension("desk", keeping);
  window.desk = { keysOn, renew, say, givenTo };
  ready();
  listen();
}
