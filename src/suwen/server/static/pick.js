// A search box over the vocabulary: what is typed is looked up, and a code is chosen from the list
// by mouse, touch or arrow keys. Without this script a name or code is typed in full.
"use strict";
(() => {
  const WAIT = 180;
  let number = 0;

  const chinese = () => document.documentElement.lang.startsWith("zh");
  const named = (name) => (chinese() ? name.zh : name.en);

  function begin(box) {
    if (box.dataset.ready) return;
    box.dataset.ready = "1";
    const text = box.querySelector("input[type=text]"), code = box.querySelector("input[type=hidden]");
    const list = document.createElement("ul");
    list.id = `picks-${(number += 1)}`;
    list.setAttribute("role", "listbox");
    list.hidden = true;
    box.append(list);
    for (const [name, value] of [["role", "combobox"], ["aria-autocomplete", "list"], ["aria-expanded", "false"], ["aria-controls", list.id]]) text.setAttribute(name, value);
    let timer = 0, asked = 0, at = -1;

    const close = () => {
      list.hidden = true;
      at = -1;
      text.setAttribute("aria-expanded", "false");
      text.removeAttribute("aria-activedescendant");
    };
    const options = () => [...list.querySelectorAll("[role=option]")];
    const point = (to) => {
      const all = options();
      if (!all.length) return;
      at = (to + all.length) % all.length;
      all.forEach((one, i) => one.setAttribute("aria-selected", String(i === at)));
      all[at].scrollIntoView({ block: "nearest" });
      text.setAttribute("aria-activedescendant", all[at].id);
    };
    const choose = (option) => {
      text.value = option.dataset.name;
      code.value = option.dataset.coded;
      close();
    };
    const show = (hits) => {
      list.replaceChildren(...hits.map((hit, i) => {
        const option = document.createElement("li"), name = document.createElement("b");
        option.id = `${list.id}-${i}`;
        option.setAttribute("role", "option");
        option.setAttribute("aria-selected", "false");
        option.dataset.name = named(hit.code.name);
        option.dataset.coded = `${hit.code.system}|${hit.code.code}`;
        name.textContent = option.dataset.name;
        const more = document.createElement("span");
        const also = hit.term !== option.dataset.name ? `${hit.term} · ` : "";
        more.textContent = ` ${also}${hit.code.code} · ${hit.system}`;
        option.append(name, more);
        return option;
      }));
      if (!hits.length) {
        const none = document.createElement("li");
        none.className = "quiet";
        none.textContent = box.dataset.none;
        list.append(none);
      }
      list.hidden = false;
      list.scrollTop = 0;
      list.scrollIntoView({ block: "nearest" });
      at = -1;
      text.setAttribute("aria-expanded", "true");
    };
    const look = async () => {
      const wanted = text.value.trim(), turn = (asked += 1);
      if (!wanted) { close(); return; }
      const kind = box.dataset.kind || text.form?.elements.kind?.value || "";
      const query = new URLSearchParams({ q: wanted, kind });
      const answer = await fetch(`/api/codes?${query}`, { headers: { Accept: "application/json" } });
      if (!answer.ok || turn !== asked || document.activeElement !== text) return;
      show(await answer.json());
    };

    text.addEventListener("input", () => {
      code.value = "";
      clearTimeout(timer);
      timer = setTimeout(look, WAIT);
    });
    text.addEventListener("keydown", (event) => {
      if (event.key === "ArrowDown" || event.key === "ArrowUp") {
        event.preventDefault();
        if (list.hidden) look(); else point(at + (event.key === "ArrowDown" ? 1 : -1));
      } else if (event.key === "Enter" && !list.hidden && at >= 0) {
        event.preventDefault();
        choose(options()[at]);
      } else if (event.key === "Escape" && !list.hidden) {
        event.stopPropagation();
        close();
      }
    });
    list.addEventListener("pointerdown", (event) => {
      // Before the box loses the focus, which closes the list.
      const option = event.target.closest("[role=option]");
      if (!option) return;
      event.preventDefault();
      choose(option);
    });
    text.addEventListener("blur", () => setTimeout(close, 120));
  }

  const all = (root) => root.querySelectorAll(".codebox").forEach(begin);
  document.addEventListener("DOMContentLoaded", () => all(document));
  document.addEventListener("htmx:load", (event) => all(event.detail.elt.parentElement || document));
  window.suwenPick = all;
})();
