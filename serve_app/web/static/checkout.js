// The page of an order: it is shown anew when the order has changed, and takes a card with the provider's form.
// Everything that is said stands in the page, in its language.

const AGAIN_MS = 5000; // before a stream that was refused is asked for again
const LOOK_MS = 10_000; // a bank that says no in the end changes the payment, and nothing of the order

const order = document.querySelector("#order");
const form = document.querySelector("#pay");
const said = document.querySelector("#said");
const atBank = said && "atBank" in said.dataset;
let paying = false; // nothing is shown anew while a card is on its way
let changed = false;

function showAnew() {
  changed = true;
  if (!paying) location.reload();
}

function isNews(version, told) {
  if (version <= Number(order.dataset.version)) return false;
  // A card that is being typed is worth more than a version that looks the same; so is a page that is being read or
  // heard while the bank decides, and the seats are kept longer again and again.
  const kept = atBank || told.payment_deadline === order.dataset.deadline;
  const same = told.state === order.dataset.state && kept;
  return !(same && told.state === "awaiting_payment");
}

function follow() {
  const stream = new EventSource(order.dataset.stream);
  stream.addEventListener("order", (event) => {
    if (isNews(Number(event.lastEventId), JSON.parse(event.data))) showAnew();
  });
  stream.addEventListener("error", () => {
    if (stream.readyState === EventSource.CLOSED) setTimeout(follow, AGAIN_MS);
  });
}

function say(...names) {
  const known = [...names, "otherwise"].find((name) => form.hasAttribute(`data-say-${name}`));
  said.textContent = form.getAttribute(`data-say-${known}`);
}

function load(source) {
  return new Promise((resolve, reject) => {
    const script = document.createElement("script");
    script.src = source;
    script.addEventListener("load", resolve);
    script.addEventListener("error", reject);
    document.head.append(script);
  });
}

/** Shown anew once it is no longer with the bank; not before, for whoever reads or hears the page would begin again. */
async function lookAtBank() {
  await new Promise((resolve) => { setTimeout(resolve, LOOK_MS); });
  const page = await fetch(location.pathname).catch(() => ({ ok: false }));
  if (!page.ok || (await page.text()).includes("data-at-bank")) lookAtBank();
  else location.reload();
}

// Back from the page of a bank, which has put what it wants to tell into the address: a secret is among it.
function cameBack() {
  const query = new URLSearchParams(location.search);
  if (!query.has("redirect_status")) return;
  history.replaceState(null, "", location.pathname);
  if (query.get("redirect_status") === "failed") say("payment_intent_authentication_failure");
}

/** What the provider says; that it did not answer when it says nothing that it should. */
async function confirmed(stripe, elements) {
  const confirmParams = { return_url: location.origin + location.pathname };
  try {
    return await stripe.confirmPayment({ elements, confirmParams, redirect: "if_required" });
  } catch (error) {
    console.warn(error);
    return { error: { type: "api_connection_error" } };
  }
}

async function takeCards() {
  const { script, key, secret } = form.dataset;
  const button = form.querySelector("button");
  await load(script);
  const stripe = window.Stripe(key, { locale: document.documentElement.lang });
  const elements = stripe.elements({ clientSecret: secret });
  const element = elements.create("payment");
  element.on("loaderror", () => say("unreachable"));
  element.on("ready", () => { button.hidden = false; }); // before that the provider refuses to be asked
  element.mount("#card");
  form.hidden = false;

  form.addEventListener("submit", async (event) => {
    event.preventDefault();
    if (paying) return;
    paying = true;
    button.setAttribute("aria-disabled", "true"); // not disabled: the focus would be lost
    say("working");
    const { error, paymentIntent } = await confirmed(stripe, elements);
    paying = false;
    if (changed) return location.reload();
    if (paymentIntent?.status === "processing") return location.reload();
    if (!error) return say("accepted");
    if (error.code === "payment_intent_unexpected_state") return location.reload();
    button.removeAttribute("aria-disabled");
    say(...[error.decline_code, error.code, error.type].filter(Boolean));
  });
}

for (const one of document.querySelectorAll("[data-scriptless]")) one.remove(); // not <noscript>: scripts may be blocked, too
follow();
if (atBank) lookAtBank();
if (form) {
  cameBack();
  takeCards().catch(() => say("unreachable"));
}
