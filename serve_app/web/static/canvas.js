// The picture of a hall on a canvas. What changes seldom is kept as a layer, larger than the canvas: moving and zooming
// copies it, and a seat that changes is drawn onto it alone. Marks (chosen, cursor, pointer) are drawn over the copy.

import { FREE, STATUSES } from "./hall.js";

const SEATS_FROM = 7; // pixels between neighbours; below it sections are drawn and no seats
const SEAT_MAX = 46; // pixels between neighbours when nothing is to be gained by zooming on
const SEAT_SHARE = 0.76; // of that distance a seat takes so much
const MARGIN = 0.25; // of the canvas, around it, that the layer has as well
const STRETCH = 1.6; // how far a layer may be stretched until it is drawn again
const SETTLED_MS = 140;
const PADDING = 14;
const HEAT = [10, 45]; // per cent of the colour of what is free in a section with the last free seat, and in a full one
const FONT = "system-ui, sans-serif";
const COLOURS = ["paper", "ink", "ground", "own", ...STATUSES];
const SIZES = [13, 11]; // pixels of letters in a section: the first that fit
const lineOf = (line, lines, size) => (line - (lines - 1) / 2) * (size + 2); // pixels from the middle of the section

export class HallCanvas {
  /** `say(section)`: the lines that are written into a section under its name. */
  constructor(canvas, say) {
    this.canvas = canvas;
    this.say = say;
    this.pen = canvas.getContext("2d");
    this.layer = document.createElement("canvas");
    this.brush = this.layer.getContext("2d");
    this.hall = null;
    this.view = { scale: 1, x: 0, y: 0 }; // the point of the plan in the middle, and pixels per unit of the plan
    this.drawn = null; // the view of the layer
    this.marks = () => [];
    this.touched = [];
    this.palette = [];
    this.isWhole = true;
    this.waiting = 0;
    this.settling = 0;
    new ResizeObserver(() => this.#resized()).observe(canvas);
    matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => this.recolour());
  }

  recolour() {
    const style = getComputedStyle(document.documentElement);
    const names = [...COLOURS, ...this.palette];
    this.colours = new Map(names.map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
    this.refresh();
  }

  /** `palette`: the names of the colours of the hall's categories. */
  show(hall, palette) {
    const first = this.hall === null;
    [this.hall, this.palette] = [hall, palette];
    const { box, pitch } = hall;
    this.canvas.style.aspectRatio = (box.right - box.left + pitch) / (box.bottom - box.top + pitch);
    this.recolour();
    if (first) this.whole();
  }

  colour(name) {
    return this.colours.get(name);
  }

  get seatsShown() {
    return this.#seats(this.view.scale);
  }

  #seats(scale) {
    return this.hall.pitch * scale >= SEATS_FROM;
  }

