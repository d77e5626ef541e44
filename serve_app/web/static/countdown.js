// Counts down to a deadline. The clock of the server counts: the page says what it was when it was made.
// What is seen changes every second; what is read aloud changes at a few moments only, and is a whole sentence.

const ALOUD = [300, 120, 60, 30]; // seconds before the end

const box = document.querySelector(".countdown");
const until = Date.parse(box.dataset.until);
const skew = Date.parse(box.dataset.now) - Date.now();
const seen = document.createElement("p");
const heard = document.createElement("p");
seen.className = "clock";
seen.setAttribute("aria-hidden", "true");
heard.className = "heard";
heard.setAttribute("role", "status");
box.append(seen, heard);

let last = Infinity;

function words(seconds) {
  const minutes = Math.floor(seconds / 60);
  const rest = String(seconds % 60).padStart(2, "0");
  return `${minutes}:${rest}`;
}

function spoken(seconds) {
  const units = seconds >= 60 ? [Math.round(seconds / 60), "minute"] : [seconds, "second"];
  const format = new Intl.NumberFormat(document.documentElement.lang, { style: "unit", unit: units[1], unitDisplay: "long" });
  return format.format(units[0]);
}

function tick() {
  const left = Math.max(0, Math.ceil((until - Date.now() - skew) / 1000));
  seen.textContent = words(left);
  const due = ALOUD.find((moment) => left <= moment && moment < last);
  if (due !== undefined) heard.textContent = box.dataset.say.replace("{left}", spoken(left));
  last = left;
  if (left > 0) setTimeout(tick, 1000 - ((Date.now() + skew) % 1000));
  else if (!("stay" in box.dataset)) location.reload(); // the server says what became of it
}

if (until > Date.now() + skew) tick();
