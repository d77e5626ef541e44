// The operators' console. The key stays in this tab's sessionStorage and goes nowhere but into Authorization.

const REFRESH_MS = 2000;
const KEY = "frontrow.admin-key";
const at = (selector) => document.querySelector(selector);
const state = at("#state");

class Refused extends Error {}

async function call(method, path, body) {
  const headers = { Authorization: `Bearer ${sessionStorage.getItem(KEY)}` };
  if (body !== undefined) headers["Content-Type"] = "application/json";
  const answer = await fetch(path, { method, headers, body: body && JSON.stringify(body), cache: "no-store" });
  const told = await answer.json();
  if (answer.status === 401 || answer.status === 403) throw new Refused(told.detail);
  if (!answer.ok && path !== "/readyz") throw new Error(`${told.code}: ${told.detail}`);
  return told;
}

// Asks for confirmation, and for a text if `label` is given; resolves to the text, "" without a label, or null.
function confirmed(question, label, value = "") {
  const dialog = at("#ask");
  const field = dialog.querySelector("label");
  const input = field.querySelector("input");
  dialog.querySelector("p").textContent = question;
  field.hidden = !label;
  field.querySelector("span").textContent = label || "";
  input.required = Boolean(label);
  input.value = value;
  dialog.returnValue = "no";
  dialog.showModal();
  return new Promise((resolve) => {
    dialog.addEventListener("close", () => resolve(dialog.returnValue === "yes" ? input.value.trim() : null), { once: true });
  });
}

async function act(work, doing) {
  state.textContent = `${doing} ...`;
  try {
    await work();
    state.textContent = `${doing}: done`;
  } catch (error) {
    state.textContent = `${doing}: ${error.message}`;
  }
  await refresh();
}

function button(text, run) {
  const made = document.createElement("button");
  made.textContent = text;
  made.addEventListener("click", run);
  return made;
}

// `labels` name the cells where there is no room for the table's head.
function row(cells, labels = []) {
  const made = document.createElement("tr");
  made.setAttribute("role", "row");
  cells.forEach((content, place) => {
    const cell = document.createElement(place ? "td" : "th");
    cell.setAttribute("role", place ? "cell" : "rowheader");
    if (labels[place]) cell.dataset.label = labels[place];
    cell.append(...(Array.isArray(content) ? content : [String(content ?? "-")]));
    made.append(cell);
  });
  return made;
}

const fill = (id, rows) => at(`#${id} tbody`).replaceChildren(...rows);
const columns = (id) => [...document.querySelectorAll(`#${id} thead th`)].map((one) => one.textContent);
const inPath = encodeURIComponent;
const PINS_SHOWN = 5;

// The blocks that were moved to a host, by the names of their shows; an old show has only its id.
function pinnedTo(host, pins, names) {
  const here = pins.filter((pin) => pin.host === host.name);
  if (!here.length) return "";
  const shown = here.slice(0, PINS_SHOWN).map((pin) => `${names.get(pin.show_id) ?? pin.show_id} block ${pin.block}`);
  const more = here.length > PINS_SHOWN ? `, ${here.length - PINS_SHOWN} more` : "";
  return `pinned: ${shown.join(", ")}${more}`;
}

function hostRow(host, pins, names) {
  const said = [host.answers ? "" : "does not answer", host.drained ? "drained" : "", pinnedTo(host, pins, names)];
  const change = button(host.drained ? "Undo" : "Drain", async () => {
    const question = host.drained ? `Place blocks on ${host.name} again?` : `Move everything away from ${host.name}?`;
    if ((await confirmed(question)) === null) return;
    const doing = host.drained ? `Taking ${host.name} back` : `Draining ${host.name}`;
    await act(() => call("PUT", `/v1/operator/hosts/${inPath(host.name)}`, { drained: !host.drained }), doing);
  });
  const memory = host.memory ? `${Math.round(host.memory / 2 ** 20)} MiB` : null;
  return row([host.name, host.activations, host.depth, host.p50_ms, host.p99_ms, memory, said.filter(Boolean).join(", "), [change]], columns("hosts"));
}

async function chosenBlock(show, question, blocks) {
  const number = await confirmed(`${question} (${show.name})`, `Block (${blocks.join(", ")})`, String(blocks[0] ?? ""));
  return number === null ? null : `/v1/operator/shows/${inPath(show.show_id)}/blocks/${inPath(number)}`;
}

async function setFrozen(show, frozen) {
  const blocks = frozen ? show.blocks : show.frozen.map((one) => one.block);
  const path = await chosenBlock(show, frozen ? "Freeze which block?" : "Thaw which block?", blocks);
  if (path === null) return;
  const reason = await confirmed(frozen ? "No hold will begin there until it is thawed." : "Holds will begin there again.", "Reason");
  if (reason === null) return;
  await act(() => call("PUT", `${path}/frozen`, { frozen, reason, by: "console" }), frozen ? "Freezing" : "Thawing");
}

async function move(show) {
  const path = await chosenBlock(show, "Move which block?", show.blocks);
  if (path === null) return;
  const host = await confirmed("To which host? `auto` places it as all others are.", "Host", "auto");
  if (host === null) return;
  await act(() => (host === "auto" ? call("DELETE", `${path}/host`) : call("PUT", `${path}/host`, { host })), "Moving");
}

