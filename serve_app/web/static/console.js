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

let asking = false;

async function refresh() {
  const key = sessionStorage.getItem(KEY);
  const stale = () => sessionStorage.getItem(KEY) !== key; // signed out meanwhile: what comes now is for nobody
  if (asking || !key) return;
  asking = true;
  try {
    const [hosts, shows, services, ready, payments] = await Promise.all([
      call("GET", "/v1/operator/hosts"), call("GET", "/v1/operator/shows"),
      call("GET", "/v1/operator/services"), call("GET", "/readyz"),
      call("GET", "/v1/operator/payments"),
    ]);
    if (stale()) return;
    at("#sign-in").hidden = true;
    at("#console").hidden = false;
    const names = new Map(shows.items.map((show) => [show.show_id, show.name]));
    fill("hosts", hosts.items.map((host) => hostRow(host, hosts.pinned, names)));
    fill("shows", shows.items.map(showRow));
    fill("orders", Object.entries(payments.orders).map(([name, count]) => row([name.replaceAll("_", " "), count])));
    fill("money", payments.money.map(moneyRow));
    fill("payments", paymentRows(payments, services));
    fill("services", services.map((one) => row([one.service, one.running ? "yes" : "NO", one.lag, one.last_error || ""])));
    fill("ready", ["journal", "store", "hosts"].map((part) => row([part, ready[part]])));
    at("#scale").dataset.hosts = hosts.hosts;
    document.body.dataset.live = "yes";
  } catch (error) {
    if (stale()) return;
    document.body.dataset.live = "no";
    if (error instanceof Refused) signOut("This key is not the admin key.");
    else state.textContent = `Not current: ${error.message}`;
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
