// The viewer of an ECG: the whole recording above, a window of it below, down to single beats.
// Every window is asked of the server, which answers in as many columns as the screen has.
"use strict";
(() => {
  const root = document.getElementById("ecg");
  if (!root) return;
  const draw = window.suwen.ecg;
  const ecg = JSON.parse(root.dataset.ecg), words = JSON.parse(root.dataset.words);
  const by = (id) => document.getElementById(id);
  const total = ecg.seconds, NARROWEST = Math.min(1, total), AXIS = 66, RIGHT = 26; // as in ecg.css
  const AROUND = 10; // seconds shown round an event
  const state = { lead: ecg.lead, from: ecg.start, to: ecg.end, calipers: false, points: [], had: null, beats: [], at: ecg.start, asking: null, lanes: {} };
  const width = (place) => Math.max(260, place.clientWidth);
  const tall = () => (window.innerWidth < 640 ? 250 : 340);
  const value = (number, digits) => Number(number).toFixed(digits);
  const span = () => state.to - state.from;

  async function ask(path, query, signal) {
    const asked = new URLSearchParams({ record: ecg.record, ...query });
    const answer = await fetch(`${root.dataset.url}${path}?${asked}`, { signal, headers: { Accept: "application/json" } });
    if (answer.status === 401) window.location.reload(); // signed out: the page asks to sign in
    return answer;
  }

  function fail() {
    by("problem").textContent = words.failed;
    by("problem").hidden = false;
    root.dataset.state = "failed";
  }

  // --- the whole recording ---------------------------------------------------------------------
  const axis = { stroke: "#5a6b74", grid: { stroke: "#e4eaec", width: 1 }, ticks: { stroke: "#c3cfd4", width: 1 } };
  const times = (u, at, k, space, step) => at.map((seconds) => draw.time(ecg.clock, seconds, step));
  const steps = [0.1, 0.2, 0.5, 1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 10800, 21600, 43200, 86400];
  const common = { legend: { show: false }, padding: [10, RIGHT, 0, 0] };
  let whole = null;

  function overviewPlot(rate) {
    const place = by("overview");
    const known = rate.middle.some((one) => one !== null);
    whole = new uPlot({
      ...common, width: width(place), height: 150,
      scales: { x: { time: false, range: () => [0, total] }, y: { range: (u, low, high) => (known ? [Math.max(0, low - 5), high + 5] : [0, 200]) } },
      axes: [{ ...axis, values: times, incrs: steps, space: 70, size: 32 }, { ...axis, label: words.rate, labelSize: 18, size: AXIS - 18 }],
      series: [{}, { stroke: "transparent", points: { show: false } }, { stroke: "#0f4c5c", width: 1.5, points: { show: rate.at.length < 2 } }, { stroke: "transparent", points: { show: false } }],
      bands: [{ series: [3, 1], fill: "rgb(15 76 92 / 18%)" }],
      cursor: { y: false, points: { show: false }, drag: { x: true, y: false, setScale: false } },
      hooks: { draw: [(u) => draw.frame(u, state.from, state.to)], setSelect: [(u) => selected(u)] },
    }, [rate.at, rate.low, rate.middle, rate.high], place);
    whole.over.addEventListener("click", (event) => centre(whole.posToVal(event.offsetX, "x")));
  }

  function selected(u) {
    const { left, width: wide } = u.select;
    if (wide < 4) return;
    const from = u.posToVal(left, "x"), to = u.posToVal(left + wide, "x");
    u.setSelect({ left: 0, top: 0, width: 0, height: 0 }, false);
    if (u === trace && state.calipers) return;
    state.dragged = performance.now();
    show(from, to);
  }

  function laneRows(lanes, counts, classes) {
    const always = classes ? ["af", "v", "s"] : [];
    for (const row of document.querySelectorAll("[data-lane]")) {
      const key = row.dataset.lane, spans = lanes[key] || [], svg = row.querySelector("svg");
      row.hidden = !spans.length && !always.includes(key);
      row.querySelector("b").textContent = counts[key] ? String(counts[key]) : "0";
      svg.setAttribute("viewBox", `0 0 ${total} 1`);
      svg.setAttribute("aria-label", `${svg.getAttribute("aria-label")}: ${counts[key] || 0}`);
      for (const [start, end] of spans) {
        const rect = document.createElementNS("http://www.w3.org/2000/svg", "rect");
        for (const [name, size] of Object.entries({ x: start, width: end - start, y: 0, height: 1 })) rect.setAttribute(name, String(size));
        svg.append(rect);
      }
      svg.addEventListener("click", (event) => centre(total * event.offsetX / svg.clientWidth));
    }
    for (const option of by("kind").options) {
      const count = counts[option.value] || 0;
      if (!["fastest", "slowest"].includes(option.value)) option.textContent = `${option.textContent} (${count})`;
      option.disabled = !count;
    }
    const first = [...by("kind").options].find((option) => !option.disabled);
    if (first) by("kind").value = first.value;
  }

  async function overview() {
    const answer = await ask("", {});
    if (!answer.ok) return fail();
    const told = await answer.json();
    state.lanes = told.lanes;
    const unread = by("unread");
    unread.hidden = (unread.dataset.live ? told.classes : told.beats) || told.leads[state.lead].kind !== "ecg";
    overviewPlot(told.rate);
    laneRows(told.lanes, told.counts, told.classes);
    return refresh();
  }

  // --- the window ------------------------------------------------------------------------------
  let trace = null;

  function levels(u, low, high) {
    if (low === null || !Number.isFinite(low)) return [-1, 1];
    const least = ecg.unit === "mV" ? 1.5 : 0, missing = Math.max(0, least - (high - low)) / 2;
    const room = (high - low + 2 * missing) * 0.12;
    return [low - missing - room, high + missing + 2 * room];
  }

  function tracePlot() {
    const place = by("trace");
    trace = new uPlot({
      ...common, width: width(place), height: tall(),
      scales: { x: { time: false, range: () => [state.from, state.to] }, y: { range: levels } },
      axes: [{ ...axis, values: times, incrs: steps, space: 70, size: 34, grid: { show: false } }, { ...axis, label: ecg.unit || " ", labelSize: 18, size: AXIS - 18, grid: { show: false }, values: (u, at) => at.map((one) => String(+one.toFixed(2))) }],
      series: [{}, { stroke: "#14202a", width: 1.2, points: { show: false }, spanGaps: false }],
      cursor: { drag: { x: true, y: false, setScale: false }, points: { show: false } },
      hooks: {
        drawClear: [(u) => {
          draw.paper(u, ecg.unit === "mV");
          for (const kind of ["af", "motion", "noise", "gap"]) draw.wash(u, kind, state.lanes[kind] || []);
          draw.wash(u, "mark", ecg.marks);
        }],
        draw: [(u) => { draw.beats(u, state.beats); draw.calipers(u, state.points); }],
        setSelect: [(u) => selected(u)],
      },
    }, [[], []], place);
    trace.over.addEventListener("wheel", wheel, { passive: false });
    trace.over.addEventListener("click", measure);
    touch(trace.over);
  }

  // Shows what is there at once, and asks for the rest: a window's length more on both sides.
  async function refresh() {
    if (trace) trace.redraw(true, true);
    if (whole) whole.redraw(false, false);
    const wide = span(), had = state.had;
    const inside = had && had.lead === state.lead && had.start <= state.from + 1e-6 && had.end >= state.to - 1e-6;
    const fine = inside && (had.exact || had.wide < wide * 1.5);
    address();
    state.asking?.abort();
    const asking = state.asking = new AbortController();
    root.dataset.state = "loading";
    try {
      await new Promise((done) => setTimeout(done, had ? 90 : 0));
      if (asking.signal.aborted) return;
      const columns = Math.min(2500, Math.max(100, Math.round(width(by("trace")) * (devicePixelRatio || 1))));
      const more = fine ? { columns: 10 } : { columns: Math.min(5000, 3 * columns), margin: 1 };
      const answer = await ask("/window", { lead: state.lead, start: state.from, end: state.to, ...more }, asking.signal);
      if (!answer.ok) { fail(); return; }
      const told = await answer.json();
      if (!fine) {
        state.had = { lead: state.lead, start: Math.max(0, state.from - wide), end: Math.min(total, state.to + wide), exact: told.exact, wide };
        trace.setData([told.at, told.values], true);
      }
      tell(told);
    } catch (error) {
      if (error.name !== "AbortError") fail();
    }
  }

  function tell(told) {
    state.beats = told.beats;
    const parts = [told.words];
    if (told.quality !== null) parts.push(`${words.quality} ${value(told.quality, 2)}`);
    if (told.beats_inside && !told.beats.length) parts.push(`${told.beats_inside} ${words.many}`);
    by("window-words").textContent = parts.join(" · ");
    by("trace").setAttribute("aria-label", parts.join(" · "));
    by("problem").hidden = true;
    trace.redraw(true, true);
    root.dataset.state = "ready";
  }

  function address() {
    const query = new URLSearchParams({ record: ecg.record, lead: state.lead, start: value(state.from, 3), end: value(state.to, 3) });
    history.replaceState(null, "", `?${query}`);
    const paper = new URLSearchParams({ record: ecg.record, lead: state.lead, at: value(state.from, 3) });
    by("paper").href = `${root.dataset.paper}?${paper}`;
    for (const field of root.querySelectorAll("[data-window]")) field.value = value(state[field.dataset.window], 3);
    for (const button of document.querySelectorAll("[data-width]")) {
      const wanted = button.dataset.width === "all" ? total : Number(button.dataset.width);
      button.setAttribute("aria-pressed", String(Math.abs(wanted - span()) < 0.01));
    }
  }

  function show(from, to) {
    const wide = Math.min(total, Math.max(NARROWEST, to - from));
    const middle = (from + to) / 2;
    state.from = Math.min(Math.max(0, middle - wide / 2), total - wide);
    state.to = state.from + wide;
    refresh();
  }

  const centre = (at) => { if (!(performance.now() - state.dragged < 300)) { state.at = at; show(at - span() / 2, at + span() / 2); } };
  const move = (share) => { show(state.from + share * span(), state.to + share * span()); };
  function zoom(factor, at = (state.from + state.to) / 2) {
    const wide = Math.min(total, Math.max(NARROWEST, span() * factor)), share = (at - state.from) / span();
    show(at - share * wide, at + (1 - share) * wide);
  }

  // --- events ----------------------------------------------------------------------------------
  async function go(back) {
    const kind = by("kind").value;
    const inside = state.at >= state.from && state.at <= state.to;
    const at = inside ? state.at : back ? state.to : state.from;
    const answer = await ask("/event", { kind, at: value(Math.max(0, at), 3), back });
    if (answer.status === 404) { by("event").textContent = words.none; return; }
    if (!answer.ok) { fail(); return; }
    const event = await answer.json();
    state.at = event.start;
    by("event").textContent = event.words;
    const wide = event.end - event.start, round = Math.max(AROUND, Math.min(3 * AROUND, wide + 4));
    const middle = wide > round ? event.start + 0.4 * round : (event.start + event.end) / 2;
    show(middle - round / 2, middle + round / 2);
  }

  // --- calipers --------------------------------------------------------------------------------
  function measure(event) {
    if (!state.calipers) return;
    place({ at: trace.posToVal(event.offsetX, "x"), value: trace.posToVal(event.offsetY, "y") });
  }

  function place(point) {
    state.points = state.points.length === 2 ? [point] : [...state.points, point];
    measured();
  }

  function measured() {
    const [one, other] = state.points;
    let text = state.calipers ? words.calipers : "";
    if (other) {
      const seconds = Math.abs(other.at - one.at);
      const rate = seconds > 0 ? ` · ${Math.round(60 / seconds)}/min` : "";
      text = `${words.measured}: ${Math.round(1000 * seconds)} ms${rate} · ${value(Math.abs(other.value - one.value), 2)} ${ecg.unit}`;
    }
    by("measured").textContent = text;
    trace.redraw(false, false);
  }

  // By key: a point on the curve in the middle of the window, then moved along the curve.
  function onCurve(at) {
    const [seconds, values] = trace.data;
    let best = 0;
    for (let k = 1; k < seconds.length; k += 1) if (Math.abs(seconds[k] - at) < Math.abs(seconds[best] - at)) best = k;
    return { at, value: values[best] ?? 0 };
  }

  function caliperKey(key) {
    if (key === "Enter") { place(onCurve((state.from + state.to) / 2)); return; }
    const last = state.points.pop();
    if (!last) return;
    state.points.push(onCurve(last.at + (key === "]" ? 1 : -1) * Math.max(0.004, span() / 500)));
    measured();
  }

  function toggleCalipers() {
    state.calipers = !state.calipers;
    if (!state.calipers) state.points = [];
    document.querySelector("[data-act=calipers]").setAttribute("aria-pressed", String(state.calipers));
    root.classList.toggle("measuring", state.calipers);
    measured();
  }

  // --- hands -----------------------------------------------------------------------------------
  function wheel(event) {
    event.preventDefault();
    if (event.shiftKey || Math.abs(event.deltaX) > Math.abs(event.deltaY)) move(Math.sign(event.deltaX || event.deltaY) * 0.15);
    else zoom(event.deltaY > 0 ? 1.25 : 0.8, trace.posToVal(event.offsetX, "x"));
  }

  // One finger moves the window, two change its length; a page still scrolls up and down.
  function touch(over) {
    const fingers = new Map();
    const lie = () => [...fingers.values()].sort((a, b) => a - b);
    let begun = null;
    const begin = () => { begun = { at: lie(), from: state.from, to: state.to }; };
    const drop = (event) => { fingers.delete(event.pointerId); begin(); };
    over.addEventListener("pointerdown", (event) => {
      if (event.pointerType === "mouse") return;
      fingers.set(event.pointerId, event.clientX);
      begin();
    });
    over.addEventListener("pointermove", (event) => {
      if (!fingers.has(event.pointerId) || !begun) return;
      fingers.set(event.pointerId, event.clientX);
      const now = lie(), wide = begun.to - begun.from, second = wide / over.clientWidth;
      if (now.length === 1) { const off = (begun.at[0] - now[0]) * second; if (Math.abs(off) > 3 * second) show(begun.from + off, begun.to + off); return; }
      const factor = (begun.at[1] - begun.at[0]) / Math.max(20, now[1] - now[0]);
      const middle = begun.from + ((begun.at[0] + begun.at[1]) / 2 - over.getBoundingClientRect().left) * second;
      show(middle - wide * factor / 2, middle + wide * factor / 2);
    });
    over.addEventListener("pointerup", drop);
    over.addEventListener("pointercancel", drop);
  }

  const acts = {
    left: () => move(-0.5), right: () => move(0.5), in: () => zoom(0.5), out: () => zoom(2),
    previous: () => go(true), next: () => go(false), calipers: toggleCalipers,
  };
  const keys = {
    ArrowLeft: () => move(-0.25), ArrowRight: () => move(0.25), "+": acts.in, "=": acts.in, "-": acts.out, n: acts.next, p: acts.previous,
    c: acts.calipers, 0: () => show(0, total), Home: () => show(0, span()), End: () => show(total - span(), total),
  };

  for (const button of document.querySelectorAll("#ecg [data-act]")) button.addEventListener("click", acts[button.dataset.act]);
  for (const button of document.querySelectorAll("#ecg [data-width]")) button.addEventListener("click", () => {
    const wide = button.dataset.width === "all" ? total : Number(button.dataset.width), middle = (state.from + state.to) / 2;
    show(middle - wide / 2, middle + wide / 2);
  });
  by("lead")?.addEventListener("change", (event) => { window.location.search = new URLSearchParams({ record: ecg.record, lead: event.target.value, start: value(state.from, 3), end: value(state.to, 3) }).toString(); });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.target.matches("input, select, textarea")) return;
    const measuring = state.calipers && ["Enter", "[", "]"].includes(event.key) && !event.target.matches("button, a");
    const act = measuring ? () => caliperKey(event.key) : keys[event.key] || keys[event.key.toLowerCase()];
    if (!act) return;
    event.preventDefault();
    act();
  });
  new ResizeObserver(() => {
    whole?.setSize({ width: width(by("overview")), height: 150 });
    trace?.setSize({ width: width(by("trace")), height: tall() });
  }).observe(root);
  tracePlot();
  overview();
})();
