// The seat map of a show: loads the hall, keeps it current by /stream, and lets people choose (see docs/api.md).
// Nothing from the server becomes markup: texts go through textContent and fillText only. What is said stands in the page.

import { Choice } from "./choice.js";
import { FREE, Hall, STATUSES } from "./hall.js";
import { HallCanvas } from "./canvas.js";

const RESYNC_MS = 500; // and up to as long again by chance: a thousand pages must not ask at once
const RETRY_MS = 5_000;
const TELL_MS = 1_000;
const OPENING_MS = 3_000; // after a sale begins, by chance: a thousand pages must not ask at once
const TIMER_MS_MAX = 2 ** 31 - 1;
const COLOURS = 8; // of categories: --c0 to --c7 of the style sheet
const STEP = 1.5; // one press of a zoom button
const WHEEL_PIXELS = 400; // of the wheel, for a factor of e
const TAP_PIXELS = 7; // a pointer that moves less has not dragged
const REACH = 0.75; // of the distance between neighbours: what is farther from a seat does not mean it
const ARROWS = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, -1], ArrowDown: [0, 1] };

const figure = document.querySelector("#map");
const canvas = figure.querySelector("canvas");
const state = document.querySelector("#state");
const spoken = document.querySelector("#spoken");
const { show, currency, digits, most } = figure.dataset;
const api = `/v1/shows/${encodeURIComponent(show)}`;
const language = document.documentElement.lang;
const number = new Intl.NumberFormat(language);
const coins = new Intl.NumberFormat(language, {
  style: "currency", currency, minimumFractionDigits: digits, maximumFractionDigits: digits,
});
const words = new Map(
  [...document.querySelector("#texts").content.querySelectorAll("[data-text]")]
    .map((one) => [one.dataset.text, one.textContent.trim()]),
);
const rows = [...document.querySelectorAll("#counts tbody tr")];
const cells = new Map(rows.map((row) => [row.dataset.category, cellsOf(row)]));
const colours = new Map(rows.map((row, n) => [row.dataset.category, `c${n % COLOURS}`]));
const totals = cellsOf(document.querySelector("#counts tfoot tr"));
const sale = document.querySelector("#sale");
const soldOut = document.querySelector("#sold-out"); // not there before the sale and after it

const drawing = new HallCanvas(canvas, (section) => [
  texts("free", { free: number.format(section.free) }),
  ...(section.free ? [texts("from", { price: money(section.cheapest) })] : []),
]);
const box = document.querySelector("#chosen");
const choice = box && new Choice(box, {
  api, most: Number(most), texts, money, label: (seat) => seatText(seat), changed: () => drawing.draw(),
});

let hall = null;
let source = null;
let timer = 0;
let counting = 0;
let telling = 0;
let opening = 0;
let onSale = { open: true, few: true, sold_out: false }[sale.dataset.state]; // undefined: the page knew no numbers
let cursor = -1; // the seat that the keyboard is at
let hovered = null; // {seat or section, x, y} under the pointer
const pointers = new Map(); // those that are down, by id: where they are
let moved = 0;

/** A text of the page with its {places} filled in. */
function texts(name, values = {}) {
  return words.get(name).replace(/\{(\w+)\}/g, (_, place) => values[place]);
}

function money(amount) {
  return coins.format(amount / 10 ** digits);
}

function seatText(seat) {
  return texts("seat", hall.names(seat));
}

function described(seat) {
  const own = choice?.seats.has(seat);
  const status = own ? texts("own") : texts(`status-${hall.status[seat]}`);
  const { name, price } = hall.categories[hall.category[seat]];
  const which = hall.accessible[seat] ? `${seatText(seat)}, ${texts("accessible")}` : seatText(seat);
  return texts("described", { seat: which, category: name, price: money(price), state: status });
}

function cellsOf(row) {
  return STATUSES.map((status) => row.querySelector(`[data-status="${status}"]`));
}

function writeCounts() {
  counting ||= requestAnimationFrame(() => {
    counting = 0;
    const total = [0, 0, 0, 0];
    hall.counts.forEach((counts, category) => {
      counts.forEach((count, status) => { total[status] += count; });
      write(cells.get(hall.categories[category].name), counts);
    });
    write(totals, total);
    if (soldOut && hall.size && onSale !== total[FREE] > 0) telling ||= setTimeout(tellFree, TELL_MS);
  });
}

