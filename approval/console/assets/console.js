// Keeps an open page current. Everything works without it.
(() => {
  "use strict";
  const main = document.getElementById("main");
  const url = main && main.dataset.live;
  if (!url) return;

  let touched = false;
  let sent = false;
  main.addEventListener("input", () => { touched = true; });
  // A second tap while the first is on its way sends nothing. The server
  // would not mind: it takes the first decision and explains the second, and
  // makes one approval in advance of a form that comes twice.
  main.addEventListener("submit", (e) => {
    if (sent) { e.preventDefault(); return; }
    sent = true;
    setTimeout(() => { sent = false; }, 8000);
  });
  window.addEventListener("pageshow", () => { sent = false; });

  // What is being pressed is not replaced: the click would be lost.
  let pressed = 0;
  let missed = false;
  const release = () => {
    clearTimeout(pressed);
    pressed = 0;
    if (missed) { missed = false; soon(); }
  };
  main.addEventListener("pointerdown", (e) => {
    if (e.button !== 0) return;
    clearTimeout(pressed);
    pressed = setTimeout(release, 30000); // should the end of it get lost
  });
  window.addEventListener("pointerup", release);
  window.addEventListener("pointercancel", release);

  const busy = () => touched || sent || main.querySelector("details.fold[open]");

  function replaced(fresh) {
    const shown = main.querySelector("input[name=digest]");
    const now = fresh.querySelector("input[name=digest]");
    return shown && now && shown.value !== now.value;
  }

  async function refresh() {
    if (sent) return;
    const answer = await fetch(location.href, { headers: { Accept: "text/html" }, cache: "no-store", credentials: "same-origin" });
    if (!answer.ok || answer.redirected) { if (answer.redirected) location.reload(); return; }
    const fresh = new DOMParser().parseFromString(await answer.text(), "text/html");
    const next = fresh.getElementById("main");
    if (!next) { location.reload(); return; }
    const same = next.dataset.version === main.dataset.version;
    if (same && next.dataset.history === main.dataset.history) { age(next); return; }
    if (main.querySelector(".pick input:checked")) return; // nothing moves under what is ticked
    if (main.dataset.request) {
      // Never slide another proposal under a finger that is about to approve.
      if (busy() || replaced(fresh)) { if (!same) announce(); return; }
    }
    if (pressed) { missed = true; return; }
    Object.assign(main.dataset, next.dataset);
    const focus = document.activeElement && document.activeElement.id;
    const open = [...main.querySelectorAll("details.seen")].map((d) => d.open);
    main.replaceChildren(...next.childNodes);
    main.querySelectorAll("details.seen").forEach((d, i) => { if (i < open.length) d.open = open[i]; });
    document.title = fresh.title;
    if (focus) { const again = document.getElementById(focus); if (again) again.focus({ preventScroll: true }); }
  }

  // Nothing but time has passed: nothing is replaced under a finger.
  function age(next) {
    const fresh = next.querySelectorAll("time");
    main.querySelectorAll("time").forEach((t, i) => {
      if (fresh[i] && fresh[i].dateTime === t.dateTime) t.textContent = fresh[i].textContent;
    });
  }

  // Somebody is typing: nothing is taken away from them, they are told.
  function announce() {
    const place = document.getElementById("changed");
    if (!place || place.firstChild) return;
    const box = document.createElement("div");
    box.className = "notice wait float";
    const text = document.createElement("div");
    const strong = document.createElement("b");
    strong.textContent = "This request has changed.";
    const link = document.createElement("a");
    link.href = location.href;
    link.textContent = "Load it again";
    text.append(strong, link, " before you decide.");
    box.append(text);
    place.append(box);
  }

  let timer = 0;
  let last = 0;
  const load = () => refresh().catch(() => {});
  const soon = () => {
    clearTimeout(timer);
    timer = setTimeout(load, 80);
    // A change is told as soon as it holds; its line in the audit log may
    // follow a moment later.
    clearTimeout(last);
    last = setTimeout(load, 1500);
  };

  function listen(wait) {
    const stream = new EventSource(url);
    stream.addEventListener("change", soon);
    // What changed while nobody listened is caught up with at once.
    stream.addEventListener("open", () => { wait = 1000; soon(); });
    stream.addEventListener("error", () => {
      if (stream.readyState !== EventSource.CLOSED) return; // the browser connects again by itself
      setTimeout(() => { soon(); listen(Math.min(wait * 2, 60000)); }, wait);
    });
    window.addEventListener("pagehide", () => stream.close(), { once: true });
  }
  listen(1000);
  window.addEventListener("pageshow", (e) => { if (e.persisted) location.reload(); });
  setInterval(() => { if (!document.hidden) load(); }, 60000); // ages
})();
