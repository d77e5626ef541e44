// What Frontrow's pages use of Stripe.js, for the local Stripe: Stripe(key).elements({clientSecret}), a payment element,
// and confirmPayment. Names, events and errors are those of docs.stripe.com/js. The card goes to the local Stripe only.
(() => {
  const BASE = new URL(document.currentScript.src).origin;
  const WORDS = {
    en: {
      title: "Card (play money)", number: "Card number", expiry: "Expiry (MM/YY)", cvc: "Security code (CVC)",
      incomplete_number: "This is no card number.", incomplete_expiry: "Month and year, such as 12/34.",
      expired: "This date is over.", incomplete_cvc: "Three digits, four of an American Express card.",
      bank: "Your bank asks: is it you who pays?",
    },
    de: {
      title: "Karte (Spielgeld)", number: "Kartennummer", expiry: "Gültig bis (MM/JJ)", cvc: "Prüfziffer (CVC)",
      incomplete_number: "Das ist keine Kartennummer.", incomplete_expiry: "Monat und Jahr, etwa 12/34.",
      expired: "Dieses Datum ist vorbei.", incomplete_cvc: "Drei Ziffern, bei American Express vier.",
      bank: "Ihre Bank fragt: Sind Sie es, der bezahlt?",
    },
  };
  const FIELDS = { number: "cc-number", expiry: "cc-exp", cvc: "cc-csc" };

  // By their first digits, how many there are of a number and of a security code (docs.stripe.com, "Testing").
  const BRANDS = [[/^3[47]/, [15], 4], [/^3[0689]/, [14, 15, 16, 17, 18, 19], 3], [/^/, [16, 17, 18, 19], 3]];
  const brandOf = (digits) => BRANDS.find(([begins]) => begins.test(digits));

  // ISO/IEC 7812-1, annex B (the Luhn formula).
  function isCardNumber(digits) {
    const sum = [...digits].reverse().reduce((total, char, place) => {
      const value = Number(char) * (place % 2 ? 2 : 1);
      return total + (value > 9 ? value - 9 : value);
    }, 0);
    return /^\d+$/.test(digits) && brandOf(digits)[1].includes(digits.length) && sum % 10 === 0;
  }

  class PaymentElement {
    constructor(locale) {
      this.words = WORDS[locale] ?? WORDS.en;
      this.inputs = {};
      this.ready = () => {};
    }

    on(event, handler) {
      if (event === "ready") this.ready = handler;
      return this;
    }

    mount(where) {
      const box = document.createElement("fieldset");
      const legend = document.createElement("legend");
      legend.textContent = this.words.title;
      box.append(legend, ...Object.keys(FIELDS).map((name) => this.field(name)));
      (typeof where === "string" ? document.querySelector(where) : where).replaceChildren(box);
      this.ready();
    }

    field(name) {
      const line = document.createElement("p");
      const label = document.createElement("label");
      const input = document.createElement("input");
      const wrong = document.createElement("span");
      input.autocomplete = FIELDS[name];
      input.inputMode = "numeric";
      input.setAttribute("aria-describedby", `wrong-${name}`);
      wrong.id = `wrong-${name}`;
      label.append(`${this.words[name]} `, input);
      line.append(label, " ", wrong);
      this.inputs[name] = { input, wrong };
      return line;
    }

    // The card, or the code of what is wrong with it; every wrong field is marked, and the first one has the focus.
    read() {
      const text = Object.fromEntries(Object.entries(this.inputs).map(([name, { input }]) => [name, input.value.replace(/[\s-]/g, "")]));
      const [, month, year] = /^(\d{1,2})\/?(?:20)?(\d{2})$/.exec(text.expiry) ?? [];
      const dated = month >= 1 && month <= 12;
      const over = dated && new Date(2000 + Number(year), Number(month)) <= new Date();
      const wrong = {
        number: isCardNumber(text.number) ? "" : "incomplete_number",
        expiry: dated ? (over ? "expired" : "") : "incomplete_expiry",
        cvc: /^\d+$/.test(text.cvc) && text.cvc.length === brandOf(text.number)[2] ? "" : "incomplete_cvc",
      };
      for (const [name, code] of Object.entries(wrong)) {
        this.inputs[name].input.setAttribute("aria-invalid", String(code !== ""));
        this.inputs[name].wrong.textContent = code && this.words[code];
      }
      const first = Object.keys(wrong).find((name) => wrong[name]);
      if (first) this.inputs[first].input.focus();
      const card = { number: text.number, exp_month: month, exp_year: `20${year}`, cvc: text.cvc };
      return { card, code: first && wrong[first] };
    }
  }

  async function post(path, fields) {
    try {
      const answer = await fetch(BASE + path, { method: "POST", body: new URLSearchParams(fields) });
      return await answer.json();
    } catch {
      return { error: { type: "api_connection_error", message: "no answer" } };
    }
  }

  window.Stripe = (key, { locale = "en" } = {}) => ({
    elements: ({ clientSecret }) => ({
      clientSecret,
      create(_kind) {
        this.element = new PaymentElement(locale);
        return this.element;
      },
    }),

    async confirmPayment({ elements }) {
      const { card, code } = elements.element.read();
      if (code) return { error: { type: "validation_error", code } };
      const secret = elements.clientSecret;
      const path = `/v1/payment_intents/${secret.split("_secret_")[0]}`;
      const identity = { key, client_secret: secret };
      const data = Object.entries(card).map(([name, value]) => [`payment_method_data[card][${name}]`, value]);
      let intent = await post(`${path}/confirm`, { ...identity, "payment_method_data[type]": "card", ...Object.fromEntries(data) });
      if (intent.status === "requires_action") {
        const success = String(window.confirm(elements.element.words.bank));
        intent = await post(`${path}/_authenticate`, { ...identity, success });
      }
      const error = intent.error ?? (intent.status === "requires_payment_method" ? intent.last_payment_error : null);
      return error ? { error: { type: "card_error", ...error } } : { paymentIntent: intent };
    },
  });
})();