/** Nothing is left, or something is again: said once in a while at most, for in a rush it goes to and fro. */
function tellFree() {
  telling = 0;
  const free = hall.counts.reduce((sum, counts) => sum + counts[FREE], 0);
  if (onSale === free > 0) return;
  if (free && !hall.seats && !document.querySelector("#choose")) location.reload(); // for the form of the areas
  const back = onSale === false ? texts("back", { free: number.format(free) }) : texts("open");
  sale.textContent = free ? back : texts("sold-out");
  onSale = soldOut.hidden = free > 0;
}

/** When the sale begins the page is shown anew, for the forms below the map; but nothing that is chosen is lost. */
function awaitOpening(now) {
  if (!sale.dataset.opens) return;
  clearTimeout(opening);
  const wait = Date.parse(sale.dataset.opens) - now + OPENING_MS * Math.random();
  if (wait < TIMER_MS_MAX) opening = setTimeout(opened, wait);
}

function opened() {
  if (choice?.seats.size) sale.textContent = texts("open");
  else location.reload();
}

function write(row, counts) {
  row?.forEach((cell, status) => {
    const text = number.format(counts[status]);
    if (cell.textContent !== text) cell.textContent = text;
  });
}

// What the picture has on top of the hall.

drawing.marks = () => [
  ...[...(choice?.seats ?? [])].map((seat) => ({ seat, own: true })),
  ...(cursor >= 0 && document.activeElement === canvas ? [{ seat: cursor, ring: true }] : []),
  ...(hovered ? [{ text: hovered.text(), x: hovered.x, y: hovered.y }] : []),
];

/** What is at a point of the canvas: {seat} or {section}, or nothing. */
function under(x, y) {
  const at = drawing.planned(x, y);
  const finger = 12 / drawing.view.scale; // it is larger than a seat
  if (!drawing.seatsShown) {
    const section = hall.sectionAt(at.x, at.y, Math.max(hall.pitch, finger));
    return section < 0 ? {} : { section: hall.sections[section] };
  }
  const seat = hall.nearest(at.x, at.y, Math.max(REACH * hall.pitch, finger));
  return seat < 0 ? {} : { seat };
}

function hover(x, y) {
  const { seat, section } = under(x, y);
  if (seat !== undefined) hovered = { x, y, text: () => described(seat) };
  else if (section) hovered = { x, y, text: () => `${section.name}: ${texts("free", { free: number.format(section.free) })}` };
  else hovered = null;
  drawing.draw();
}

function tap(x, y) {
  const { seat, section } = under(x, y);
  if (section) drawing.open(section);
  if (seat !== undefined) choose(seat);
}

function choose(seat) {
  const matter = choice ? choice.toggle(seat) : texts("closed");
  cursor = seat;
  spoken.textContent = matter || described(seat);
  if (choice) choice.note(matter);
  drawing.draw();
}

// Pointers: one pans, two zoom, one that does not move means what is under it.

function place(event) {
  const { left, top } = canvas.getBoundingClientRect();
  return { x: event.clientX - left, y: event.clientY - top };
}

/** The middle of the pointers that are down, and how far apart they are. */
function grip() {
  const all = [...pointers.values()];
  const x = all.reduce((sum, one) => sum + one.x, 0) / all.length;
  const y = all.reduce((sum, one) => sum + one.y, 0) / all.length;
  return { x, y, wide: all.length > 1 ? Math.hypot(all[0].x - all[1].x, all[0].y - all[1].y) : 0 };
}

canvas.addEventListener("pointerdown", (event) => {
  if (event.button) return; // another one than the first
  canvas.setPointerCapture(event.pointerId);
  if (!pointers.size) moved = 0;
  pointers.set(event.pointerId, place(event));
  hovered = null;
});

canvas.addEventListener("pointermove", (event) => {
  if (!hall) return;
  const at = place(event);
  if (event.pointerType === "mouse" && !event.buttons) pointers.delete(event.pointerId); // let go where nobody saw it
  if (!pointers.has(event.pointerId)) {
    if (event.pointerType === "mouse") hover(at.x, at.y);
    return;
  }
  const before = grip();
  pointers.set(event.pointerId, at);
  const after = grip();
  moved += Math.hypot(after.x - before.x, after.y - before.y) + Math.abs(after.wide - before.wide);
  if (moved < TAP_PIXELS) return;
  drawing.pan(after.x - before.x, after.y - before.y);
  if (before.wide && after.wide) drawing.zoom(after.wide / before.wide, after.x, after.y);
  viewed();
});

canvas.addEventListener("pointerup", (event) => {
  const at = pointers.get(event.pointerId);
  pointers.delete(event.pointerId);
  if (hall && at && moved < TAP_PIXELS && !pointers.size) tap(at.x, at.y);
  viewed();
});

