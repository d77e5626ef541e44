// The seats that somebody has chosen: listed with their prices, held together, and given up when others were faster.

import { FREE } from "./hall.js";

const TRIES_MAX = 3;
const RETRY_MS = 1_500;

export class Choice {
  /** `box`: the part of the page; `texts(name, values)` and `money(amount)` say things; `changed()` hears of changes. */
  constructor(box, { api, most, texts, money, label, changed }) {
    Object.assign(this, { box, api, most, texts, money, label, changed });
    this.hall = null;
    this.seats = new Set();
    this.holding = false;
    this.key = null; // of a hold that was asked for and not answered
    this.part = (name) => box.querySelector(`[data-part="${name}"]`);
    this.part("hold").addEventListener("click", () => this.hold());
    this.part("list").addEventListener("click", ({ target }) => {
      if (target.dataset.seat) this.remove(Number(target.dataset.seat));
    });
  }

  /** Another map of the same hall, which may have grown: places keep their labels and not their numbers. */
  use(hall) {
    const labels = [...this.seats].map((seat) => this.hall.label(seat));
    const { key } = this;
    this.hall = hall;
    this.seats = new Set(labels.map((label) => hall.place(label)).filter((seat) => seat !== undefined));
    this.#show();
    if (this.seats.size === labels.length) this.key = key;
    this.prune();
  }

  /** The line is back: what was asked for and not answered is asked once more. */
  settle() {
    if (this.key) this.hold();
  }

  /** Choose a seat or give it up. What can be said about it; empty when it was done. */
  toggle(seat) {
    if (this.holding) return "";
    if (this.seats.has(seat)) this.remove(seat);
    else if (this.hall.status[seat] !== FREE) return this.texts("taken", { seat: this.label(seat) });
    else if (this.seats.size >= this.most) return this.texts("most", { most: this.most });
    else {
      this.seats.add(seat);
      this.#show();
    }
    return "";
  }

  remove(seat) {
    this.seats.delete(seat);
    this.#show();
  }

  clear() {
    if (this.holding) return;
    this.seats.clear();
    this.#show();
  }

  /** Seats that somebody else has taken meanwhile are chosen no longer, and that is said. */
  prune() {
    if (this.holding || this.key) return; // then they may be ours
    const lost = [...this.seats].filter((seat) => this.hall.status[seat] !== FREE);
    this.#lose(lost.map((seat) => ({ seat, reason: this.hall.status[seat] })));
  }

  #lose(lost) {
    if (!lost.length) return;
    for (const { seat } of lost) this.seats.delete(seat);
    this.#show();
    this.#tell(this.texts("lost"), lost.map(({ seat, reason }) => {
      return this.texts("lost-seat", { seat: this.label(seat), state: this.texts(`status-${reason}`) });
    }));
  }

  /** Say something about the choice; an empty text takes back what was said. */
  note(text) {
    this.#tell(text);
  }

  #tell(text, lines = []) {
    const told = this.part("told");
    const list = document.createElement("ul");
    list.append(...lines.map((line) => Object.assign(document.createElement("li"), { textContent: line })));
    told.replaceChildren(text, ...(lines.length ? [list] : []));
    told.hidden = !text;
  }

  #show() {
    this.key = null; // another choice is another hold
    const rows = [...this.seats].map((seat) => {
      const row = document.createElement("li");
      const button = Object.assign(document.createElement("button"), { type: "button" });
      button.dataset.seat = seat;
      button.textContent = this.texts("remove");
      button.ariaLabel = `${this.texts("remove")}: ${this.label(seat)}`;
      row.append(`${this.label(seat)}, ${this.money(this.hall.price(seat))} `, button);
      return row;
    });
    const list = this.part("list");
    const place = [...list.querySelectorAll("button")].indexOf(document.activeElement);
    list.replaceChildren(...rows);
    if (place >= 0) this.#focus(place);
    const sum = [...this.seats].reduce((total, seat) => total + this.hall.price(seat), 0);
    this.part("total").textContent = this.seats.size
      ? this.texts("total", { seats: this.seats.size, sum: this.money(sum) }) : this.texts("none");
    this.#mayHold();
    this.changed();
  }

  /** The button that had the focus has gone: to the one that has its place now, or to what is left of the box. */
  #focus(place) {
    const buttons = this.part("list").querySelectorAll("button");
    (buttons[Math.min(place, buttons.length - 1)] ?? this.part("hold")).focus();
  }

  /** Not `disabled`, which would take the focus from whoever has just pressed it. */
  #mayHold() {
    this.part("hold").setAttribute("aria-disabled", String(this.holding || !this.seats.size));
  }

  /** All of them or none: to their hold, or what is the matter. Asked again with the same key it is the same hold. */
  async hold() {
    if (this.holding) return;
    if (!this.seats.size) return this.note(this.texts("none"));
    this.key ??= [...crypto.getRandomValues(new Uint8Array(16))].map((n) => n.toString(16).padStart(2, "0")).join("");
    const key = this.key;
    this.#tell("");
    this.holding = true;
    this.#mayHold();
    this.part("total").textContent = this.texts("holding");
    const answer = await this.#ask(key, { seats: [...this.seats].map((seat) => this.hall.label(seat)) });
    this.holding = false;
    if (answer.hold_id) {
      this.seats.clear();
      this.#show();
      location.assign(`/holds/${encodeURIComponent(answer.hold_id)}`);
      return;
    }
    const conflicts = (answer.conflicts ?? []).map(({ seat, reason }) => ({ place: this.hall.place(seat), reason }));
    this.#refused(answer.code, conflicts.filter(({ place }) => place !== undefined));
    this.key = answer.code ? null : key;
  }

  #refused(code, conflicts) {
    const numbers = { available: 0, held: 1, sold: 2, withheld: 3 };
    const lost = conflicts.map(({ place, reason }) => ({ seat: place, reason: numbers[reason] ?? 3 }));
    if (lost.length) this.#lose(lost);
    else {
      this.#show();
      this.#tell(this.texts(["sale_not_open", "too_many_requests", "rate_limited"].includes(code) ? code : "failed"));
    }
  }

  /** The answer's body; without a code when there is none, or none that says what became of it. */
  async #ask(key, body) {
    for (let tries = 1; ; tries++) {
      try {
        const answer = await fetch(`${this.api}/holds`, {
          method: "POST",
          headers: { "Content-Type": "application/json", "Idempotency-Key": key },
          body: JSON.stringify(body),
        });
        if (answer.status < 500) return await answer.json();
      } catch (error) {
        console.warn(error);
      }
      if (tries >= TRIES_MAX) return {};
      await new Promise((resolve) => { setTimeout(resolve, RETRY_MS); });
    }
  }
}
