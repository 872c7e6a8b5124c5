// The viewer of the case page and of the images page: tools, findings, and the earlier study beside.
// It speaks of points in DICOM patient coordinates (LPS, mm); the areas themselves stand in pane.js.
"use strict";
(() => {
  const root = document.querySelector("[data-viewer-root]");
  if (!root) return;
  const { Pane, PlainPane } = window.suwen;
  const words = root.dataset;
  const by = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const read = (element, name) => JSON.parse(element?.dataset[name] || "[]");
  const stages = all("[data-viewer]");
  const small = window.matchMedia("(max-width: 640px)").matches;
  const narrow = () => window.innerWidth <= 1000;
  const plain = !Pane.possible();
  const state = { window: "", layout: small ? "axial" : "multi", zoom: 1, mask: true, boxes: true, saliency: false,
                  measuring: false, chosen: null, linked: "", compared: !small && !plain && !Pane.software }; // two volumes drawn in software take long
  const make = (stage) => (plain ? new PlainPane(stage, moved) : new Pane(stage, moved, measured));
  const panes = stages.map(make);
  const [now, prior] = panes;
  const alive = () => panes.filter((pane) => pane.volume);
  const series = all("#series option").map((option) => ({
    option, url: option.value, ...option.dataset, label: option.textContent, large: "large" in option.dataset,
    windows: option.dataset.windows.split(" "),
  }));
  const presets = all("[data-window]").map((button) => ({
    button, key: button.dataset.window, low: Number(button.dataset.low), high: Number(button.dataset.high),
    shares: "shares" in button.dataset,
  }));
  const find = (key) => series.find((one) => one.key === key);
  const current = () => find(by("series").selectedOptions[0].dataset.key);

  const press = (name, value) => all(`[data-${name}]`).forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset[name] === value)));
  const places = (group) => read(group, "places");
  const placeOn = (group, pane) => places(group).find((place) => place.series === pane.series?.key);
  const preset = () => presets.find((one) => one.key === state.window);

  // The window that was chosen, where it fits the series; else the first that does.
  function setWindow(name, one = current()) {
    state.window = one.windows.includes(name) ? name : one.windows[0];
    presets.forEach(({ button, key }) => { button.hidden = !one.windows.includes(key); });
    press("window", state.window);
    return Promise.all(alive().map((pane) => pane.setWindow(preset())));
  }

  function setLayout(name) {
    state.layout = name;
    press("layout", name);
    alive().forEach((pane) => pane.setLayout(name));
    showSlice();
  }

  function setZoom(factor) {
    state.zoom = factor;
    press("zoom", String(factor));
    panes.forEach((pane) => pane.setZoom(factor));
  }

  function showSlice() {
    panes.forEach((pane) => {
      if (!pane.volume) return;
      const { n, i } = pane.slices();
      pane.stage.dataset.slice = String(i + 1);
      if (pane !== now) return;
      by("slice").max = String(n - 1);
      by("slice").value = String(i);
      by("slice-of").textContent = `${i + 1} / ${n}`;
    });
  }

  function tell(where) {
    const point = [-where.mm[0], -where.mm[1], where.mm[2]];
    const voxel = (where.values || [])[0];
    const value = voxel && Number.isFinite(voxel.value) ? Math.round(voxel.value) : null;
    const { kind, modality } = now.series;
    const unit = modality === "CT" ? " HU" : "";
    const read = value === null ? "" : `  ${value}${unit}`;
    by("where").textContent = kind === "picture"
      ? `${words.column} ${Math.round(where.vox[0]) + 1}  ${words.row} ${now.volume.dimsRAS[2] - Math.round(where.vox[1])}`
      : `x ${point[0].toFixed(1)}  y ${point[1].toFixed(1)}  z ${point[2].toFixed(1)} mm${read}`;
    ["x", "y", "z"].forEach((name, k) => {
      const field = by(`point-${name}`);
      if (field) field.value = point[k].toFixed(2);
    });
    const go = by("go");
    if (go) go.disabled = modality !== "CT";
  }

  function moved(pane, where) {
    if (pane === now && where?.mm) tell(where);
    const other = panes.find((one) => one !== pane && one.volume);
    if (other && where?.mm) follow(pane, other);
    showSlice();
  }

  // The other study shows the same place: by the nearest nodule found on both, else the same share of
  // each axis; what was done is said, since only the first knows the patient's position.
  function follow(pane, other) {
    const pairs = all(".group").flatMap((group) => {
      const [a, b] = [placeOn(group, pane), placeOn(group, other)];
      return a?.point && b?.point ? [{ a: a.point, b: b.point, title: group.dataset.title }] : [];
    });
    const point = pane.point;
    const away = (pair) => Math.hypot(...pair.a.map((value, k) => value - point[k]));
    const near = pairs.sort((one, two) => away(one) - away(two))[0];
    if (near) other.setPoint(near.b.map((value, k) => value + point[k] - near.a[k]), true);
    else other.setFraction(pane.fraction, true);
    state.linked = near ? words.matched + near.title : words.relative;
    caption(prior, state.linked);
  }

  function caption(pane, more = "") {
    const place = pane.stage.querySelector(".caption");
    if (!place) return;
    place.textContent = [pane === prior ? words.earlier : "", pane.series?.label].filter(Boolean).join("");
    if (more) place.append(Object.assign(document.createElement("small"), { textContent: more }));
  }

  function measured(pane, distance) {
    const { unit } = pane.series;
    const digits = unit === "px" ? 0 : 1;
    by("measured").textContent = `${words.measured} ${distance.toFixed(digits)} ${words[unit === "px" ? "px" : unit === "mm" ? "mm" : "detector"]}`;
  }

  function setMeasuring(on) {
    state.measuring = on;
    by("measure").setAttribute("aria-pressed", String(on));
    panes.forEach((pane) => pane.measure(on));
    by("measured").textContent = on ? words.draw : "";
    if (!on) panes.forEach((pane) => pane.volume && pane.clear());
  }

  const overlaysOf = (group, pane) => read(group, "overlays").filter((item) => !item.series || item.series === pane.series?.key);

  async function drawOverlays() {
    const list = overlaysOf(state.chosen, now);
    const hidden = list.find((item) => item.kind === "saliency" && item.hidden);
    const has = (kind) => list.some((item) => item.kind === kind && !item.hidden);
    for (const kind of ["mask", "saliency"]) {
      by(kind).disabled = !has(kind) || plain;
      by(kind).setAttribute("aria-pressed", String(state[kind] && has(kind)));
    }
    by("why-hidden").textContent = hidden ? words.hidden + hidden.hidden : "";
    by("why-hidden").hidden = !hidden;
    for (const pane of alive()) {
      const wanted = overlaysOf(state.chosen, pane).filter((item) => !item.hidden && state[item.kind]);
      await pane.swap(wanted.find((item) => item.form === "picture")?.url);
      await pane.setWindow(preset());
      const over = wanted.filter((item) => item.form !== "picture");
      if (await pane.overlay(over, Number(by("opacity").value) / 100)) pane.stage.dataset.overlays = String(wanted.length);
    }
  }

  function drawBoxes() {
    by("boxes").setAttribute("aria-pressed", String(state.boxes));
    for (const pane of alive()) {
      const boxed = all(".group").flatMap((group) => {
        const place = placeOn(group, pane);
        const { key, title } = group.dataset;
        return place?.low ? [{ ...place, key, label: title, chosen: group === state.chosen, rejected: "rejected" in group.dataset }] : [];
      });
      pane.boxes(state.boxes ? boxed : []);
    }
  }

  // Shows a place: on the series it lies on, which is fetched when another one is on the screen.
  async function goTo(place) {
    if (!place) return;
    const pane = alive().find((one) => one.series.key === place.series);
    if (!pane && find(place.series)) {
      find(place.series).option.selected = true;
      await load();
    }
    const on = pane || now;
    if (place.point && on.volume) await on.setPoint(place.point);
  }

  // The place of a group that is on the screen, else where it lies now.
  const placeOf = (group) => placeOn(group, now) || places(group)[0];

  async function choose(group, place) {
    if (!group) return;
    all(".group").forEach((other) => other.classList.toggle("chosen", other === group));
    state.chosen = group;
    await goTo(place);
    drawBoxes();
    if (now.volume) await drawOverlays();
  }

  function failed(error) {
    const stage = now.stage;
    now.wait.hidden = false;
    now.wait.textContent = words.failed;
    stage.dataset.state = "failed";
    console.error(error);
  }

  async function fill(pane, one) {
    const coarse = !plain && Pane.software && one.large;
    if (pane === now) by("coarse").hidden = !coarse;
    pane.wait.hidden = false;
    pane.wait.textContent = words.loading;
    if (!(await pane.load(one, preset(), coarse))) return false;
    pane.wait.hidden = true;
    caption(pane);
    await pane.setWindow(preset());
    pane.setLayout(state.layout);
    pane.setZoom(state.zoom);
    return true;
  }

  async function load() {
    const one = current();
    root.classList.toggle("flat", one.kind === "picture");
    await setWindow(state.window, one);
    if (await fill(now, one)) await compare(one);
  }

  // Fills the list of studies to compare with, and shows the one that was chosen or the latest earlier one.
  async function compare(one) {
    const list = by("prior");
    if (!list || !prior) return;
    const same = series.filter((other) => other !== one && other.modality === one.modality && other.kind === one.kind);
    list.replaceChildren(list.options[0], ...same.map((other) => new Option(other.label, other.key)));
    list.value = state.compared ? one.prior : "";
    list.parentElement.hidden = plain || !same.length;
    await showPrior();
  }

  async function showPrior() {
    const chosen = plain ? undefined : find(by("prior").value);
    prior.stage.hidden = !chosen;
    root.classList.toggle("two", Boolean(chosen));
    if (!chosen) {
      prior.volume = prior.series = null;
      return;
    }
    if (prior.series?.key === chosen.key) return;
    if (!prior.nv) await prior.start();
    if (!(await fill(prior, chosen))) return;
    prior.measure(state.measuring);
    follow(now, prior);
    drawBoxes();
    await drawOverlays();
  }

  async function start() {
    await now.start();
    press("layout", state.layout);
    root.classList.toggle("plain", plain);
    by("plain").hidden = !plain;
    const group = document.querySelector(".group[data-placed]");
    const first = find(places(group)[0]?.series);
    if (first) first.option.selected = true;
    await load();
    showSlice();
    if (group) await choose(group, placeOf(group));
    else if (!plain) now.setFraction(now.fraction);
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    const head = event.target.closest(".group > header");
    if (!button && head && root.matches(".full")) choose(head.parentElement, placeOf(head.parentElement)).catch(failed);
    if (!button) return;
    const { id, dataset } = button;
    if (dataset.window) setWindow(dataset.window).catch(failed);
    else if (dataset.layout) setLayout(dataset.layout);
    else if (dataset.zoom) setZoom(Number(dataset.zoom));
    else if (id === "measure") setMeasuring(!state.measuring);
    else if (id === "mask" || id === "saliency" || id === "boxes") {
      state[id] = !state[id];
      if (id === "boxes") drawBoxes();
      else drawOverlays().catch(failed);
    } else if (dataset.go) {
      const group = button.closest(".group");
      choose(group, JSON.parse(dataset.go)).catch(failed);
      if (narrow()) root.querySelector(".panes").scrollIntoView({ behavior: "smooth", block: "center" });
    }
  });
  by("opacity").addEventListener("input", (event) => alive().forEach((pane) => pane.setOpacity(Number(event.target.value) / 100)));
  by("slice").addEventListener("input", (event) => now.setSlice(Number(event.target.value)));
  by("series").addEventListener("change", () => load().then(() => choose(state.chosen, placeOn(state.chosen, now))).catch(failed));
  by("prior")?.addEventListener("change", () => {
    state.compared = Boolean(by("prior").value);
    showPrior().catch(failed);
  });
  const STEPS = { ArrowDown: 1, ArrowUp: -1, PageDown: 10, PageUp: -10 };
  root.addEventListener("keydown", (event) => {
    if (!(event.key in STEPS) || !now.volume || event.target.matches("select, input")) return;
    event.preventDefault();
    event.stopPropagation();
    now.setSlice(now.slices().i + STEPS[event.key]);
  }, true);
  let known = new Set(all(".group").map((group) => group.dataset.key));
  // Not afterSwap: settling gives the new elements their own classes back.
  document.body.addEventListener("htmx:afterSettle", () => {
    const placed = all(".group[data-placed]");
    const added = placed.filter((group) => !known.has(group.dataset.key));
    const again = placed.find((group) => group.dataset.key === state.chosen?.dataset.key);
    known = new Set(all(".group").map((group) => group.dataset.key));
    const one = added.length === 1 ? added[0] : again || placed[0]; // one: the answer about the point just given
    choose(one, one && one !== again ? placeOf(one) : null).catch(failed);
  });
  start().catch(failed);
})();
