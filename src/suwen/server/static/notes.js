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
    const close = document.createElement("button");
    close.type = "button";
    close.className = "button close";
    close.textContent = box.dataset.close;
    close.addEventListener("click", () => hide(true));
    const facts = keys.map((key) => document.getElementById(`fact-${key}`)).filter(Boolean).map((fact) => {
      const copy = fact.cloneNode(true);
      copy.removeAttribute("id");
      copy.querySelectorAll("details.more").forEach((one) => { one.open = true; });
      return copy;
    });
    box.replaceChildren(close, ...facts);
    box.hidden = false;
    box.scrollTop = 0;
    window.htmx?.process(box);
    document.querySelectorAll(".said.chosen").forEach((one) => one.classList.remove("chosen"));
    link.classList.add("chosen");
    place(link, box);
  }

  function place(link, box) {
    // Beside the stretch on a wide window; on a narrow one the style sheet pins it to the bottom.
    if (NARROW.matches) {
      box.style.top = box.style.left = "";
      const covered = link.getBoundingClientRect().bottom > box.getBoundingClientRect().top;
      if (covered) window.scrollBy(0, link.getBoundingClientRect().top - 80);
      return;
    }
    const first = link.getClientRects()[0], room = document.documentElement;
    const left = Math.min(first.left, room.clientWidth - box.offsetWidth - 16);
    const under = first.bottom + 6;
    const top = under + box.offsetHeight < room.clientHeight ? under : Math.max(8, first.top - box.offsetHeight - 6);
    box.style.left = `${Math.max(8, left) + window.scrollX}px`;
    box.style.top = `${top + window.scrollY}px`;
  }

  function hide(back) {
    const link = document.getElementById(shown);
    sheet().hidden = true;
    document.querySelectorAll(".said.chosen").forEach((one) => one.classList.remove("chosen"));
    held = false;
    shown = "";
    if (!back || !link) return;
    quiet = true;
    link.focus({ preventScroll: true });
    quiet = false;
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
      show(link, true);
      return;
    }
    if (sheet() && !sheet().hidden && !sheet().contains(event.target)) hide(false);
  });
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && sheet() && !sheet().hidden) hide(true);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    if (event.detail.target.id !== "notes") return;
    const link = document.getElementById(shown);
    shown = "";
    held = false;
    if (!link || sheet().hidden) return;
    show(link, true);
    link.focus({ preventScroll: true });
  });
})();
