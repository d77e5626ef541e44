// A hall as flat arrays, from the bytes of /seatmap.bin and /availability.bin (their layout is in docs/api.md).
// A place is an index: the seats of all blocks first, in the order of the file, then the units of the areas.

export const STATUSES = ["available", "held", "sold", "withheld"];
export const FREE = 0;
const MAGIC = { seatmap: 0x314d5246, availability: 0x31415246 }; // "FRM1" and "FRA1", as little-endian numbers
const GAP = 2.5; // between sections without coordinates, in units of the plan

export class Hall {
  /** `bytes`: an ArrayBuffer of /seatmap.bin. */
  constructor(bytes) {
    const texts = textsOf(bytes);
    const { columns, map } = texts;
    this.currency = map.currency;
    this.categories = map.categories;
    this.seats = columns.category.length;
    this.blocks = new Map(); // by number: the first place, and how many
    this.sections = [];
    this.rows = []; // sorted by their first place
    this.areas = [];
    let [seat, unit] = [0, this.seats];
    const accessible = [];
    for (const block of map.blocks) {
      if (block.area !== undefined) {
        this.blocks.set(block.block, { first: unit, size: block.tickets });
        this.areas.push({ ...block, first: unit });
        unit += block.tickets;
        continue;
      }
      const first = seat;
      for (const row of block.rows) {
        this.rows.push({ ...row, section: block.section, first: seat });
        seat += row.seats ?? row.numbers.length;
      }
      this.blocks.set(block.block, { first, size: seat - first });
      for (const ticket of block.accessible ?? []) accessible.push(first + ticket);
      this.#section(block.section).parts.push([first, seat]);
    }
    this.size = unit;
    this.status = new Uint8Array(unit);
    this.category = new Uint16Array(unit);
    this.category.set(columns.category);
    this.accessible = new Uint8Array(this.seats); // 1: a wheelchair can stand there
    for (const place of accessible) this.accessible[place] = 1;
    for (const { first, tickets, category } of this.areas) this.category.fill(category, first, first + tickets);
    this.x = coordinates(columns.x);
    this.y = coordinates(columns.y);
    spread(this);
    this.pitch = pitchOf(this);
    this.sectionOf = new Uint16Array(this.seats);
    this.sections.forEach((section, number) => {
      for (const [first, end] of section.parts) this.sectionOf.fill(number, first, end);
      section.box = boxOf(this, section.parts);
      section.hull = hullOf(this, section.parts);
      section.isLine = isLine(this, section);
      section.middle = middleOf(this, section.parts);
      section.cheapest = cheapest(this, section.parts);
    });
    this.box = boxOf(this, [[0, this.seats]]);
  }

