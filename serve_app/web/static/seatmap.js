// The seat map of a show: drawn from /seatmap and /availability, kept current by /stream (see docs/api.md).
// Nothing from the server becomes markup: texts go through textContent and fillText only.

const STATUSES = ["available", "held", "sold", "withheld"];
const REDRAW_MS = 100; // a busy sale changes seats all the time; the whole map is redrawn, but not more often
const REDRAW_SHARE = 5; // nor more than a fifth of the time, on a slow machine
const RESYNC_MS = 500; // and up to as long again by chance: a thousand pages must not ask at once
const RETRY_MS = 5_000;
const MARGIN = 8;
const BAR = { height: 28, gap: 8 };
const DETAIL_PIXELS = 4; // smaller seats have no room for an outline or a cross

const figure = document.querySelector("#map");
const canvas = figure.querySelector("canvas");
const state = document.querySelector("#state");
const api = `/v1/shows/${encodeURIComponent(figure.dataset.show)}`;
const cells = new Map(
  [...document.querySelectorAll("#counts tbody tr")].map((row) => [row.dataset.category, cellsOf(row)]),
);
const totals = cellsOf(document.querySelector("#counts tfoot tr"));

let hall = null;
let source = null;
let timer = 0;
let drawing = false;
let drawMs = 0;

function cellsOf(row) {
  return STATUSES.map((status) => row.querySelector(`[data-status="${status}"]`));
}

/** All tickets of a seat map in flat arrays; a block's tickets begin at `first`. */
function hallOf(map) {
  const blocks = map.blocks.map((block) => ({ ...block, size: block.tickets ?? block.category.length, first: 0 }));
  let size = 0;
  for (const block of blocks) {
    block.first = size;
    size += block.size;
  }
  const made = {
    blocks, size, categories: map.categories.map((category) => category.name), areas: [], places: new Map(),
    status: new Uint8Array(size), category: new Uint8Array(size), x: new Float32Array(size), y: new Float32Array(size),
  };
  const areas = new Map();
  for (const block of blocks) {
    if (block.area !== undefined) {
      made.category.fill(block.category, block.first, block.first + block.size);
      areas.set(block.area, [...(areas.get(block.area) ?? []), block]);
      for (let n = 0; n < block.size; n++) made.places.set(`${block.area}-${block.first_unit + n}`, block.first + n);
      continue;
    }
    made.category.set(block.category, block.first);
    made.x.set(block.x, block.first);
    made.y.set(block.y, block.first);
    let place = block.first;
    for (const row of block.rows) {
      for (const number of row.numbers) made.places.set(`${block.section}-${row.row}-${number}`, place++);
    }
  }
  made.areas = [...areas].map(([name, pools]) => ({ name, pools }));
  made.sections = blocks.filter((block) => block.area === undefined);
  spread(made);
  made.box = boxOf(made, made.sections);
  made.pitch = pitchOf(made);
  return made;
}

/** Sections of a file without coordinates all begin at the same point: then one is put below the other. */
function spread(made) {
  const taken = new Set();
  let overlap = false;
  for (const { first } of made.sections) {
    const key = `${made.x[first]} ${made.y[first]}`;
    overlap ||= taken.has(key);
    taken.add(key);
  }
  if (!overlap) return;
  const sections = Map.groupBy(made.sections, (block) => block.section);
  let top = 0;
  for (const blocks of sections.values()) {
    const box = boxOf(made, blocks);
    for (const { first, size } of blocks) {
      for (let n = first; n < first + size; n++) made.y[n] += top - box.top;
    }
    top += box.bottom - box.top + 2.5;
  }
}

function boxOf(made, blocks) {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const { first, size } of blocks) {
    for (let n = first; n < first + size; n++) {
      box.left = Math.min(box.left, made.x[n]);
      box.right = Math.max(box.right, made.x[n]);
      box.top = Math.min(box.top, made.y[n]);
      box.bottom = Math.max(box.bottom, made.y[n]);
    }
  }
  return box;
}

/** The usual distance of neighbours, in units of the plan. */
function pitchOf(made) {
  const distances = [];
  for (const block of made.sections) {
    let place = block.first;
    for (const row of block.rows) {
      for (let n = place + 1; n < place + row.numbers.length; n++) {
        distances.push(Math.hypot(made.x[n] - made.x[n - 1], made.y[n] - made.y[n - 1]));
      }
      place += row.numbers.length;
    }
  }
  distances.sort((a, b) => a - b);
  return distances[distances.length >> 1] || 1;
}

/** Two bits per ticket, four to a byte, the first in the lowest bits. False when there are blocks that the map lacks. */
function fill(made, availability) {
  const firsts = new Map(made.blocks.map((block) => [block.block, block]));
  let complete = true;
  for (const { block, tickets, status } of availability.blocks) {
    const known = firsts.get(block);
    if (known === undefined) {
      complete = false;
      continue;
    }
    const packed = atob(status);
    for (let n = 0; n < tickets; n++) {
      made.status[known.first + n] = (packed.charCodeAt(n >> 2) >> (2 * (n & 3))) & 3;
    }
  }
  return complete;
}

function showCounts() {
  const counts = hall.categories.map(() => [0, 0, 0, 0]);
  const total = [0, 0, 0, 0];
  for (let n = 0; n < hall.size; n++) {
    counts[hall.category[n]][hall.status[n]]++;
    total[hall.status[n]]++;
  }
  counts.forEach((count, category) => write(cells.get(hall.categories[category]), count));
  write(totals, total);
}

function write(row, counts) {
  row?.forEach((cell, status) => {
    const text = counts[status].toLocaleString("en");
    if (cell.textContent !== text) cell.textContent = text;
  });
}

