// What is painted over the plots of an ECG: paper, beats, washes of colour, calipers, the window.
"use strict";
window.suwen = window.suwen || {};
window.suwen.ecg = (() => {
  const COLOURS = { N: "#4b5a63", S: "#12728a", V: "#a4161a", F: "#7b2d8e", Q: "#8a5a00", "": "#4b5a63" };
  const WASHES = { af: "rgb(18 114 138 / 5%)", motion: "rgb(95 143 78 / 12%)", noise: "rgb(138 90 0 / 14%)", gap: "rgb(75 90 99 / 18%)", mark: "rgb(240 162 2 / 8%)" };
  // What may cover all of a window is told by a band at the lower edge; the paper stays paper.
  const BANDS = { af: [0, "rgb(18 114 138 / 55%)"], mark: [1, "rgb(240 162 2 / 75%)"] }, BAND_PX = 6;
  const FINE = "#f6dcdc", COARSE = "#eab8b8";
  const BOX_S = 0.04, BOX_MV = 0.1, FIVE = 5; // a small box of ECG paper; five make a large one
  const LEAST_PX = 4; // a box drawn closer than this is only grey

  const across = (u, seconds) => u.valToPos(seconds, "x", true);
  const down = (u, value) => u.valToPos(value, "y", true);

  function lines(u, from, to, step, place, vertical, colour) {
    const { left, top, width, height } = u.bbox;
    u.ctx.strokeStyle = colour;
    u.ctx.lineWidth = 1;
    u.ctx.beginPath();
    for (let k = Math.ceil(from / step); k * step <= to; k += 1) {
      const at = Math.round(place(u, k * step)) + 0.5;
      if (vertical) { u.ctx.moveTo(at, top); u.ctx.lineTo(at, top + height); } else { u.ctx.moveTo(left, at); u.ctx.lineTo(left + width, at); }
    }
    u.ctx.stroke();
  }

  // 25 mm/s and 10 mm/mV as far as the boxes can be told apart; the large ones stay longest.
  function paper(u, millivolts) {
    const { x, y } = u.scales;
    const second = u.bbox.width / (x.max - x.min), unit = u.bbox.height / (y.max - y.min);
    for (const [size, colour] of [[1, FINE], [FIVE, COARSE]]) {
      if (size * BOX_S * second >= LEAST_PX) lines(u, x.min, x.max, size * BOX_S, across, true, colour);
      if (millivolts && size * BOX_MV * unit >= LEAST_PX) lines(u, y.min, y.max, size * BOX_MV, down, false, colour);
    }
  }

  function wash(u, kind, spans) {
    const { x } = u.scales;
    for (const [start, end] of spans) {
      if (end < x.min || start > x.max) continue;
      const left = across(u, Math.max(start, x.min)), right = across(u, Math.min(end, x.max));
      const wide = Math.max(2, right - left);
      u.ctx.fillStyle = WASHES[kind];
      u.ctx.fillRect(left, u.bbox.top, wide, u.bbox.height);
      if (!BANDS[kind]) continue;
      const [place, colour] = BANDS[kind], high = BAND_PX * (devicePixelRatio || 1);
      u.ctx.fillStyle = colour;
      u.ctx.fillRect(left, u.bbox.top + u.bbox.height - (place + 1) * high, wide, high);
    }
  }

  // A tick and a letter at each beat; letters only where they do not meet.
  function beats(u, found) {
    const ratio = devicePixelRatio || 1, top = u.bbox.top;
    let free = u.bbox.left - 6 * ratio; // where the next letter has room; ectopic ones go before normal ones
    u.ctx.save();
    u.ctx.font = `${600} ${12 * ratio}px system-ui, sans-serif`;
    u.ctx.textAlign = "center";
    u.ctx.textBaseline = "top";
    for (const [k, beat] of found.entries()) {
      const at = across(u, beat.at), ectopic = beat.kind && beat.kind !== "N";
      if (at < u.bbox.left || at > u.bbox.left + u.bbox.width) continue;
      u.ctx.fillStyle = COLOURS[beat.kind];
      u.ctx.fillRect(at - ratio / 2, top, ratio, (ectopic ? 9 : 5) * ratio);
      const half = 6 * ratio, next = found[k + 1];
      const yields = beat.kind === "N" && next && next.kind !== "N" && across(u, next.at) - at < 2 * half;
      if (!beat.kind || at - half < free || yields) continue;
      u.ctx.fillText(beat.kind, at, top + 11 * ratio);
      free = at + half;
    }
    u.ctx.restore();
  }

  function calipers(u, points) {
    const ratio = devicePixelRatio || 1;
    u.ctx.strokeStyle = u.ctx.fillStyle = "#12728a";
    u.ctx.lineWidth = 1.5 * ratio;
    u.ctx.beginPath();
    for (const point of points) {
      const at = across(u, point.at), level = down(u, point.value);
      u.ctx.moveTo(at, u.bbox.top);
      u.ctx.lineTo(at, u.bbox.top + u.bbox.height);
      u.ctx.moveTo(at - 7 * ratio, level);
      u.ctx.lineTo(at + 7 * ratio, level);
    }
    if (points.length === 2) {
      const middle = u.bbox.top + u.bbox.height - 14 * ratio;
      u.ctx.moveTo(across(u, points[0].at), middle);
      u.ctx.lineTo(across(u, points[1].at), middle);
    }
    u.ctx.stroke();
  }

  function frame(u, from, to) {
    const ratio = devicePixelRatio || 1;
    const left = across(u, from), right = across(u, to);
    u.ctx.fillStyle = "rgb(18 114 138 / 18%)";
    u.ctx.strokeStyle = "#12728a";
    u.ctx.lineWidth = ratio;
    const width = Math.max(3 * ratio, right - left);
    u.ctx.fillRect(left, u.bbox.top, width, u.bbox.height);
    u.ctx.strokeRect(left, u.bbox.top, width, u.bbox.height);
  }

  const two = (n) => String(n).padStart(2, "0");

  // A moment as the reader knows it: by the clock, or since the beginning; parts of seconds when near.
  function time(began, seconds, step) {
    const all = Math.max(0, (began ?? 0) + seconds);
    const whole = Math.floor(all + 1e-6), hours = Math.floor(whole / 3600);
    const shown = began === null ? String(hours) : two(hours % 24);
    const text = `${shown}:${two(Math.floor(whole / 60) % 60)}`;
    if (step >= 60) return text;
    const part = step < 1 ? `.${Math.round((all - whole) * 10) % 10}` : "";
    return `${text}:${two(whole % 60)}${part}`;
  }

  return { paper, wash, beats, calipers, frame, time };
})();
