// The page asks, and shows what comes, piece by piece. Everything is put in as text:
// nothing that a server or a shop says can become markup.
"use strict";

const base = "/" + document.body.dataset.mode;
const kiosk = document.body.dataset.mode === "kiosk";
const byId = id => document.getElementById(id);
const form = byId("ask"), input = byId("question"), answers = byId("answers"), say = text => { byId("status").textContent = text };
let running = null, count = 0;

function el(tag, className, text) {
  const e = document.createElement(tag);
  if (className) e.className = className;
  if (text) e.textContent = text;
  return e;
}

function stockText(s) {
  if (!s.known) return ["not sold here", "out"];
  if (s.untracked) return ["always to be had", "in"];
  return s.available > 0 ? [s.available + " in stock", "in"] : ["none in stock", "out"];
}

function card(c) {
  const box = el("section", "card");
  const title = el("h3", "", c.title);
  title.id = "card-" + (++count);
  box.setAttribute("aria-labelledby", title.id);
  box.append(title);
  const kind = [c.type, c.vendor].filter(Boolean).join(" · ");
  if (kind) box.append(el("p", "soft", kind));
  if (c.instead_of) box.append(el("p", "", "Instead of " + c.instead_of));
  if (c.bought) box.append(el("p", "", "The customer has bought this before."));
  if (c.why) box.append(el("p", "why", c.why));
  if (c.about) box.append(el("p", "", c.about));
  if (c.variants.length) box.append(variants(c, title.textContent));
  if (c.more) box.append(el("p", "soft", "and " + c.more + " more"));
  if (!c.live) box.append(el("p", "soft", "As of " + new Date(c.as_of).toLocaleString() + ": the shop could not be asked just now."));
  return box;
}

function variants(c, name) {
  const wrap = el("div", "scroll");
  wrap.tabIndex = 0;
  wrap.setAttribute("role", "region");
  wrap.setAttribute("aria-label", "Prices and stock of " + name);
  const table = wrap.appendChild(el("table"));
  table.append(el("caption", "", "Prices and stock"));
  const head = table.appendChild(el("thead")).appendChild(el("tr"));
  for (const h of ["Variant", "SKU", "Price", c.variants[0].here.location, "Other stores"]) head.append(Object.assign(el("th", "", h), {scope: "col"}));
  const body = table.appendChild(el("tbody"));
  for (const v of c.variants) {
    const row = body.appendChild(el("tr"));
    row.append(Object.assign(el("th", "", v.title || "One size"), {scope: "row"}));
    row.append(el("td", "code", v.sku), el("td", "", v.price));
    const [text, className] = stockText(v.here);
    row.append(el("td", className, text));
    row.append(el("td", "", (v.elsewhere || []).map(s => s.location + ": " + stockText(s)[0]).join(", ") || "none"));
  }
  return wrap;
}

function policy(p) {
  const box = el("section", "policy");
  const title = el("h3", "", p.title);
  title.id = "card-" + (++count);
  box.setAttribute("aria-labelledby", title.id);
  box.append(title, el("blockquote", "", p.text), el("p", "soft", "Word for word from the shop’s policies" + (p.url ? ", " + p.url : "") + "."));
  return box;
}

const taskText = {
  person: {
    waiting: t => "Somebody has been called. If nobody comes by " + time(t.until) + ", this page says so.",
    coming: () => "Somebody is on the way.",
    nobody: () => "Nobody could come. Please ask at the counter.",
  },
  waiting: {
    waiting: t => t.what + ": waits for a manager.",
    coming: t => t.what + ": approved.",
    nobody: t => t.what + ": not approved.",
  },
};
const time = at => new Date(at).toLocaleTimeString([], {hour: "2-digit", minute: "2-digit"});

function task(kind, t) {
  const box = el("p", "notice", taskText[kind][t.state](t));
  if (t.state === "waiting") follow(box, kind, t.id);
  return box;
}

