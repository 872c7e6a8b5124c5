// The page of a note: hovering, focusing or tapping a marked stretch shows what it says beside it.
// Without this script a mark is a link to its fact in the list.
"use strict";
(() => {
  const sheet = () => document.getElementById("told");
  const NARROW = window.matchMedia("(max-width: 1000px)");
  let shown = "", held = false, quiet = false;

  const mark = (node) => node.closest && node.closest("#read a.said");

  function show(link, hold) {
    const box = sheet(), keys = link.dataset.facts.split(" ");
    if (quiet || (held && !hold)) return;
    held = hold;
    if (shown === link.id && !box.hidden) return;
    shown = link.id;
    const facts = keys.map((key) => document.getElementById(`fact-${key}`)).filter(Boolean).map((fact) => {
      const copy = fact.cloneNode(true);
      copy.removeAttribute("id");
      copy.querySelectorAll("details.more").forEach((one) => { one.open = true; });
      copy.querySelectorAll(".codebox").forEach((one) => { delete one.dataset.ready; one.querySelector("ul")?.remove(); });
      return copy;
    });
    box.replaceChildren(...facts);
    open(box);
    window.htmx?.process(box);
    window.suwenPick?.(box);
    document.querySelectorAll(".said.chosen").forEach((one) => one.classList.remove("chosen"));
    link.classList.add("chosen");
    place(link.getClientRects()[0], box);
  }

  function open(box) {
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button close";
    close.textContent = box.dataset.close;
    close.addEventListener("click", () => hide(true));
    box.prepend(close);
    box.hidden = false;
    box.scrollTop = 0;
  }

  function place(first, box) {
    // Beside the stretch on a wide window; on a narrow one the style sheet pins it to the bottom.
    if (NARROW.matches) {
      box.style.top = box.style.left = "";
      if (first.bottom > box.getBoundingClientRect().top) window.scrollBy(0, first.top - 80);
      return;
    }
    const room = document.documentElement;
    const left = Math.min(first.left, room.clientWidth - box.offsetWidth - 16);
    const under = first.bottom + 6;
    const top = under + box.offsetHeight < room.clientHeight ? under : Math.max(8, first.top - box.offsetHeight - 6);
    box.style.left = `${Math.max(8, left) + window.scrollX}px`;
    box.style.top = `${top + window.scrollY}px`;
  }

  function hide(back) {
    const link = document.getElementById(shown);
    sheet().hidden = true;
    chosen = null;
    document.querySelectorAll(".said.chosen").forEach((one) => one.classList.remove("chosen"));
    held = false;
    shown = "";
    if (!back || !link) return;
    quiet = true;
    link.focus({ preventScroll: true });
    quiet = false;
  }

  // What was missed: words are selected in the note, or typed into the form.
  let chosen = null;

  function stretch() {
    // The selected characters of the note, as the server counts them, and where they are seen.
    const selection = window.getSelection(), root = document.getElementById("read");
    if (!root || !selection.rangeCount || selection.isCollapsed) return null;
    const range = selection.getRangeAt(0);
    if (!root.contains(range.startContainer) || !root.contains(range.endContainer) || !range.toString().trim()) return null;
    const before = document.createRange();
    before.selectNodeContents(root);
    before.setEnd(range.startContainer, range.startOffset);
    const start = [...before.toString()].length;
    return { start, end: start + [...range.toString()].length, seen: range.getBoundingClientRect() };
  }

  document.addEventListener("selectionchange", () => {
    const button = document.getElementById("add-here");
    if (!button) return;
    chosen = stretch() || (document.activeElement === button ? chosen : null);
    button.hidden = !chosen;
    if (!chosen || NARROW.matches) return;
    button.style.left = `${Math.max(8, chosen.seen.left) + window.scrollX}px`;
    button.style.top = `${chosen.seen.bottom + 6 + window.scrollY}px`;
  });
  document.addEventListener("pointerdown", (event) => {
    // Else the touch would take the selection away before it is read.
    if (event.target.id === "add-here") event.preventDefault();
  });

  function begin(button) {
    const { start, end } = chosen;
    button.hidden = true;
    window.htmx.ajax("GET", `${button.dataset.address}&start=${start}&end=${end}`, { target: "#told", swap: "innerHTML" });
  }

  function added(box) {
    // The mark that now covers what was added.
    const form = box.querySelector("form.adding"), start = parseInt(form?.elements.at?.value, 10);
    if (!form || Number.isNaN(start)) return null;
    for (const link of document.querySelectorAll("#read a.said")) {
      const before = document.createRange();
      before.selectNodeContents(document.getElementById("read"));
      before.setEndBefore(link);
      const from = [...before.toString()].length;
      if (from <= start && start < from + [...link.textContent].length) return link;
    }
    return null;
  }

  document.addEventListener("mouseover", (event) => { const link = mark(event.target); if (link) show(link, false); });
  document.addEventListener("mouseout", (event) => {
    const to = event.relatedTarget;
    if (mark(event.target) && !held && !(to && (mark(to) || sheet().contains(to)))) hide(false);
  });
  document.addEventListener("focusin", (event) => { const link = mark(event.target); if (link) show(link, false); });
  document.addEventListener("click", (event) => {
    const link = mark(event.target);
    if (link) {
      event.preventDefault();
      if (!stretch()) show(link, true);
      return;
    }
    if (event.target.id === "add-here") {
      begin(event.target);
      return;
    }
    if (event.target.id === "add-missed") return;
    if (sheet() && !sheet().hidden && !sheet().contains(event.target)) hide(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && sheet() && !sheet().hidden) hide(true);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id === "told") {
      const box = sheet(), from = chosen?.seen || document.getElementById("add-missed").getBoundingClientRect();
      document.querySelectorAll(".said.chosen").forEach((one) => one.classList.remove("chosen"));
      held = true;
      shown = "add-missed";
      open(box);
      place(from, box);
      box.querySelector("input[type=text], select").focus({ preventScroll: true });
      return;
    }
    if (event.detail.target.id !== "notes") return;
    const link = added(sheet()) || document.getElementById(shown);
    shown = "";
    held = false;
    if (!link || sheet().hidden) return;
    show(link, true);
    link.focus({ preventScroll: true });
  });
})();
