// The ward board: follows the stream, and counts ages and validity by itself, so that nothing looks
// current when no message comes any more.
"use strict";
(() => {
  const LOST_S = 8;
  const board = document.getElementById("board");
  const pulse = document.getElementById("pulse");
  const place = (id) => document.getElementById(id);
  const words = pulse.dataset;
  let ahead = Number(words.now) - Date.now() / 1000; // the server's clock against this one
  let beat = Number(words.pulse);
  let heard = performance.now();
  let ended = false;

  const now = () => Date.now() / 1000 + ahead;
  const long = (s) => {
    if (s < 100) return `${Math.max(0, Math.round(s))} ${words.s}`;
    if (s < 5400) return `${Math.round(s / 60)} ${words.min}`;
    if (s < 129600) return `${Math.round(s / 3600)} ${words.h}`;
    return `${Math.round(s / 86400)} ${words.d}`;
  };

  function ages() {
    const t = now();
    for (const cell of board.querySelectorAll("[data-at]")) {
      const age = t - Number(cell.dataset.at);
      const shown = cell.classList.contains("age") ? cell : cell.querySelector(".age");
      if (shown) shown.textContent = long(age);
      if (!cell.classList.contains("cell")) continue;
      if (age >= Number(words.gone)) cell.classList.replace("fresh", "gone") || cell.classList.replace("old", "gone");
      else if (age >= Number(words.old)) cell.classList.replace("fresh", "old");
    }
    for (const score of board.querySelectorAll("[data-until]")) {
      const left = Number(score.dataset.until) - t;
      if (left <= 0 && score.classList.replace("current", "expired")) {
        score.className = score.className.replace(/s-\S+/, "s-none");
        score.closest("tr[data-by-score]")?.classList.remove("urgent", "soon", "routine");
      }
      const shown = score.querySelector(".left");
      if (shown) shown.textContent = left > 0 ? long(left) : "";
    }
    const age = t - beat;
    place("beat-age").textContent = beat ? long(age) : "–";
    const dead = !beat || age >= Number(words.dead);
    place("dead").hidden = !dead;
    pulse.classList.toggle("is-dead", dead);
    const lost = ended || performance.now() - heard > LOST_S * 1000;
    place("lost").hidden = ended || !lost;
    document.body.classList.toggle("not-current", lost);
  }

  const stream = new EventSource(`/ward/live${window.location.search}`);
  stream.addEventListener("board", (event) => {
    const told = JSON.parse(event.data);
    heard = performance.now();
    ahead = told.now - Date.now() / 1000;
    beat = told.pulse;
    place("last").textContent = new Date().toLocaleTimeString();
    if (told.rows) {
      const focus = document.activeElement?.closest?.("#board a")?.getAttribute("href");
      board.innerHTML = told.rows;
      window.htmx?.process(board);
      if (focus) board.querySelector(`a[href="${CSS.escape(focus)}"]`)?.focus({ preventScroll: true });
    }
    ages();
  });
  stream.addEventListener("ended", () => {
    ended = true;
    stream.close();
    place("ended").hidden = false;
    ages();
  });
  place("ward").addEventListener("change", (event) => event.target.form.submit());
  document.addEventListener("htmx:afterSwap", ages);
  setInterval(ages, 1000);
  ages();
})();