function showRow(show) {
  const counts = show.counts ?? {};
  const frozen = show.frozen.map((one) => `${one.block}: ${one.reason}`).join("; ");
  const buttons = [button("Freeze", () => setFrozen(show, true)), button("Move", () => move(show))];
  if (show.frozen.length) buttons.splice(1, 0, button("Thaw", () => setFrozen(show, false)));
  return row([show.name, counts.available, counts.held, counts.sold, counts.withheld, frozen || "none", buttons], columns("shows"));
}

// Minor units as people write them.
function amount(minor, currency) {
  const format = new Intl.NumberFormat("en", { style: "currency", currency, currencyDisplay: "code" });
  return format.format(minor / 10 ** format.resolvedOptions().maximumFractionDigits);
}

const moneyRow = (one) => row([
  one.currency, ...[one.authorised, one.captured, one.refunded, one.refunds_owed].map((minor) => amount(minor, one.currency)),
], columns("money"));

const circuit = (open) => (open === null || open === undefined ? "no provider" : open ? "OPEN: the provider does not answer" : "closed");

function paymentRows(payments, services) {
  const service = services.find((one) => one.service === "payment") ?? {};
  const waiting = (number) => number ?? "not known";
  return [
    ["orders overdue", payments.overdue],
    ["orders with a refund owed", payments.refunds_owed],
    ["orders with a refund failing", payments.refunds_failing],
    ["breaker, here", circuit(payments.breaker_open)],
    ["breaker, payment service", service.running ? circuit(service.breaker_open) : "not known"],
    ["webhooks waiting", waiting(service.notices_waiting)],
    ["last webhook took", Number.isFinite(service.webhook_ms) ? `${(service.webhook_ms / 1000).toFixed(1)} s` : "none yet"],
    ["commits waiting", waiting(service.commits_waiting)],
  ].map((cells) => row(cells));
}

const PATHS = {
  hosts: "/v1/operator/hosts", shows: "/v1/operator/shows", services: "/v1/operator/services",
  payments: "/v1/operator/payments", ready: "/readyz",
};

// What is told, and for what is not the error: each by itself, for an operator looks here when a part is away.
async function asked() {
  const told = {};
  const missing = {};
  await Promise.all(Object.entries(PATHS).map(async ([name, path]) => {
    try {
      told[name] = await call("GET", path);
    } catch (error) {
      missing[name] = error;
    }
  }));
  return [told, missing];
}

function draw({ hosts, shows, services, payments, ready }) {
  const known = (id, told, rows) => fill(id, told ? rows(told) : [row(["not known"])]);
  const names = new Map((shows?.items ?? []).map((show) => [show.show_id, show.name]));
  known("hosts", hosts, () => hosts.items.map((host) => hostRow(host, hosts.pinned, names)));
  known("shows", shows, () => shows.items.map(showRow));
  known("orders", payments, () => Object.entries(payments.orders).map(([name, count]) => row([name.replaceAll("_", " "), count])));
  known("money", payments, () => payments.money.map(moneyRow));
  known("payments", payments, () => paymentRows(payments, services ?? []));
  known("services", services, () => services.map((one) => row([one.service, one.running ? "yes" : "NO", one.lag, one.last_error || ""])));
  known("ready", ready, () => ["journal", "store", "hosts"].map((part) => row([part, ready[part]])));
  if (hosts) at("#scale").dataset.hosts = hosts.hosts;
}

function tell(missing) {
  const [first] = Object.values(missing);
  if (first) state.textContent = `Not known: ${Object.keys(missing).join(", ")} (${first.message})`;
  else if (document.body.dataset.live === "no") state.textContent = "";
  document.body.dataset.live = first ? "no" : "yes";
}

let asking = false;

async function refresh() {
  const key = sessionStorage.getItem(KEY);
  if (asking || !key) return;
  asking = true;
  try {
    const [told, missing] = await asked();
    if (sessionStorage.getItem(KEY) !== key) return; // signed out meanwhile: what comes now is for nobody
    if (Object.values(missing).some((error) => error instanceof Refused)) {
      document.body.dataset.live = "no";
      signOut("This key is not the admin key.");
      return;
    }
    if (Object.keys(told).some((name) => name !== "ready")) { // which answers anybody
      at("#sign-in").hidden = true;
      at("#console").hidden = false;
      draw(told);
    }
    tell(missing);
  } finally {
    asking = false;
  }
}

function signOut(why) {
  sessionStorage.removeItem(KEY);
  at("#console").hidden = true;
  at("#sign-in").hidden = false;
  for (const table of document.querySelectorAll("#console tbody")) table.replaceChildren();
  state.textContent = why;
}

at("#sign-in").addEventListener("submit", (event) => {
  event.preventDefault();
  const form = event.currentTarget;
  sessionStorage.setItem(KEY, form.key.value.trim());
  form.reset();
  state.textContent = "";
  refresh();
});
at("#sign-out").addEventListener("click", () => signOut(""));
at("#scale").addEventListener("click", async () => {
  const hosts = await confirmed("How many hosts should there be?", "Hosts", at("#scale").dataset.hosts);
  if (hosts !== null) await act(() => call("PUT", "/v1/operator/hosts", { hosts: Number(hosts) }), "Scaling");
});

at("#sign-in").hidden = Boolean(sessionStorage.getItem(KEY));
setInterval(() => document.hidden || at("#ask").open || refresh(), REFRESH_MS);
refresh();
