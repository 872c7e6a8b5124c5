// The dry run: fields follow the chosen rule, its result is drawn.
"use strict";
(() => {
  const form = document.getElementById("try");
  const chosen = document.getElementById("rule");
  const FIELDS = ["limit", "clear", "sustained_s", "calm_s", "gap_s"];
  const INK = "#0f4c5c", RED = "#a4161a", AMBER = "#8a5a00";

  function fill() {
    const rule = JSON.parse(chosen.selectedOptions[0].dataset.rule);
    for (const name of FIELDS) form.elements[name].value = rule[name];
    for (const place of form.querySelectorAll(".unit-of")) place.textContent = `(${rule.unit})`;
    document.getElementById("source").textContent = rule.source;
  }

  const level = (x, y) => x.map(() => y);

  function draw(place) {
    const plot = JSON.parse(place.dataset.plot || "{}");
    if (!plot.x || !plot.x.length) return;
    const words = place.dataset;
    const size = { width: Math.max(280, place.clientWidth), height: 240 };
    const bars = plot.kind === "bars";
    const two = (n) => String(n).padStart(2, "0");
    const clock = (s) => { const d = new Date(1000 * s); return `${two(d.getHours())}:${two(d.getMinutes())}`; };
    const day = (s) => { const d = new Date(1000 * s); return `${two(d.getMonth() + 1)}-${two(d.getDate())}`; };
    const times = (u, at, axis, space, step) => at.map((s) => (step >= 86400 ? day(s) : clock(s) === "00:00" ? day(s) : clock(s)));
    const axes = [{ values: times }, bars ? { size: 56, incrs: [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000] } : { size: 56 }];
    const value = (u, s) => (s === null || s === undefined ? "--" : `${day(s)} ${clock(s)}`);
    const series = bars
      ? [{ value, label: words.time }, { label: words.alerts, stroke: INK, fill: "#9fc9d5", paths: uPlot.paths.bars({ size: [0.7, 60] }), points: { show: false } }]
      : [{ value, label: words.time }, { label: `${words.value} (${plot.unit})`, stroke: INK, width: 1, points: { show: plot.x.length < 200 } },
         { label: words.limit, stroke: RED, dash: [6, 4], points: { show: false } },
         { label: words.clear, stroke: AMBER, dash: [2, 4], points: { show: false } }];
    const data = bars ? [plot.x, plot.y] : [plot.x, plot.y, level(plot.x, plot.limit), level(plot.x, plot.clear)];
    const hooks = bars ? {} : { drawClear: [(u) => {
      u.ctx.fillStyle = "rgb(164 22 26 / 14%)";
      for (const [from, to] of plot.spans) {
        const left = u.valToPos(from, "x", true), right = u.valToPos(to, "x", true);
        u.ctx.fillRect(left, u.bbox.top, Math.max(2, right - left), u.bbox.height);
      }
    }] };
    const drawn = new uPlot({ ...size, axes, series, hooks, scales: bars ? { x: { range: (u, a, b) => [a - plot.wide, b + plot.wide] }, y: { range: (u, a, b) => [0, Math.max(1, b * 1.1)] } } : {} }, data, place);
    place.dataset.drawn = "yes";
    new ResizeObserver(() => drawn.setSize({ width: Math.max(280, place.clientWidth), height: 240 })).observe(place);
  }

  chosen.addEventListener("change", fill);
  document.addEventListener("htmx:afterSwap", () => document.querySelectorAll(".plot:not([data-drawn])").forEach(draw));
  fill();
})();