  #section(name) {
    const last = this.sections.at(-1);
    if (last?.name === name) return last;
    const found = this.sections.find((section) => section.name === name);
    return found ?? this.sections[this.sections.push({ name, parts: [], free: 0, size: 0 }) - 1];
  }

  /** Statuses of all places from an ArrayBuffer of /availability.bin. The version; null when the map lacks a block. */
  fill(bytes) {
    const data = new DataView(bytes);
    if (data.getUint32(0, true) !== MAGIC.availability) throw new Error("not an availability");
    const blocks = data.getUint32(4, true);
    let [from, complete] = [16 + 8 * blocks, true];
    for (let n = 0; n < blocks; n++) {
      const known = this.blocks.get(data.getUint32(16 + 8 * n, true));
      const tickets = data.getUint32(20 + 8 * n, true);
      for (let ticket = 0; known && ticket < tickets; ticket++) {
        this.status[known.first + ticket] = (data.getUint8(from + (ticket >> 2)) >> (2 * (ticket & 3))) & 3;
      }
      complete &&= known !== undefined;
      from += (tickets + 3) >> 2;
    }
    this.#count();
    return complete ? data.getBigUint64(8, true) : null;
  }

  #count() {
    this.counts = this.categories.map(() => [0, 0, 0, 0]);
    for (let place = 0; place < this.size; place++) this.counts[this.category[place]][this.status[place]]++;
    for (const section of this.sections) section.free = section.size = 0;
    for (let seat = 0; seat < this.seats; seat++) {
      const section = this.sections[this.sectionOf[seat]];
      section.size++;
      section.free += this.status[seat] === FREE;
    }
  }

  /** A place has another status now; false when it had it already. */
  change(place, status) {
    const before = this.status[place];
    if (before === status) return false;
    this.status[place] = status;
    const counts = this.counts[this.category[place]];
    counts[before]--;
    counts[status]++;
    if (place < this.seats) {
      this.sections[this.sectionOf[place]].free += (status === FREE) - (before === FREE);
    }
    return true;
  }

  price(seat) {
    return this.categories[this.category[seat]].price;
  }

  /** What is written on a seat: section, row, number. */
  names(seat) {
    let [low, high] = [0, this.rows.length - 1];
    while (low < high) {
      const middle = (low + high + 1) >> 1;
      if (this.rows[middle].first <= seat) low = middle;
      else high = middle - 1;
    }
    const row = this.rows[low];
    return { section: row.section, row: row.row, number: numberOf(row, seat - row.first) };
  }

  label(seat) {
    const { section, row, number } = this.names(seat);
    return `${section}-${row}-${number}`;
  }

  /** The place with this label. The table of all labels is made when it is asked for first, after the first picture. */
  place(label) {
    this.labelled ??= labelled(this);
    return this.labelled.get(label);
  }

  /** The seat nearest to a point of the plan, not farther than `reach`; -1 when there is none. */
  nearest(x, y, reach = Infinity) {
    let [found, least] = [-1, reach * reach];
    for (let seat = 0; seat < this.seats; seat++) {
      const distance = (this.x[seat] - x) ** 2 + (this.y[seat] - y) ** 2;
      if (distance < least) [found, least] = [seat, distance];
    }
    return found;
  }

  /** The next seat in a direction (a unit vector); what lies aside of it counts double. The same seat at the border. */
  next(from, across, down) {
    let [found, least] = [from, Infinity];
    for (let seat = 0; seat < this.seats; seat++) {
      const [x, y] = [this.x[seat] - this.x[from], this.y[seat] - this.y[from]];
      const along = x * across + y * down;
      const aside = Math.abs(x * down - y * across);
      if (along <= this.pitch / 100 || aside > 2 * along) continue;
      const cost = along + 2 * aside;
      if (cost < least) [found, least] = [seat, cost];
    }
    return found;
  }

  /** Whether a section's hull has a point of the plan. */
  isIn({ hull }, x, y) {
    return hull.length > 2 && hull.every((seat, n) => cross(this, seat, hull[(n + 1) % hull.length], x, y) >= 0);
  }

  /** The number of the section whose hull has a point of the plan, or whose seat is within `reach`; -1 when there is none. */
  sectionAt(x, y, reach) {
    const found = this.sections.findIndex((section) => this.isIn(section, x, y));
    const seat = found < 0 ? this.nearest(x, y, reach) : -1; // a single row has nothing inside
    return seat < 0 ? found : this.sectionOf[seat];
  }

  /** Whether a text has room that reaches so far from its middle: inside of its section, or, on one that is a line, where
   * neither another section nor what is written there is. */
  hasRoom(section, x, y, across, down) {
    if (section.isLine) {
      return this.sections.every((other) => other === section || isBeside(other.box, x, y, 2 * across, 2 * down));
    }
    return [x - across, x + across].every((side) => [y - down, y + down].every((edge) => this.isIn(section, side, edge)));
  }
}

function textsOf(bytes) {
  const data = new DataView(bytes);
  if (data.getUint32(0, true) !== MAGIC.seatmap) throw new Error("not a seat map");
  const length = data.getUint32(4, true);
  const map = JSON.parse(new TextDecoder().decode(new Uint8Array(bytes, 8, length)));
  const from = 8 + length;
  const seats = (bytes.byteLength - from) / 10;
  return {
    map,
    columns: {
      x: new Int32Array(bytes, from, seats),
      y: new Int32Array(bytes, from + 4 * seats, seats),
      category: new Uint16Array(bytes, from + 8 * seats, seats),
    },
  };
}

function coordinates(differences) {
  const made = new Float32Array(differences.length);
  let sum = 0;
  for (let n = 0; n < made.length; n++) made[n] = (sum += differences[n]) / 100;
  return made;
}

function numberOf(row, place) {
  return row.numbers?.[place] ?? String(row.from + row.step * place);
}

