// A text beside what was made of it: choosing a place marks it, and choosing a mark finds its line.
// Without this script a place is a plain link to its stretch.
"use strict";
(() => {
  const all = (selector, within) => [...(within || document).querySelectorAll(selector)];

  function mark(names) {
    all("mark.chosen, .cite.chosen, .note-lines > li.chosen").forEach((one) => one.classList.remove("chosen"));
    const wanted = new Set(names);
    const marks = all("mark[data-of]").filter((one) => one.dataset.of.split(" ").some((name) => wanted.has(name)));
    marks.forEach((one) => one.classList.add("chosen"));
    all("a.cite").filter((one) => wanted.has(one.hash.slice(1))).forEach((one) => one.classList.add("chosen"));
    return marks;
  }

  function show(target) {
    if (!target) return;
    const box = target.getBoundingClientRect();
    if (box.top < 70 || box.bottom > window.innerHeight - 70) target.scrollIntoView({ block: "center", behavior: "auto" });
    else {
      const pane = target.closest(".source");
      const frame = pane && pane.getBoundingClientRect();
      if (frame && (box.top < frame.top || box.bottom > frame.bottom)) target.scrollIntoView({ block: "center" });
    }
  }

  document.addEventListener("click", (event) => {
    const out = event.target.closest("[data-leave-out]");
    if (out) {
      // An empty line is not in the note; what it said stays to be put back until the draft is saved.
      const line = out.closest("li"), text = line.querySelector("textarea");
      const gone = line.classList.toggle("removed");
      if (gone) text.dataset.was = text.value;
      text.value = gone ? "" : text.dataset.was;
      text.placeholder = gone ? text.dataset.was : "";
      return;
    }
    const cite = event.target.closest("a.cite");
    if (cite && cite.hash) {
      event.preventDefault();
      show(mark([cite.hash.slice(1)])[0]);
      cite.closest(".note-lines > li")?.classList.add("chosen");
      return;
    }
    const stretch = event.target.closest("mark[data-of]");
    if (!stretch) return;
    const names = stretch.dataset.of.split(" ");
    mark(names);
    const own = all("a.cite").find((one) => names.includes(one.hash.slice(1)));
    const line = own && (own.closest(".note-lines > li") || own.closest(".line"));
    if (!line) return;
    line.classList.add("chosen");
    show(line);
    (line.querySelector("textarea") || own).focus({ preventScroll: true });
  });

  document.addEventListener("focusin", (event) => {
    const line = event.target.closest && event.target.matches("textarea") && event.target.closest(".note-lines > li");
    if (!line) return;
    mark(all("a.cite", line).map((one) => one.hash.slice(1)));
    line.classList.add("chosen");
  });
})();