/** Fit the hall into the width of the page and most of the window's height; areas are bars below. */
function draw() {
  const { box, pitch, areas, sections } = hall;
  const width = figure.clientWidth;
  const bars = areas.length * (BAR.height + BAR.gap);
  let [scale, plan] = [0, 0];
  if (sections.length) {
    const [across, down] = [box.right - box.left + pitch, box.bottom - box.top + pitch];
    scale = Math.min((width - 2 * MARGIN) / across, Math.max(240, innerHeight * 0.85 - bars) / down, 22 / pitch);
    plan = down * scale + 2 * MARGIN;
  }
  const ratio = devicePixelRatio || 1;
  const height = Math.max(1, Math.round(plan + bars));
  canvas.style.height = `${height}px`;
  canvas.width = Math.round(width * ratio); // this clears it as well
  canvas.height = Math.round(height * ratio);
  const pen = canvas.getContext("2d");
  const style = getComputedStyle(document.documentElement);
  const colours = STATUSES.map((status) => style.getPropertyValue(`--${status}`));
  if (sections.length) {
    const left = (width - (box.right - box.left) * scale) / 2;
    const top = MARGIN + (pitch * scale) / 2;
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    drawSeats(pen, colours, left - box.left * scale, top - box.top * scale, scale);
  }
  pen.setTransform(ratio, 0, 0, ratio, 0, 0);
  areas.forEach((area, n) => {
    drawArea(pen, area, plan + n * (BAR.height + BAR.gap), width, colours, style);
  });
}

/** One pass per status, so that the pen changes its colour four times and not 50,000 times. */
function drawSeats(pen, colours, left, top, scale) {
  const { status: statuses, x: across, y: down } = hall;
  const size = Math.max(hall.pitch * scale * 0.78, 1);
  const half = size / 2;
  const detailed = size >= DETAIL_PIXELS;
  pen.lineWidth = Math.max(1, size / 7);
  for (let status = 0; status < STATUSES.length; status++) {
    const [held, sold] = [status === 1 && detailed, status === 2 && detailed];
    pen.fillStyle = pen.strokeStyle = colours[status];
    pen.beginPath();
    for (const { first, size: tickets } of hall.sections) {
      for (let n = first; n < first + tickets; n++) {
        if (statuses[n] !== status) continue;
        const x = left + across[n] * scale - half;
        const y = top + down[n] * scale - half;
        if (held) {
          const inset = pen.lineWidth / 2;
          pen.strokeRect(x + inset, y + inset, size - 2 * inset, size - 2 * inset);
        } else if (sold) {
          pen.moveTo(x, y);
          pen.lineTo(x + size, y + size);
          pen.moveTo(x + size, y);
          pen.lineTo(x, y + size);
        } else {
          pen.fillRect(x, y, size, size);
        }
      }
    }
    if (sold) pen.stroke();
  }
}

/** An area as a bar that is full of what is free. */
function drawArea(pen, area, top, width, colours, style) {
  let [free, size] = [0, 0];
  for (const pool of area.pools) {
    size += pool.size;
    for (let n = pool.first; n < pool.first + pool.size; n++) free += hall.status[n] === 0;
  }
  pen.fillStyle = style.getPropertyValue("--line");
  pen.fillRect(0, top, width, BAR.height);
  pen.fillStyle = colours[0];
  pen.fillRect(0, top + BAR.height - 4, (width * free) / size, 4);
  pen.fillStyle = style.getPropertyValue("--ink");
  pen.font = "14px system-ui, sans-serif";
  pen.textBaseline = "middle";
  const count = `${free.toLocaleString("en")} of ${size.toLocaleString("en")} free`;
  const room = pen.measureText(count).width + 10;
  pen.textAlign = "right";
  pen.fillText(count, width - 10, top + BAR.height / 2 - 1);
  pen.textAlign = "left";
  pen.fillText(area.name, 10, top + BAR.height / 2 - 1, Math.max(20, width - room - 20));
}

function redraw() {
  if (drawing || hall === null) return;
  drawing = true;
  setTimeout(() => requestAnimationFrame(() => {
    drawing = false;
    show();
  }), Math.max(REDRAW_MS, REDRAW_SHARE * drawMs));
}

function show() {
  const begun = performance.now();
  showCounts();
  draw();
  drawMs = performance.now() - begun;
  figure.dataset.drawMs = drawMs.toFixed(1);
}

function onSeats(event) {
  for (const { seat, status } of JSON.parse(event.data).changes) {
    const place = hall.places.get(seat);
    if (place !== undefined) hall.status[place] = STATUSES.indexOf(status);
  }
  redraw();
}

function listen(version) {
  source = new EventSource(`${api}/stream?last_event_id=${version}`);
  source.addEventListener("open", () => { state.textContent = "Live"; });
  source.addEventListener("seats", onSeats);
  source.addEventListener("resync", () => again(RESYNC_MS));
  source.addEventListener("error", () => {
    state.textContent = "Connecting again …";
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
    const map = await fetched("seatmap");
    const availability = await fetched("availability");
    const made = hallOf(map);
    const complete = fill(made, availability);
    hall = made;
    figure.hidden = hall.size === 0;
    show();
    if (complete) listen(availability.version);
    else again(RESYNC_MS);
  } catch (error) {
    console.warn(error);
    state.textContent = "The numbers cannot be had at the moment.";
    again(RETRY_MS);
  }
}

async function fetched(part) {
  const answer = await fetch(`${api}/${part}`, { cache: "no-cache" });
  if (!answer.ok) throw new Error(`${part}: ${answer.status}`);
  return answer.json();
}

new ResizeObserver(redraw).observe(figure);
matchMedia("(prefers-color-scheme: dark)").addEventListener("change", redraw);
load();
