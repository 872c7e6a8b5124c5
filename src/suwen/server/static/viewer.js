// The CT viewer of the case page: Niivue, window presets, overlays, and a point in mm.
// Points on the page are DICOM patient coordinates (LPS); Niivue speaks RAS: x and y change sign.
"use strict";
(() => {
  const stage = document.querySelector("[data-viewer]");
  if (!stage) return;
  const canvas = stage.querySelector("canvas");
  const wait = stage.querySelector(".wait");
  const words = stage.dataset;
  const by = (id) => document.getElementById(id);
  const all = (selector) => Array.from(document.querySelectorAll(selector));
  const THIN = 0.25; // width of the crosshair, per cent of the image
  const small = window.matchMedia("(max-width: 640px)").matches;
  const state = { nv: null, ct: null, window: "lung", layout: small ? "axial" : "multi",
                  mask: true, saliency: false, zoom: 1, chosen: null, round: 0 };
  // Axial large, the other two beside it: left, top, width, height as parts of the canvas.
  const together = [
    { sliceType: 0, position: [0, 0, 0.62, 1] },
    { sliceType: 1, position: [0.62, 0, 0.38, 0.5] },
    { sliceType: 2, position: [0.62, 0.5, 0.38, 0.5] },
  ];
  const windows = { lung: [-1350, 150], mediastinum: [-135, 215], bone: [-450, 1050] };

  const press = (name, value) => all(`[data-${name}]`).forEach((button) =>
    button.setAttribute("aria-pressed", String(button.dataset[name] === value)));

  function setWindow(name) {
    state.window = name;
    press("window", name);
    const [low, high] = windows[name];
    if (!state.ct || (state.ct.cal_min === low && state.ct.cal_max === high)) return;
    [state.ct.cal_min, state.ct.cal_max] = [low, high];
    state.nv.updateGLVolume();
  }

  function setLayout(name) {
    state.layout = name;
    press("layout", name);
    if (name === "multi") state.nv.setCustomLayout(together);
    else {
      state.nv.clearCustomLayout();
      state.nv.setSliceType({ axial: 0, coronal: 1, sagittal: 2 }[name]);
    }
    showSlice();
  }

  const axis = () => ({ coronal: 1, sagittal: 0 }[state.layout] ?? 2);

  function slices() {
    const n = state.ct.dimsRAS[axis() + 1];
    const i = Math.floor(state.nv.scene.crosshairPos[axis()] * n);
    return { n, i: Math.min(Math.max(i, 0), n - 1) };
  }

  function showSlice() {
    if (!state.ct) return;
    const { n, i } = slices();
    const slider = by("slice");
    slider.max = String(n - 1);
    slider.value = String(i);
    by("slice-of").textContent = `${i + 1} / ${n}`;
    stage.dataset.slice = String(i + 1);
  }

  function moved(where) {
    if (!where || !where.mm) return;
    const point = [-where.mm[0], -where.mm[1], where.mm[2]];
    const voxel = (where.values || [])[0];
    const hu = voxel && Number.isFinite(voxel.value) ? `  ${Math.round(voxel.value)} HU` : "";
    by("where").textContent = `x ${point[0].toFixed(1)}  y ${point[1].toFixed(1)}  z ${point[2].toFixed(1)} mm${hu}`;
    ["x", "y", "z"].forEach((name, k) => {
      const field = by(`point-${name}`);
      if (field) field.value = point[k].toFixed(2);
    });
    const go = by("go");
    if (go) go.disabled = false;
    showSlice();
  }

  function setZoom(factor) {
    state.zoom = factor;
    press("zoom", String(factor));
    if (!state.ct) return;
    state.nv.setCrosshairWidth(THIN / factor);
    const here = state.nv.frac2mm(state.nv.scene.crosshairPos);
    const shift = (k) => (1 - factor) * here[k];
    state.nv.setPan2Dxyzmm([shift(0), shift(1), shift(2), factor]);
  }

  function goTo(point) {
    const nv = state.nv;
    nv.scene.crosshairPos = nv.mm2frac([-point[0], -point[1], point[2]]);
    setZoom(state.zoom);
    nv.createOnLocationChange();
    nv.drawScene();
  }

  const overlays = (group) => JSON.parse(group?.dataset.overlays || "[]");

  async function drawOverlays() {
    const round = ++state.round;
    const nv = state.nv;
    nv.volumes.slice(1).reverse().forEach((volume) => nv.removeVolume(volume));
    const list = overlays(state.chosen);
    const hidden = list.find((item) => item.kind === "saliency" && item.hidden);
    const has = (kind) => list.some((item) => item.kind === kind && !item.hidden);
    by("mask").disabled = !has("mask");
    by("saliency").disabled = !has("saliency");
    by("mask").setAttribute("aria-pressed", String(state.mask && has("mask")));
    by("saliency").setAttribute("aria-pressed", String(state.saliency && has("saliency")));
    by("why-hidden").textContent = hidden ? words.hidden + hidden.hidden : "";
    by("why-hidden").hidden = !hidden;
    let drawn = 0;
    for (const item of list) {
      if (item.hidden || !state[item.kind]) continue;
      const heat = item.kind === "saliency";
      await nv.addVolumeFromUrl({
        url: item.url, name: `${item.kind}.nii.gz`, colormap: heat ? "suwen-heat" : "suwen-mask",
        opacity: Number(by("opacity").value) / 100, ...(heat ? {} : { cal_min: 0.5, cal_max: 1 }),
      });
      if (round !== state.round) return;
      const volume = nv.volumes[nv.volumes.length - 1];
      if (heat) {
        volume.cal_min = 0.15 * volume.global_max;
        volume.cal_max = volume.global_max;
        nv.updateGLVolume();
      }
      drawn += 1;
    }
    stage.dataset.overlays = String(drawn);
  }

  function choose(group, jump) {
    if (!group) return;
    all(".group").forEach((other) => other.classList.toggle("chosen", other === group));
    const same = state.chosen && state.chosen.dataset.overlays === group.dataset.overlays;
    state.chosen = group;
    if (jump && group.dataset.point) goTo(JSON.parse(group.dataset.point));
    if (!same && state.ct) drawOverlays().catch(failed);
  }

  function failed(error) {
    wait.hidden = false;
    wait.textContent = words.failed;
    stage.dataset.state = "failed";
    console.error(error);
  }

  // Drawing a whole CT in software takes minutes: the server sends it at half the resolution, and says so.
  const software = (() => {
    const gl = document.createElement("canvas").getContext("webgl2");
    const info = gl && gl.getExtension("WEBGL_debug_renderer_info");
    return Boolean(info) && /swiftshader|llvmpipe|software/i.test(gl.getParameter(info.UNMASKED_RENDERER_WEBGL));
  })();

  async function load() {
    const picked = by("series").selectedOptions[0];
    const coarse = software && "large" in picked.dataset;
    const url = picked.value + (coarse ? "?coarse=1" : "");
    by("coarse").hidden = !coarse;
    wait.hidden = false;
    wait.textContent = words.loading;
    stage.dataset.state = "loading";
    const began = performance.now();
    const nv = state.nv;
    nv.volumes.slice().reverse().forEach((volume) => nv.removeVolume(volume));
    state.ct = null;
    const [low, high] = windows[state.window];
    await nv.loadVolumes([{ url, name: "ct.nii.gz", colormap: "gray", cal_min: low, cal_max: high }]);
    state.ct = nv.volumes[0];
    wait.hidden = true;
    setWindow(state.window);
    setLayout(state.layout);
    const group = state.chosen || document.querySelector(".group[data-point]");
    state.chosen = null;
    choose(group, true);
    nv.createOnLocationChange();
    stage.dataset.state = "ready";
    stage.dataset.seconds = ((performance.now() - began) / 1000).toFixed(1);
  }

  async function start() {
    const nv = new niivue.Niivue({
      backColor: [0.043, 0.059, 0.071, 1], crosshairColor: [0.25, 0.69, 0.8, 0.75],
      crosshairWidth: THIN, crosshairWidthUnit: "percent", crosshairGap: 9, isOrientCube: false, isColorbar: false, show3Dcrosshair: true,
      fontMinPx: 15, fontColor: [1, 0.78, 0.25, 1], showAllOrientationMarkers: true,
      isRadiologicalConvention: true, dragAndDropEnabled: false, sagittalNoseLeft: true,
      loadingText: "", logLevel: "error",
    });
    state.nv = nv;
    nv.addColormap("suwen-mask", { R: [0, 40], G: [0, 220], B: [0, 120], A: [0, 255], I: [0, 255] });
    nv.addColormap("suwen-heat", { R: [150, 240, 255], G: [0, 70, 235], B: [30, 0, 60], A: [0, 190, 255], I: [0, 128, 255] });
    nv.onLocationChange = moved;
    await nv.attachToCanvas(canvas);
    nv.setInterpolation(false);
    await load();
  }

  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    if (button.dataset.window) setWindow(button.dataset.window);
    else if (button.dataset.layout) setLayout(button.dataset.layout);
    else if (button.dataset.zoom) setZoom(Number(button.dataset.zoom));
    else if (button.id === "mask" || button.id === "saliency") {
      state[button.id] = !state[button.id];
      drawOverlays().catch(failed);
    } else if (button.dataset.go) {
      choose(button.closest(".group"), false);
      goTo(JSON.parse(button.dataset.go));
      if (small || window.innerWidth <= 1000) stage.scrollIntoView({ behavior: "smooth", block: "center" });
    }
  });
  by("opacity").addEventListener("input", (event) => {
    state.nv.volumes.forEach((volume, k) => { if (k) state.nv.setOpacity(k, Number(event.target.value) / 100); });
  });
  by("slice").addEventListener("input", (event) => {
    const position = Array.from(state.nv.scene.crosshairPos);
    position[axis()] = (Number(event.target.value) + 0.5) / slices().n;
    state.nv.scene.crosshairPos = position;
    state.nv.createOnLocationChange();
    state.nv.drawScene();
  });
  by("series").addEventListener("change", () => load().catch(failed));
  let known = new Set(all(".group").map((group) => group.dataset.key));
  // Not afterSwap: settling gives the new elements their own classes back.
  document.body.addEventListener("htmx:afterSettle", () => {
    const placed = all(".group[data-point]");
    const added = placed.filter((group) => !known.has(group.dataset.key));
    const again = placed.find((group) => group.dataset.key === state.chosen?.dataset.key);
    known = new Set(all(".group").map((group) => group.dataset.key));
    if (added.length === 1) choose(added[0], true); // the answer about the point just given
    else if (again) choose(again, false);
    else choose(placed[0], true);
  });
  start().catch(failed);
})();