  get #least() {
    const { box, pitch } = this.hall;
    const [width, height] = [this.width - 2 * PADDING, this.height - 2 * PADDING];
    const fit = Math.min(width / (box.right - box.left + pitch), height / (box.bottom - box.top + pitch));
    return Math.min(fit, SEAT_MAX / pitch);
  }

  whole() {
    this.#resized();
    this.view = { ...this.view, scale: this.#least };
    this.#keepInside();
  }

  /** Zoom about a point of the canvas, which stays where it is. False when there is no further. */
  zoom(factor, x = this.width / 2, y = this.height / 2) {
    const scale = Math.max(this.#least, Math.min(SEAT_MAX / this.hall.pitch, this.view.scale * factor));
    if (scale === this.view.scale) return false;
    const kept = this.planned(x, y);
    this.view = { scale, x: kept.x - (x - this.width / 2) / scale, y: kept.y - (y - this.height / 2) / scale };
    this.#keepInside();
    return true;
  }

  pan(x, y) {
    this.view = { ...this.view, x: this.view.x - x / this.view.scale, y: this.view.y - y / this.view.scale };
    this.#keepInside();
  }

  /** Make a seat seen, as a seat. */
  reveal(seat) {
    const { pitch } = this.hall;
    if (!this.seatsShown) this.view = { scale: (2.5 * SEATS_FROM) / pitch, x: this.hall.x[seat], y: this.hall.y[seat] };
    const at = this.at(seat);
    const room = 2 * pitch * this.view.scale;
    if (at.x < room || at.y < room || at.x > this.width - room || at.y > this.height - room) {
      this.view = { ...this.view, x: this.hall.x[seat], y: this.hall.y[seat] };
    }
    this.#keepInside();
  }

  /** Show a section as large as it can be, its seats as seats. */
  open(section) {
    const { left, right, top, bottom } = section.box;
    const { pitch } = this.hall;
    const fit = Math.min(this.width / (right - left + 3 * pitch), this.height / (bottom - top + 3 * pitch));
    const scale = Math.max(this.#least, Math.min(Math.max(fit, (1.3 * SEATS_FROM) / pitch), SEAT_MAX / pitch));
    this.view = { scale, x: (left + right) / 2, y: (top + bottom) / 2 };
    this.#keepInside();
  }

  #keepInside() {
    const { box } = this.hall;
    this.view.x = Math.max(box.left, Math.min(box.right, this.view.x));
    this.view.y = Math.max(box.top, Math.min(box.bottom, this.view.y));
    this.isWhole = this.view.scale <= this.#least * 1.001;
    if (this.isWhole) [this.view.x, this.view.y] = [(box.left + box.right) / 2, (box.top + box.bottom) / 2];
    this.draw();
  }

  planned(x, y) {
    const { view } = this;
    return { x: view.x + (x - this.width / 2) / view.scale, y: view.y + (y - this.height / 2) / view.scale };
  }

  at(seat) {
    const { view, hall } = this;
    return {
      x: (hall.x[seat] - view.x) * view.scale + this.width / 2,
      y: (hall.y[seat] - view.y) * view.scale + this.height / 2,
    };
  }

  /** These seats have changed: they are drawn with the next frame. */
  touch(seats) {
    this.touched.push(...seats);
    this.draw();
  }

  /** Everything is drawn anew with the next frame. */
  refresh() {
    this.drawn = null;
    this.draw();
  }

  draw() {
    this.waiting ||= requestAnimationFrame(() => {
      this.waiting = 0;
      if (this.hall !== null && this.width) this.#frame();
    });
  }

  #resized() {
    [this.width, this.height] = [this.canvas.clientWidth, this.canvas.clientHeight];
    this.ratio = devicePixelRatio || 1;
    const [across, down] = [Math.round(this.width * this.ratio), Math.round(this.height * this.ratio)];
    if (!across || (this.canvas.width === across && this.canvas.height === down)) return;
    [this.canvas.width, this.canvas.height] = [across, down];
    [this.layer.width, this.layer.height] = [across * (1 + 2 * MARGIN), down * (1 + 2 * MARGIN)].map(Math.round);
    if (this.hall !== null && this.isWhole) this.whole();
    this.refresh();
  }

  #frame() {
    const begun = performance.now();
    if (!this.#covers()) this.#drawLayer();
    else if (this.touched.length) this.#drawTouched();
    const changed = this.touched.length;
    this.touched = [];
    const { pen, view, drawn, ratio } = this;
    const stretch = view.scale / drawn.scale;
    pen.setTransform(1, 0, 0, 1, 0, 0);
    pen.clearRect(0, 0, this.canvas.width, this.canvas.height);
    const x = (drawn.x - view.x) * view.scale * ratio + this.canvas.width / 2;
    const y = (drawn.y - view.y) * view.scale * ratio + this.canvas.height / 2;
    pen.setTransform(stretch, 0, 0, stretch, x, y);
    pen.imageSmoothingEnabled = stretch !== 1;
    pen.drawImage(this.layer, -this.layer.width / 2, -this.layer.height / 2);
    pen.setTransform(ratio, 0, 0, ratio, 0, 0);
    for (const mark of this.marks()) this.#drawMark(mark);
    if (changed) this.canvas.dataset.changed = `${changed} ${(performance.now() - begun).toFixed(1)}`; // for measuring
    clearTimeout(this.settling);
    if (stretch !== 1) this.settling = setTimeout(() => this.refresh(), SETTLED_MS);
  }

  /** Whether the layer still serves: it reaches over the canvas, is not stretched too far, and shows the same things. */
  #covers() {
    const { view, drawn } = this;
    if (drawn === null || this.#seats(drawn.scale) !== this.seatsShown) return false;
    const stretch = view.scale / drawn.scale;
    if (stretch > STRETCH || stretch < 1 / STRETCH) return false;
    const { box, pitch } = this.hall;
    const covers = (size, seen, middle, least, most) => {
      const [half, reach] = [size / 2 / view.scale, (size * (0.5 + MARGIN)) / drawn.scale];
      return Math.max(seen - half, least - pitch) >= middle - reach && Math.min(seen + half, most + pitch) <= middle + reach;
    };
    return covers(this.width, view.x, drawn.x, box.left, box.right)
      && covers(this.height, view.y, drawn.y, box.top, box.bottom);
  }

  #drawLayer() {
    this.drawn = { ...this.view };
    const { brush, layer, ratio, hall } = this;
    brush.setTransform(1, 0, 0, 1, 0, 0);
    brush.clearRect(0, 0, layer.width, layer.height);
    brush.setTransform(ratio, 0, 0, ratio, layer.width / 2, layer.height / 2);
    [brush.lineJoin, brush.lineCap] = ["round", this.seatsShown ? "butt" : "round"];
    if (!this.seatsShown) {
      for (const section of hall.sections) this.#drawHeat(section);
      for (const section of hall.sections) this.#drawWords(section); // after all of them: hulls may overlap
      return;
    }
    for (const { hull } of hall.sections) this.#fillHull(hull, this.colour("ground"));
    const [across, down] = [layer.width / 2 / ratio, layer.height / 2 / ratio];
    const seen = [];
    for (let seat = 0; seat < hall.seats; seat++) {
      if (Math.abs(this.#x(hall.x[seat])) < across && Math.abs(this.#y(hall.y[seat])) < down) seen.push(seat);
    }
    this.#drawSeats(seen);
  }

  #x(x) {
    return (x - this.drawn.x) * this.drawn.scale;
  }

  #y(y) {
    return (y - this.drawn.y) * this.drawn.scale;
  }

  #fillHull(hull, colour) {
    const { brush, hall } = this;
    brush.beginPath();
    for (const seat of hull) brush.lineTo(this.#x(hall.x[seat]), this.#y(hall.y[seat]));
    if (hull.length === 1) brush.lineTo(this.#x(hall.x[hull[0]]) + 0.1, this.#y(hall.y[hull[0]])); // a point is not drawn
    brush.closePath();
    brush.fillStyle = brush.strokeStyle = colour;
    brush.lineWidth = Math.max(2, 0.9 * hall.pitch * this.drawn.scale);
    brush.stroke(); // half a seat further than the middles of the outermost seats
    brush.fill();
  }

  /** A section in the heat of what is free in it. */
  #drawHeat(section) {
    const heat = section.free ? HEAT[0] + ((HEAT[1] - HEAT[0]) * section.free) / section.size : 0;
    this.#fillHull(section.hull, `color-mix(in srgb, ${this.colour("available")} ${heat}%, ${this.colour("ground")})`);
  }

  /** The name of a section, how much is free and from which price: as much of it as lies in it, and on no other one. */
  #drawWords(section) {
    const { brush } = this;
    brush.fillStyle = this.colour("ink");
    [brush.textAlign, brush.textBaseline] = ["center", "middle"];
    const [free, from] = this.say(section);
    const { name } = section;
    for (const [names, lines] of [[1, [name, free, from]], [1, [name, free]], [1, [name]], [9, name.split(" ")]]) {
      const written = lines.filter(Boolean);
      const size = SIZES.find((one) => written.every((line, n) => this.#fits(section, line, n, written.length, one)));
      if (size === undefined) continue;
      written.forEach((line, n) => {
        brush.font = `${n < names ? 600 : 400} ${size}px ${FONT}`;
        brush.fillText(line, this.#x(section.middle.x), this.#y(section.middle.y) + lineOf(n, written.length, size));
      });
      return;
    }
  }

  #fits(section, line, n, lines, size) {
    const { brush, hall, drawn } = this;
    brush.font = `600 ${size}px ${FONT}`;
    const across = (brush.measureText(line).width / 2 + 1) / drawn.scale;
    const { x, y } = section.middle;
    return hall.hasRoom(section, x, y + lineOf(n, lines, size) / drawn.scale, across, size / 2 / drawn.scale);
  }

  /** Free: a full square of its category's colour. Held: an empty square. Sold: a cross. Not for sale: a dot. */
  #drawSeats(seats) {
    const kinds = new Map();
    for (const seat of seats) {
      const kind = (this.hall.category[seat] << 2) | this.hall.status[seat];
      if (kinds.has(kind)) kinds.get(kind).push(seat);
      else kinds.set(kind, [seat]);
    }
    for (const [kind, same] of kinds) this.#drawKind(same, kind >> 2, kind & 3);
    for (const seat of seats) if (this.hall.accessible[seat]) this.#drawWheelchair(seat);
  }

  /** Accessible: a sign on the seat, by its shape: a head, a back and a leg, and the wheel. */
  #drawWheelchair(seat) {
    const { brush, hall } = this;
    const unit = (hall.pitch * this.drawn.scale * SEAT_SHARE) / 16;
    const [x, y] = [this.#x(hall.x[seat]), this.#y(hall.y[seat])];
    brush.strokeStyle = brush.fillStyle = this.colour(hall.status[seat] === FREE ? "paper" : "ink");
    brush.lineWidth = Math.max(1, 1.6 * unit);
    brush.beginPath();
    brush.arc(x - unit, y - 5 * unit, 1.5 * unit, 0, 2 * Math.PI);
    brush.fill();
    brush.beginPath();
    brush.moveTo(x - unit, y - 3 * unit);
    brush.lineTo(x - unit, y + unit);
    brush.lineTo(x + 3 * unit, y + unit);
    brush.lineTo(x + 5 * unit, y + 5 * unit);
    brush.moveTo(x - 2 * unit, y - unit);
    brush.arc(x - unit, y + 3 * unit, 3.5 * unit, 1.4 * Math.PI, 0.1 * Math.PI, true);
    brush.stroke();
  }

  #drawKind(seats, category, status) {
    const { brush, hall } = this;
    const size = hall.pitch * this.drawn.scale * SEAT_SHARE;
    const half = size / 2;
    const line = Math.max(1, size / 8);
    brush.lineWidth = line;
    brush.fillStyle = brush.strokeStyle = this.colour(
      status === FREE ? this.palette[category] : STATUSES[status],
    );
    brush.beginPath();
    for (const seat of seats) {
      const [x, y] = [this.#x(hall.x[seat]), this.#y(hall.y[seat])];
      if (status === FREE) brush.fillRect(x - half, y - half, size, size);
      else if (status === 1) brush.rect(x - half + line / 2, y - half + line / 2, size - line, size - line);
      else if (status === 3) brush.fillRect(x - half / 3, y - half / 3, size / 3, size / 3);
      else {
        const arm = half * 0.75;
        brush.moveTo(x - arm, y - arm);
        brush.lineTo(x + arm, y + arm);
        brush.moveTo(x + arm, y - arm);
        brush.lineTo(x - arm, y + arm);
      }
    }
    if (status === 1 || status === 2) brush.stroke();
  }

  /** What has changed, onto the layer: the seats alone, or the sections that they are in. */
  #drawTouched() {
    const { hall, brush } = this;
    if (!this.seatsShown) {
      for (const number of new Set(this.touched.map((seat) => hall.sectionOf[seat]))) {
        this.#drawHeat(hall.sections[number]);
        this.#drawWords(hall.sections[number]);
      }
      return;
    }
    const size = hall.pitch * this.drawn.scale * SEAT_SHARE + 2;
    brush.fillStyle = this.colour("ground");
    const touched = new Set(this.touched);
    for (const seat of touched) {
      brush.fillRect(this.#x(hall.x[seat]) - size / 2, this.#y(hall.y[seat]) - size / 2, size, size);
    }
    this.#drawSeats(touched);
  }

  /** `{seat, own}`: a disc with a tick; `{seat, ring}`: the cursor; `{text, x, y}`: what is under the pointer. */
  #drawMark(mark) {
    const { pen } = this;
    if (mark.text) {
      this.#drawTip(mark);
      return;
    }
    const at = this.at(mark.seat);
    const radius = Math.max(5, (this.hall.pitch * this.view.scale) / 2);
    pen.beginPath();
    pen.arc(at.x, at.y, mark.ring ? radius + 3 : radius, 0, 2 * Math.PI);
    if (mark.ring) {
      [pen.lineWidth, pen.strokeStyle] = [3, this.colour("ink")];
      pen.stroke();
      return;
    }
    pen.fillStyle = this.colour("own");
    pen.fill();
    pen.beginPath();
    pen.moveTo(at.x - radius * 0.45, at.y);
    pen.lineTo(at.x - radius * 0.1, at.y + radius * 0.4);
    pen.lineTo(at.x + radius * 0.5, at.y - radius * 0.4);
    [pen.lineWidth, pen.strokeStyle] = [Math.max(1.5, radius / 4), this.colour("paper")];
    pen.stroke();
  }

  #drawTip({ text, x, y }) {
    const { pen } = this;
    pen.font = `14px ${FONT}`;
    const width = pen.measureText(text).width + 16;
    const left = Math.max(2, Math.min(this.width - width - 2, x - width / 2));
    const top = y > 44 ? y - 40 : y + 18;
    [pen.fillStyle, pen.textAlign, pen.textBaseline] = [this.colour("ink"), "left", "middle"];
    pen.fillRect(left, top, width, 28);
    pen.fillStyle = this.colour("paper");
    pen.fillText(text, left + 8, top + 14, this.width - 20);
  }
}
