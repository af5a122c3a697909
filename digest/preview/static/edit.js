// What editing needs of a script: dragging, moving by keys, checking while one types, and keeping
// what is typed. Without it every change is a form. What it says stands in data attributes.
"use strict";

(() => {

// Long enough that a sentence is not checked at every letter, short enough to answer in a pause.
const PAUSE_MS = 700;
// A row moved by keys is sent when no further key follows.
const MOVE_MS = 600;
// Near the edge of the window a drag scrolls, by so many pixels a frame.
const EDGE = 72;
const SCROLL = 14;
// Smaller movements of a hand on a button are no drag.
const SLACK = 5;

const all = (selector, root = document) => [...root.querySelectorAll(selector)];
const list = () => document.querySelector(".stories[data-edit]");
const rowsOf = (section) => all(":scope > ol > li.story", section);
const sectionsOf = () => all(".section[data-topic]", list());
const fill = (words, values) => words.replace(/\{(\w+)\}/g, (whole, name) => values[name] ?? whole);

// --- what a screen reader is told ------------------------------------------------------------

const voice = document.createElement("p");
voice.className = "hidden";
voice.id = "edit-voice";
voice.setAttribute("role", "status");
document.body.append(voice);

function say(words) {
  voice.textContent = "";
  // In a turn of its own, so that the same words are read again.
  requestAnimationFrame(() => (voice.textContent = words));
}

function sayPlace(row) {
  const section = row.closest(".section");
  const rows = rowsOf(section);
  say(
    fill(list().dataset.sayPlace, {
      title: row.dataset.title,
      place: rows.indexOf(row) + 1,
      of: rows.length,
      topic: section.dataset.topic,
    }),
  );
}

// --- moving a row ----------------------------------------------------------------------------

let sentMove = null; // what was sent last: {row, home, fields}
let moving = null; // {row, home: {parent, next}, timer}: moved here, not yet sent

function begin(row) {
  if (moving && moving.row !== row) send();
  if (!moving) {
    moving = { row, home: { parent: row.parentNode, next: row.nextSibling }, timer: 0 };
    // What comes from the server meanwhile would put it back.
    list().setAttribute("hx-morph-skip", "");
    row.classList.add("picked");
  }
  clearTimeout(moving.timer);
}

function settle() {
  const { row } = moving;
  clearTimeout(moving.timer);
  row.classList.remove("picked");
  list()?.removeAttribute("hx-morph-skip");
  moving = null;
  return row;
}

function putBack() {
  const { row, home } = moving;
  home.parent.insertBefore(row, home.next);
  settle();
  say(fill(list().dataset.sayBack, { title: row.dataset.title }));
}

function send() {
  const { home } = moving;
  const row = settle();
  const before = row.previousElementSibling;
  if (row.parentNode === home.parent && row.nextSibling === home.next) return;
  const fields = {
    story: row.dataset.story,
    article: row.dataset.article,
    topic: row.closest(".section").dataset.topic,
    after: before?.dataset.story ?? "",
  };
  const move = { row, home, fields };
  const seen = Number(document.getElementById("move-form").elements.seen.value);
  if (sent || held.length) held.push({ move, seen });
  else sendMove(move, seen);
}

function sendMove(move, seen) {
  const form = document.getElementById("move-form");
  if (!form) return;
  sentMove = move;
  const fields = { ...move.fields, seen, key: freshKey() };
  for (const [name, value] of Object.entries(fields)) form.elements[name].value = value;
  form.requestSubmit();
}

// Where no answer comes; a page that came meanwhile shows it where it was by itself.
function takeBack({ row, home }) {
  if (!row.isConnected || !home.parent.isConnected) return;
  home.parent.insertBefore(row, home.next?.parentNode === home.parent ? home.next : null);
}

function step(row, key) {
  const section = row.closest(".section");
  const sections = sectionsOf();
  const rows = rowsOf(section);
  const place = rows.indexOf(row);
  const at = sections.indexOf(section);
  const into = (target, before) => {
    begin(row);
    target.querySelector(":scope > ol").insertBefore(row, before);
  };
  if (key === "ArrowUp" && place > 0) into(section, rows[place - 1]);
  else if (key === "ArrowUp" && at > 0) into(sections[at - 1], null);
  else if (key === "ArrowDown" && place < rows.length - 1) into(section, rows[place + 1].nextSibling);
  else if (key === "ArrowDown" && at < sections.length - 1) {
    into(sections[at + 1], rowsOf(sections[at + 1])[0] ?? null);
  } else if (key === "Home" && place > 0) into(section, rows[0]);
  else if (key === "End" && place < rows.length - 1) into(section, null);
  else {
    say(fill(list().dataset.sayEnd, { title: row.dataset.title }));
    return;
  }
  row.querySelector(".handle").focus({ preventScroll: true });
  row.scrollIntoView({ block: "nearest" });
  sayPlace(row);
  moving.timer = setTimeout(send, MOVE_MS);
}

const MOVES = ["ArrowUp", "ArrowDown", "Home", "End"];
const WRITES = "input:not([type=checkbox], [type=radio]), textarea, select, [contenteditable]";

document.addEventListener("keydown", (event) => {
  if (event.key === "Escape" && (drag || moving)) {
    event.preventDefault();
    if (drag) stopDrag(false);
    else putBack();
    return;
  }
  const row = event.target.closest?.(".stories[data-edit] li.story[data-article]");
  const plain = !event.ctrlKey && !event.metaKey && !event.shiftKey;
  if (row && event.altKey && plain && MOVES.includes(event.key) && !event.target.matches(WRITES)) {
    event.preventDefault();
    step(row, event.key);
    return;
  }
  if ((event.ctrlKey || event.metaKey) && !event.altKey && !event.target.matches(WRITES)) {
    const key = event.key.toLowerCase();
    const redo = key === "y" || (key === "z" && event.shiftKey);
    if (!redo && key !== "z") return;
    if (event.repeat || drag) {
      event.preventDefault();
      return;
    }
    if (moving && !redo) {
      event.preventDefault();
      putBack();
      return;
    }
    const button = document.getElementById(redo ? "redo" : "undo");
    if (!button || button.disabled) return;
    event.preventDefault();
    button.click();
  }
});

// --- dragging: by mouse, pen or finger ---------------------------------------------------------

let drag = null; // {row, handle, id, x, y, mark, frame}

document.addEventListener("pointerdown", (event) => {
  const handle = event.target.closest?.(".handle");
  if (!handle || event.button !== 0 || drag) return;
  const row = handle.closest("li.story");
  if (!row || !list()?.contains(row)) return;
  if (moving) send();
  handle.setPointerCapture(event.pointerId);
  drag = { row, handle, id: event.pointerId, x: event.clientX, y: event.clientY, mark: null, frame: 0 };
});

document.addEventListener("pointermove", (event) => {
  if (!drag || event.pointerId !== drag.id) return;
  const far = Math.hypot(event.clientX - drag.x, event.clientY - drag.y) > SLACK;
  if (!drag.mark && !far) return;
  if (!drag.mark) lift();
  drag.at = event.clientY;
  place();
});

document.addEventListener("pointerup", (event) => {
  if (drag && event.pointerId === drag.id) stopDrag(true);
});
document.addEventListener("pointercancel", (event) => {
  if (drag && event.pointerId === drag.id) stopDrag(false);
});

function lift() {
  begin(drag.row);
  document.documentElement.classList.add("dragging");
  drag.mark = document.createElement("li");
  drag.mark.className = "drop-mark";
  drag.row.after(drag.mark);
  const roll = () => {
    if (!drag?.mark) return;
    const box = scroller(drag.row);
    const top = box === document.scrollingElement ? 0 : box.getBoundingClientRect().top;
    const bottom = box === document.scrollingElement ? innerHeight : box.getBoundingClientRect().bottom;
    if (drag.at < top + EDGE) box.scrollTop -= SCROLL;
    else if (drag.at > bottom - EDGE) box.scrollTop += SCROLL;
    place();
    drag.frame = requestAnimationFrame(roll);
  };
  drag.frame = requestAnimationFrame(roll);
}

function scroller(element) {
  for (let box = element.parentElement; box; box = box.parentElement) {
    const flow = getComputedStyle(box).overflowY;
    if (/auto|scroll/.test(flow) && box.scrollHeight > box.clientHeight) return box;
  }
  return document.scrollingElement;
}

// Puts the mark where the row would fall.
function place() {
  const sections = sectionsOf();
  const section =
    sections.find((one) => drag.at < one.getBoundingClientRect().bottom) ?? sections.at(-1);
  const before = rowsOf(section).find((row) => {
    const box = row.getBoundingClientRect();
    return drag.at < box.top + box.height / 2;
  });
  const parent = section.querySelector(":scope > ol");
  if (drag.mark.parentNode !== parent || drag.mark.nextElementSibling !== (before ?? null)) {
    parent.insertBefore(drag.mark, before ?? null);
  }
}

function stopDrag(drop) {
  const { row, handle, id, mark, frame } = drag;
  cancelAnimationFrame(frame);
  if (handle.hasPointerCapture(id)) handle.releasePointerCapture(id);
  document.documentElement.classList.remove("dragging");
  drag = null;
  if (!mark) {
    goOn();
    return;
  }
  if (!drop) {
    mark.remove();
    putBack();
    goOn();
    return;
  }
  mark.replaceWith(row);
  sayPlace(row);
  handle.focus({ preventScroll: true });
  send();
  goOn();
}

// --- ticks for merging -------------------------------------------------------------------------

function countTicks() {
  const form = document.getElementById("merge-form");
  if (!form) return;
  const count = all("input[name=ticked]:checked").length;
  form.classList.toggle("ready", count > 1);
  const help = document.getElementById("merge-help");
  help.dataset.none ??= help.textContent;
  help.textContent = count ? fill(list().dataset.sayTicked, { n: count }) : help.dataset.none;
}

// --- what is typed is kept, and checked ----------------------------------------------------------

const checks = new WeakMap(); // form -> {timer, abort}

function typed(form) {
  return all("input[name=text], textarea[name=text]", form).some((one) => one.value !== one.defaultValue);
}

// While it is skipped, what comes from the server leaves the form as it is, with the revision that
// was seen when the text was begun: whoever changed the same meanwhile is not overwritten.
function keep(form, unsaved) {
  form.toggleAttribute("hx-morph-skip", unsaved);
  form.toggleAttribute("data-unsaved", unsaved);
  // The page waited for it.
  if (document.getElementById("typed") && !document.querySelector("form[data-unsaved]")) window.desk.renew();
}

document.addEventListener("input", (event) => {
  // Whoever sets a time means it.
  if (event.target.id === "send-at") {
    const choice = event.target.form.querySelector('input[name="when"][value="at"]');
    if (choice) choice.checked = true;
  }
  if (event.target.matches("input[name=ticked]")) countTicks();
  const form = event.target.closest("form[data-keeps]");
  if (!form || event.target.name !== "text") return;
  keep(form, typed(form));
  // What is typed while the form is on its way is another change than the one that was sent.
  if (sent?.form === form) typedMore(form);
  count(event.target);
  if (form.dataset.check) later(form);
});

function typedMore(form) {
  form.elements.key.value = freshKey();
  if (sent?.form === form) sent.typedSince = true;
}

function freshKey() {
  return [...crypto.getRandomValues(new Uint8Array(16))].map((byte) => byte.toString(16).padStart(2, "0")).join("");
}

function count(field) {
  const counter = field.closest(".field")?.querySelector("[data-count]");
  if (!counter) return;
  const most = Number(field.dataset.most);
  counter.textContent = fill(counter.dataset.count, { n: field.value.length, most });
  counter.classList.toggle("error", field.value.length > most);
}

function later(form) {
  const state = checks.get(form) ?? { timer: 0, abort: null };
  checks.set(form, state);
  clearTimeout(state.timer);
  state.timer = setTimeout(() => check(form), PAUSE_MS);
}

async function check(form) {
  const state = checks.get(form) ?? { timer: 0, abort: null };
  checks.set(form, state);
  clearTimeout(state.timer);
  state.abort?.abort();
  state.abort = new AbortController();
  const place = form.querySelector("[data-verdicts]");
  place.setAttribute("aria-busy", "true");
  if (!place.textContent.trim()) place.textContent = place.dataset.checking;
  try {
    const answer = await fetch(form.dataset.check, {
      method: "POST",
      headers: { "X-Part": "verdicts" },
      body: new URLSearchParams(new FormData(form)),
      signal: state.abort.signal,
    });
    const part = new DOMParser().parseFromString(await answer.text(), "text/html");
    const found = part.querySelector("[data-part=verdicts]");
    if (found) place.replaceChildren(...found.childNodes);
    else place.textContent = place.dataset.failed;
    place.removeAttribute("aria-busy");
  } catch (error) {
    if (error.name === "AbortError") return;
    place.textContent = place.dataset.failed;
    place.removeAttribute("aria-busy");
  }
}

// What was typed before this script had come.
for (const form of all("form[data-keeps]")) {
  if (!typed(form)) continue;
  keep(form, true);
  if (form.dataset.check) later(form);
}

document.addEventListener("click", (event) => {
  const now = event.target.closest?.("[data-check-now]");
  if (!now) return;
  event.preventDefault();
  event.stopImmediatePropagation();
  check(now.form);
}, true);

addEventListener("beforeunload", (event) => {
  if (moving || held.length || document.querySelector("form[data-unsaved]")) event.preventDefault();
});

// --- one change after the other ------------------------------------------------------------------

// What is asked for while a change is on its way waits for its answer, and goes by the page that
// comes with it: sent at once it would speak of a page that was, and be refused for a change of the
// editor's own.
let held = []; // presses in their order: {seen, move}, or what `hold` makes of a form
let going = false; // a press that waited is being sent

// New on every page, or (the article by which a story is named) of no weight.
const CARRIED = ["csrf", "seen", "key", "to", "article"];

// Which form it is, whatever node it stands in: a page that comes may put another into it.
function nameForm(form) {
  const fixed = all("input[type=hidden]", form).filter((one) => !CARRIED.includes(one.name));
  return [form.getAttribute("hx-post"), ...fixed.map((one) => `${one.name}=${one.value}`)].join("\n");
}

function namePress(form, button) {
  return { form: nameForm(form), name: button?.name, value: button?.value };
}

function isSame(one, other) {
  return ["form", "name", "value"].every((name) => one?.[name] === other[name]);
}

function findPress({ form: wanted, name, value }) {
  const form = all("form[hx-post]").find((one) => nameForm(one) === wanted);
  const buttons = [...(form?.elements ?? [])].filter((one) => one.matches("button:not(:disabled)"));
  return buttons.find((one) => one.name === name && one.value === value);
}

function readFields(form) {
  return [...new FormData(form)].filter(([name]) => !CARRIED.includes(name));
}

function hold(form, button) {
  const press = { ...namePress(form, button), seen: Number(form.elements.seen?.value), fields: readFields(form) };
  const last = held.at(-1) ?? sent?.press;
  const again = isSame(last, press) && String(last.fields) === String(press.fields);
  // Asked for once already, but where a second press means a second step.
  if (again && !button?.matches("[data-repeats]")) return;
  held.push(press);
  button?.setAttribute("aria-busy", "true");
}

function goOn() {
  // What is dragged would be let go of by the page that comes.
  while (held.length && !sent && !drag) {
    const press = held.shift();
    going = true;
    if (press.move) sendMove(press.move, press.seen);
    else sendPress(press);
    going = false;
  }
}

function sendPress(press) {
  const button = findPress(press);
  // It went with its story, or there is nothing more to undo.
  if (!button) return;
  const { form } = button;
  const now = [...form.elements].map((field) => [field, field.value, field.checked]);
  for (const field of form.elements) {
    if (!field.name || CARRIED.includes(field.name) || field.matches("button")) continue;
    const values = press.fields.filter(([name]) => name === field.name).map(([, value]) => value);
    if (field.matches("[type=checkbox], [type=radio]")) field.checked = values.includes(field.value);
    else if (values.length) field.value = values[0];
  }
  if (form.elements.seen && press.seen) form.elements.seen.value = press.seen;
  form.requestSubmit(button);
  // What was typed or chosen after the press is not a part of it, and stays.
  for (const [field, value, checked] of now) {
    if (!field.name || CARRIED.includes(field.name) || field.type === "hidden" || field.matches("button")) continue;
    if (field.name === "text" && field.value !== value) {
      typedMore(form);
      keep(form, true);
    }
    field.value = value;
    field.checked = checked;
  }
}

// A button for steps may be pressed again and again; all else a second time by a double click only,
// and then it isn't meant: least of all where the page that came with the first half of it has put
// something else under the pointer.
const DOUBLE_MS = 300;
// Whoever clicks on after so long has looked at the page again.
const RESTS_MS = 2000;
// As far as a finger strays that taps the same place again.
const STRAYS = 12;
let clicked = null; // what the first of several clicks in one place pressed: a press, and `steps`
let clickedAt = { time: 0, x: 0, y: 0 };

document.addEventListener("click", (event) => {
  const button = event.target.closest?.("form[hx-post] button:not([type=button])");
  const press = button && namePress(button.form, button);
  const late = event.timeStamp - clickedAt.time > DOUBLE_MS;
  const rests = isNear(event) && event.timeStamp - clickedAt.time < RESTS_MS;
  clickedAt = { time: event.timeStamp, x: event.clientX, y: event.clientY };
  // Who rests on an arrow means the story that it moved, and not the one that came under the pointer.
  const resting = rests && clicked?.steps && isSameStep(press, clicked);
  // One that no pointer made has no number.
  if (event.detail === 0 || (!resting && (event.detail < 2 || (late && !clicked?.steps)))) {
    clicked = press && { ...press, steps: button.matches("[data-repeats]") };
    return;
  }
  if (!clicked && !press) return;
  if (clicked?.steps && press && isSame(press, clicked)) return;
  const step = clicked?.steps && findPress(clicked);
  // It can't be moved further, or has gone.
  if (clicked?.steps && !step && late) {
    clicked = null;
    return;
  }
  event.preventDefault();
  event.stopImmediatePropagation();
  if (step) step.form.requestSubmit(step);
}, true);

function isNear({ clientX, clientY }) {
  return Math.hypot(clientX - clickedAt.x, clientY - clickedAt.y) < STRAYS;
}

// The same arrow, of whatever story.
function isSameStep(press, other) {
  const [place, others] = [press, other].map((one) => one?.form.split("\n")[0]);
  return Boolean(press?.name) && press.name === other.name && press.value === other.value && place === others;
}

// The pointer rests no more.
for (const kind of ["pointermove", "wheel", "keydown"]) {
  document.addEventListener(kind, (event) => {
    if (kind !== "pointermove" || !isNear(event)) clicked = null;
  }, { capture: true, passive: true });
}

// A key that is held down is one press.
document.addEventListener("keydown", (event) => {
  if (event.repeat && event.key === "Enter" && event.target.matches("form[hx-post] button")) event.preventDefault();
}, true);

// --- around a swap -------------------------------------------------------------------------------

let focused = null; // where the focus was: {id, row, name, value, following}
let sent = null; // on its way: {form, press, seen, typedSince, undo}

function nameFocus() {
  const one = document.activeElement;
  const row = one?.closest?.("li.story");
  if (!one || one === document.body) return null;
  return { id: one.id, row: row?.id, name: one.name, value: one.value, following: row?.nextElementSibling?.id };
}

function control(row, name, value) {
  const found = all("button, input, select", row).find((one) => one.name === name && one.value === value);
  return found && !found.disabled ? found : row.querySelector(".handle, .story-acts button");
}

function findFocus() {
  if (!focused || document.activeElement !== document.body) return;
  const row = focused.row && document.getElementById(focused.row);
  const next = focused.following && document.getElementById(focused.following);
  const found =
    (focused.id && document.getElementById(focused.id)) ||
    (row && control(row, focused.name, focused.value)) ||
    (next && next.querySelector(".handle")) ||
    document.getElementById("undo");
  (found?.disabled ? document.getElementById("redo") : found)?.focus({ preventScroll: true });
}

document.addEventListener("submit", (event) => {
  const form = event.target;
  if (moving && !drag && !going) {
    // The last change is the move that isn't sent yet, not the one that the button knows.
    if (form.querySelector("#undo")) {
      event.preventDefault();
      event.stopImmediatePropagation();
      putBack();
      return;
    }
    if (form.id !== "move-form") send();
  }
  if ((sent || drag || (held.length && !going)) && form.matches("form[hx-post]")) {
    event.preventDefault();
    event.stopImmediatePropagation();
    hold(form, event.submitter);
    return;
  }
  // Sent by hand, without htmx: nothing is lost by going to the next page.
  if (form.matches("form[data-keeps]")) form.removeAttribute("data-unsaved");
}, true);

// As an extension, not as listeners: what a swap took away is heard of no more by the document.
htmx.registerExtension("edit", {
  htmx_before_request(source, { ctx }) {
    const form = source.closest?.("form");
    if (!form) return;
    focused = nameFocus();
    const press = { ...namePress(form, ctx.request.submitter), fields: readFields(form) };
    // The change that is on its way can be undone, although the page doesn't know of it yet.
    const undo = document.querySelector("#undo:disabled");
    if (undo) undo.disabled = false;
    sent = { form, press, seen: Number(form.elements.seen?.value), typedSince: false, undo };
    for (const button of all("button:not([type=button])", form)) button.setAttribute("aria-busy", "true");
  },
  // What comes back holds what was typed, unless something more was typed meanwhile.
  htmx_before_swap(source) {
    refusal = source.matches("form") ? null : findRefusal();
    if (source.matches("form")) document.getElementById("refused")?.remove();
    if (sent?.form === source && !sent.typedSince) source.removeAttribute("hx-morph-skip");
  },
  htmx_after_swap(source, { ctx }) {
    if (sent?.form === source) arrived(ctx);
    if (refusal) keepRefusal(refusal);
    followAnswer(ctx.response.raw);
    ready();
  },
  htmx_error(source) {
    if (sent?.form === source) failed();
  },
  htmx_finally_request(source, { ctx }) {
    // No page came into the place of this one: since what is typed would be lost, or since the page was
    // renewed before, and the form went with its story; or the answer is no page of the desk's.
    if (sent?.form === source) {
      if (ctx.text?.includes('id="desk"')) arrived(ctx);
      else failed();
    }
    for (const button of all("button[aria-busy]")) button.removeAttribute("aria-busy");
    for (const press of held) if (press.form) findPress(press)?.setAttribute("aria-busy", "true");
    // When htmx is done with this one: it queues what a form sends before that.
    queueMicrotask(goOn);
  },
});

// Whether exactly one change came after that revision. Revisions go up by more than changes do: what
// verification says of a text is one, too.
function oneSince(seen) {
  const [last = 0, before = 0] = (document.getElementById("desk").dataset.changed ?? "").split(" ").map(Number);
  return last > seen && before <= seen;
}

// The story may have gone with the change: then the edition's page comes, and it is the one to renew.
function followAnswer({ redirected, url }) {
  const { pathname, search } = new URL(url);
  if (redirected && pathname + search !== location.pathname + location.search) {
    history.replaceState(null, "", pathname + search);
  }
}

// Why something was not done stays until more is asked for, whatever others change meanwhile.
// Of an edition in another state it may not be true any more.
let refusal = null; // {notice, parent, before, state}: what a page that comes would take away

function findRefusal() {
  const notice = document.getElementById("refused");
  if (!notice) return null;
  const { state } = document.getElementById("desk").dataset;
  return { notice: notice.cloneNode(true), parent: notice.parentElement, before: notice.previousElementSibling, state };
}

function keepRefusal({ notice, parent, before, state }) {
  if (document.getElementById("refused") || state !== document.getElementById("desk").dataset.state) return;
  notice.removeAttribute("role"); // it was read aloud
  if (before?.parentElement === parent) before.after(notice);
  else parent.prepend(notice);
}

// Why it was not done, and that what was asked for after it wasn't either, for it was asked for in the
// belief that this would be done.
function tellRefusal(notice) {
  if (!document.contains(notice)) {
    const place = [".notices", ".page-body", "#desk"].map((one) => document.querySelector(one));
    place.find((one) => one).prepend(notice);
  }
  notice.querySelector("[data-after]").hidden = !held.length;
  held = [];
  notice.scrollIntoView({ block: "nearest" });
}

function makeRefusal() {
  return document.getElementById("not-done").content.firstElementChild.cloneNode(true);
}

// No answer came. What was typed is still the only one.
function failed() {
  const { form, undo } = sent;
  if (form.matches("[data-keeps]") && typed(form)) keep(form, true);
  const moves = held.filter((one) => one.move).map((one) => one.move);
  if (form.id === "move-form") moves.unshift(sentMove);
  moves.reverse().forEach(takeBack);
  if (undo) undo.disabled = true;
  document.getElementById("refused")?.remove();
  tellRefusal(makeRefusal());
  sent = focused = null;
}

function findAnswer({ response, text }) {
  if (response.status < 400) return null;
  // Where it would stand may be skipped, since a row is being moved there.
  const told =
    document.getElementById("refused") ??
    new DOMParser().parseFromString(text, "text/html").getElementById("refused");
  if (told || !held.length) return told;
  // A page that says what the trouble is, and knows nothing of what was to come.
  const notice = makeRefusal();
  notice.querySelector("[data-why]").remove();
  return notice;
}

function arrived(ctx) {
  const now = Number(document.querySelector("#desk form:not([hx-morph-skip], [hx-morph-skip] *) [name=seen]")?.value);
  const refused = findAnswer(ctx);
  // Our own change was the only one since: what is typed or moved elsewhere on the page has seen it.
  if (now && oneSince(sent.seen) && !refused) {
    for (const field of all("form[hx-morph-skip] [name=seen], [hx-morph-skip] form [name=seen]")) {
      if (oneSince(Number(field.value))) field.value = now;
    }
    for (const press of held) if (oneSince(press.seen)) press.seen = now;
  }
  // More was typed while it was on its way: it was taken, or why not stands on the page.
  if (now && sent.typedSince && sent.form.isConnected) sent.form.elements.seen.value = now;
  if (sent.form.id === "merge-form") {
    const merged = sent.press.fields.filter(([name]) => name === "ticked").map(([, value]) => value);
    for (const tick of all("input[name=ticked]:checked")) tick.checked = !merged.includes(tick.value);
  }
  for (const menu of all(".story-acts .menu[open]")) menu.open = false;
  if (refused) tellRefusal(refused);
  else {
    const last = document.querySelector(".last-change");
    if (last) say(last.textContent.trim().replace(/\s+/g, " "));
  }
  findFocus();
  sent = focused = null;
}

// Text that came back with a refusal is unsaved as well.
function ready() {
  for (const form of all("form[data-unsaved]")) form.setAttribute("hx-morph-skip", "");
  for (const field of all("[data-most]")) count(field);
  countTicks();
}

ready();
})();