async function follow(box, kind, id) {
  for (;;) {
    await new Promise(done => setTimeout(done, 2000));
    if (!box.isConnected) return;
    try {
      const resp = await fetch(base + "/tasks/" + encodeURIComponent(id));
      if (!resp.ok) return;
      const t = await resp.json();
      if (t.state === "waiting") continue;
      box.textContent = taskText[kind][t.state](t);
      return;
    } catch { /* the network comes back */ }
  }
}

function show(answer, b) {
  if (!answer.querySelector(".by")) answer.append(el("p", "by", b.by === "model" ? "Chosen by an AI" : "Search results, without AI"));
  if (b.kind === "card") answer.append(card(b.card));
  else if (b.kind === "policy") answer.append(policy(b.policy));
  else if (b.kind === "person" || b.kind === "waiting") answer.append(task(b.kind, b.task));
  else if (b.text) answer.append(el("p", "notice", b.text));
}

async function ask(question) {
  stop();
  const control = running = new AbortController();
  const answer = el("article", "answer");
  const title = answer.appendChild(el("h2", "", question));
  title.id = "answer-" + (++count);
  answer.setAttribute("aria-labelledby", title.id);
  answers.prepend(answer);
  busy(true);
  say("Looking …");
  let shown = 0, ended = "";
  try {
    const resp = await fetch(base + "/ask", {
      method: "POST", signal: control.signal, headers: {"Content-Type": "application/json", "Accept": "application/x-ndjson"},
      body: JSON.stringify({question, location: document.body.dataset.location, customer: kiosk ? "" : byId("customer").value.trim()}),
    });
    if (!resp.ok) throw new Error((await resp.json()).error);
    for await (const e of lines(resp.body)) {
      if (e.error) throw new Error(e.error);
      if (e.block) { show(answer, e.block); shown++ }
      if (e.done) ended = e.done.why || " ";
    }
    if (!ended) throw new Error("the answer was cut off");
    say(shown === 1 ? "One result." : shown + " results.");
    if (ended.trim()) answer.append(el("p", "soft", "(" + ended + ")"));
  } catch (e) {
    const text = control.signal.aborted ? "Stopped." : "That did not work: " + e.message + ".";
    answer.append(el("p", "notice", text));
    say(text);
  } finally {
    if (running === control) { running = null; busy(false) }
  }
}

async function* lines(body) {
  const reader = body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  for (;;) {
    const {value, done} = await reader.read();
    if (done) break;
    rest += value;
    const parts = rest.split("\n");
    rest = parts.pop();
    for (const p of parts) if (p) yield JSON.parse(p);
  }
  if (rest.trim()) yield JSON.parse(rest);
}

function busy(on) {
  answers.setAttribute("aria-busy", "false");
  byId("stop").hidden = !on;
  byId("send").hidden = on;
  if (document.activeElement === document.body) input.focus();
}

function stop() {
  if (running) running.abort();
}

async function startOver() {
  stop();
  answers.replaceChildren();
  form.reset();
  say("");
  input.focus();
  await fetch(base + "/end", {method: "POST"}).catch(() => {});
}

form.addEventListener("submit", e => {
  e.preventDefault();
  const q = input.value.trim();
  if (!q) return;
  input.value = "";
  input.focus();
  ask(q);
});
byId("stop").addEventListener("click", () => { stop(); input.focus() });
byId("person").addEventListener("click", () => ask("I want to speak to a person"));
byId("over").addEventListener("click", startOver);
document.addEventListener("keydown", e => { if (e.key === "Escape") stop() });

// A kiosk forgets who was there. It says so before.
if (kiosk) {
  const idle = 180, warning = 20;
  let quiet = 0, warned = false;
  for (const kind of ["keydown", "pointerdown", "scroll"]) addEventListener(kind, () => { quiet = 0; if (warned) { warned = false; say("") } }, {passive: true});
  setInterval(() => {
    if (!answers.firstChild && !input.value) { quiet = 0; return }
    quiet++;
    if (quiet === idle - warning) { warned = true; say("This page starts over in " + warning + " seconds. Touch it or press a key to go on.") }
    if (quiet >= idle) { quiet = 0; warned = false; startOver() }
  }, 1000);
}
input.focus();
