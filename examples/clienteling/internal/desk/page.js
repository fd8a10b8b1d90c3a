"use strict";
// The page has the baseline's talking points; a model's take their place when they come.
// Everything is put in as text.
(async () => {
  const box = document.getElementById("points");
  if (!box || !box.dataset.ask) return;
  const by = box.querySelector(".by"), list = box.querySelector("ol"), before = by.textContent;
  by.textContent = before + " A model is being asked …";
  try {
    const resp = await fetch(box.dataset.ask, {headers: {Accept: "application/json"}});
    if (!resp.ok) throw new Error("status " + resp.status);
    const answer = await resp.json();
    if (!answer.ai) {
      by.textContent = before + " " + (answer.why ? "(" + answer.why + ")" : "");
      return;
    }
    list.replaceChildren(...answer.points.map(p => {
      const item = document.createElement("li"), text = item.appendChild(document.createElement("span"));
      text.textContent = p.text + (p.ai ? "" : " (baseline)");
      if (p.note) {
        const link = document.createElement("a");
        link.textContent = "Note";
        link.href = "#note-" + encodeURIComponent(p.note);
        text.append(" ", link);
      }
      return item;
    }));
    by.textContent = "Suggested by " + answer.by + ", an AI; each sentence was checked against the client book.";
  } catch {
    by.textContent = before + " (no model could be asked)";
  }
})();