canvas.addEventListener("pointercancel", (event) => pointers.delete(event.pointerId));
canvas.addEventListener("pointerleave", () => {
  hovered = null;
  drawing.draw();
});

canvas.addEventListener("wheel", (event) => {
  const at = place(event);
  const pixels = event.deltaY * [1, 16, 400][event.deltaMode];
  if (!hall || !drawing.zoom(Math.exp(-pixels / WHEEL_PIXELS), at.x, at.y)) return; // then the page scrolls
  event.preventDefault();
  viewed();
}, { passive: false });

/** A finger on the whole hall scrolls the page; there is nothing to pan. */
function viewed() {
  canvas.classList.toggle("whole", drawing.isWhole);
}

const ZOOMS = { in: () => drawing.zoom(STEP), out: () => drawing.zoom(1 / STEP), all: () => drawing.whole() };
figure.addEventListener("click", ({ target }) => {
  ZOOMS[target.dataset.zoom]?.();
  viewed();
});

canvas.addEventListener("keydown", (event) => {
  if (!hall?.seats || event.ctrlKey || event.metaKey || event.altKey) return;
  if (ARROWS[event.key]) move(...ARROWS[event.key]);
  else if (event.key === "+" || event.key === "=") ZOOMS.in();
  else if (event.key === "-") ZOOMS.out();
  else if (event.key === "0") ZOOMS.all();
  else if ((event.key === "Enter" || event.key === " ") && cursor >= 0) choose(cursor);
  else if (event.key === "Escape") {
    choice?.clear();
    spoken.textContent = texts("cleared");
  } else return;
  event.preventDefault();
  viewed();
});

function move(across, down) {
  cursor = cursor < 0 ? hall.nearest(drawing.view.x, drawing.view.y) : hall.next(cursor, across, down);
  drawing.reveal(cursor);
  spoken.textContent = described(cursor);
}

for (const kind of ["focus", "blur"]) canvas.addEventListener(kind, () => drawing.draw());

// The hall, and what changes in it.

function onSeats(event) {
  const changed = [];
  for (const { seat, status } of JSON.parse(event.data).changes) {
    const at = hall.place(seat);
    if (at !== undefined && hall.change(at, STATUSES.indexOf(status)) && at < hall.seats) changed.push(at);
  }
  if (!changed.length && !hall.areas.length) return;
  drawing.touch(changed);
  choice?.prune();
  writeCounts();
}

function listen(version) {
  source = new EventSource(`${api}/stream?last_event_id=${version}`);
  source.addEventListener("open", () => {
    state.textContent = texts("live");
    choice?.settle();
  });
  source.addEventListener("seats", onSeats);
  source.addEventListener("resync", () => again(RESYNC_MS));
  source.addEventListener("error", () => {
    state.textContent = texts("connecting");
    if (source.readyState === EventSource.CLOSED) again(RETRY_MS); // otherwise the browser does it
  });
}

/** Fetch everything anew in a while; asked for twice, done once. The stream goes on from what was fetched. */
function again(milliseconds) {
  source?.close();
  clearTimeout(timer);
  timer = setTimeout(load, milliseconds * (1 + Math.random()));
}

async function load() {
  try {
    const [map, availability] = await Promise.all([fetched("seatmap.bin"), fetched("availability.bin")]);
    const made = new Hall(await map.arrayBuffer());
    const version = made.fill(await availability.arrayBuffer());
    awaitOpening(Date.parse(availability.headers.get("Date")) || Date.now()); // the server's clock, if it tells
    const at = cursor < 0 ? undefined : hall.label(cursor);
    hall = made;
    cursor = at === undefined ? -1 : hall.place(at) ?? -1;
    figure.hidden = hall.seats === 0;
    if (box) box.hidden = figure.hidden;
    writeCounts();
    if (hall.seats) {
      drawing.show(hall, hall.categories.map(({ name }) => colours.get(name) ?? "c0"));
      choice?.use(hall);
      viewed();
      requestAnimationFrame(() => performance.mark("seatmap-painted"));
    }
    if (version === null) again(RESYNC_MS);
    else listen(version);
  } catch (error) {
    console.warn(error);
    state.textContent = texts("away");
    again(RETRY_MS);
  }
}

async function fetched(part) {
  const answer = await fetch(`${api}/${part}`, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${part}: ${answer.status}`);
  return answer;
}

addEventListener("pageshow", ({ persisted }) => {
  if (persisted) again(0); // back from another page: what was missed meanwhile is not known
});
load();