function labelled(hall) {
  const places = new Map();
  for (const row of hall.rows) {
    const size = row.seats ?? row.numbers.length;
    for (let n = 0; n < size; n++) places.set(`${row.section}-${row.row}-${numberOf(row, n)}`, row.first + n);
  }
  for (const { area, first, first_unit, tickets } of hall.areas) {
    for (let n = 0; n < tickets; n++) places.set(`${area}-${first_unit + n}`, first + n);
  }
  return places;
}

/** Sections of a file without coordinates all begin at the same point: then one is put below the other. */
function spread(hall) {
  const taken = new Set(hall.sections.map(({ parts: [[first]] }) => `${hall.x[first]} ${hall.y[first]}`));
  if (taken.size === hall.sections.length) return;
  let top = 0;
  for (const { parts } of hall.sections) {
    const box = boxOf(hall, parts);
    for (const [first, end] of parts) {
      for (let seat = first; seat < end; seat++) hall.y[seat] += top - box.top;
    }
    top += box.bottom - box.top + GAP;
  }
}

function boxOf(hall, parts) {
  const box = { left: Infinity, right: -Infinity, top: Infinity, bottom: -Infinity };
  for (const [first, end] of parts) {
    for (let seat = first; seat < end; seat++) {
      box.left = Math.min(box.left, hall.x[seat]);
      box.right = Math.max(box.right, hall.x[seat]);
      box.top = Math.min(box.top, hall.y[seat]);
      box.bottom = Math.max(box.bottom, hall.y[seat]);
    }
  }
  return box;
}

/** Whether a section is one row, or a seat or two: narrower than half the distance of neighbours. */
function isLine(hall, { hull, box }) {
  const last = hull.at(-1);
  const area = hull.reduce((sum, seat, n) => sum + cross(hall, last, hull[n - 1] ?? last, hall.x[seat], hall.y[seat]), 0) / 2;
  return area < (hall.pitch / 2) * Math.hypot(box.right - box.left, box.bottom - box.top) || hull.length < 3;
}

function isBeside({ left, right, top, bottom }, x, y, across, down) {
  return x + across < left || x - across > right || y + down < top || y - down > bottom;
}

/** The middle of all seats, which is inside of their hull. */
function middleOf(hall, parts) {
  const middle = { x: 0, y: 0 };
  const size = parts.reduce((sum, [first, end]) => sum + end - first, 0);
  for (const [first, end] of parts) {
    for (let seat = first; seat < end; seat++) {
      middle.x += hall.x[seat] / size;
      middle.y += hall.y[seat] / size;
    }
  }
  return middle;
}

/** The usual distance of neighbours, in units of the plan. */
function pitchOf(hall) {
  const distances = new Float32Array(Math.max(0, hall.seats - 1));
  for (let seat = 0; seat < distances.length; seat++) {
    distances[seat] = Math.hypot(hall.x[seat + 1] - hall.x[seat], hall.y[seat + 1] - hall.y[seat]);
  }
  distances.sort();
  return distances[distances.length >> 1] || 1;
}

function cheapest(hall, parts) {
  let least = Infinity;
  for (const [first, end] of parts) {
    for (let seat = first; seat < end; seat++) least = Math.min(least, hall.price(seat));
  }
  return least;
}

/** On which side of the line from one seat to another a point is. */
function cross(hall, from, to, x, y) {
  return (hall.x[to] - hall.x[from]) * (y - hall.y[from]) - (hall.y[to] - hall.y[from]) * (x - hall.x[from]);
}

/** The convex hull of seats, as places in order (A. M. Andrew, "Another efficient algorithm for convex hulls", 1979). */
function hullOf(hall, parts) {
  const seats = [];
  for (const [first, end] of parts) for (let seat = first; seat < end; seat++) seats.push(seat);
  seats.sort((a, b) => hall.x[a] - hall.x[b] || hall.y[a] - hall.y[b]);
  const half = (order) => {
    const chain = [];
    for (const seat of order) {
      while (chain.length > 1 && cross(hall, chain.at(-2), chain.at(-1), hall.x[seat], hall.y[seat]) <= 0) chain.pop();
      chain.push(seat);
    }
    return chain.slice(0, -1);
  };
  return seats.length < 3 ? seats : [...half(seats), ...half(seats.reverse())];
}
