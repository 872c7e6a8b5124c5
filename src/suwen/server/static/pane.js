// One image area of the viewer, drawn by Niivue: a series, its window, overlays, boxes and measures.
// Points are DICOM patient coordinates (LPS, mm); Niivue speaks RAS: x and y change sign.
"use strict";
window.suwen = window.suwen || {};
(() => {
  const THIN = 0.25; // width of the crosshair, per cent of the image
  const SVG = "http://www.w3.org/2000/svg";
  const LAYOUTS = { axial: 0, coronal: 1, sagittal: 2 };
  const DEPTH = { 0: 2, 1: 1, 2: 0 }; // the axis across each layout
  const RGB = 128; // NIfTI data type of colours
  const SAMPLED = 200000; // voxels looked at for a window in shares of the values
  // Axial large, the other two beside it: left, top, width, height as parts of the canvas.
  const TOGETHER = [
    { sliceType: 0, position: [0, 0, 0.62, 1] },
    { sliceType: 1, position: [0.62, 0, 0.38, 0.5] },
    { sliceType: 2, position: [0.62, 0.5, 0.38, 0.5] },
  ];
  const ras = (p) => [-p[0], -p[1], p[2]];

  function quantile(values, share) {
    const step = Math.max(1, Math.floor(values.length / SAMPLED));
    const some = [];
    for (let k = 0; k < values.length; k += step) some.push(values[k]);
    some.sort((a, b) => a - b);
    return some[Math.round(share * (some.length - 1))];
  }

  class Pane {
    constructor(stage, moved, measured) {
      Object.assign(this, { stage, moved, measured, series: null, volume: null, layout: "multi", zoom: 1,
                            shown: [], loads: 0, round: 0, measuring: false, quiet: false });
      this.canvas = stage.querySelector("canvas");
      this.marks = stage.querySelector(".marks");
      this.wait = stage.querySelector(".wait");
    }

    static possible() {
      return Boolean(document.createElement("canvas").getContext("webgl2"));
    }

    // Drawing a whole CT in software takes minutes: the server sends it at half the resolution.
    static get software() {
      const gl = document.createElement("canvas").getContext("webgl2");
      const info = gl && gl.getExtension("WEBGL_debug_renderer_info");
      return Boolean(info) && /swiftshader|llvmpipe|software/i.test(gl.getParameter(info.UNMASKED_RENDERER_WEBGL));
    }

    async start() {
      const nv = new niivue.Niivue({
        backColor: [0.043, 0.059, 0.071, 1], crosshairColor: [0.25, 0.69, 0.8, 0.75],
        crosshairWidth: THIN, crosshairWidthUnit: "percent", crosshairGap: 9, isOrientCube: false, isColorbar: false, show3Dcrosshair: true,
        fontMinPx: 15, fontColor: [1, 0.78, 0.25, 1], showAllOrientationMarkers: true,
        isRadiologicalConvention: true, dragAndDropEnabled: false, sagittalNoseLeft: true,
        loadingText: "", logLevel: "error", measureLineColor: [1, 0.78, 0.25, 1], rulerWidth: 3, measureTextColor: [1, 0.86, 0.5, 1],
      });
      this.nv = nv;
      nv.addColormap("suwen-mask", { R: [0, 40], G: [0, 220], B: [0, 120], A: [0, 255], I: [0, 255] });
      nv.addColormap("suwen-heat", { R: [150, 240, 255], G: [0, 70, 235], B: [30, 0, 60], A: [0, 190, 255], I: [0, 128, 255] });
      nv.onLocationChange = (where) => { if (this.volume && !this.quiet) this.moved(this, where); };
      nv.onMeasurementCompleted = (found) => this.measured(this, found.distance);
      await nv.attachToCanvas(this.canvas);
      nv.setInterpolation(false);
      const draw = nv.drawScene;
      nv.drawScene = (...given) => { const drawn = draw.apply(nv, given); this.drawMarks(); return drawn; };
      this.bridgeTouch();
    }

    // Niivue measures with a mouse; while measuring, a finger is one.
    bridgeTouch() {
      const kinds = { touchstart: "mousedown", touchmove: "mousemove", touchend: "mouseup", touchcancel: "mouseup" };
      for (const [touch, mouse] of Object.entries(kinds)) {
        this.canvas.addEventListener(touch, (event) => {
          if (!this.measuring) return;
          event.preventDefault();
          event.stopImmediatePropagation();
          const finger = event.changedTouches[0];
          this.canvas.dispatchEvent(new MouseEvent(mouse, { clientX: finger.clientX, clientY: finger.clientY, button: 0, bubbles: true }));
        }, { capture: true, passive: false });
      }
    }

    async load(series, preset, coarse) {
      this.stage.dataset.state = "loading";
      const began = performance.now();
      const nv = this.nv;
      const round = ++this.loads;
      const looks = preset.shares ? {} : { cal_min: preset.low, cal_max: preset.high };
      nv.clearMeasurements();
      nv.volumes.slice().reverse().forEach((volume) => nv.removeVolume(volume));
      Object.assign(this, { series, volume: null, shown: [] });
      this.drawMarks();
      await this.fetch(series.url + (coarse ? "?coarse=1" : ""), looks);
      if (round !== this.loads) return false;
      this.volume = nv.volumes[0];
      const picture = series.kind === "picture";
      nv.opts.isOrientationTextVisible = !picture;
      nv.opts.showAllOrientationMarkers = !picture;
      nv.opts.dragMode = picture ? niivue.DRAG_MODE.pan : niivue.DRAG_MODE.contrast;
      nv.opts.showMeasureUnits = series.unit !== "px";
      nv.setCrosshairWidth(picture ? 0 : THIN / this.zoom);
      this.stage.dataset.seconds = ((performance.now() - began) / 1000).toFixed(1);
      this.stage.dataset.series = series.key;
      this.stage.dataset.state = "ready";
      return true;
    }

    async fetch(url, looks = {}) {
      this.url = url;
      await this.nv.loadVolumes([{ url, name: "image.nii.gz", colormap: "gray", ...looks }]);
    }

    // A map of a single picture is a picture itself: it takes the place of the one it explains.
    async swap(url) {
      const wanted = url || this.series.url;
      if (!this.flat || wanted === this.url) return;
      await this.fetch(wanted);
      this.volume = this.nv.volumes[0];
      this.nv.drawScene();
    }

    setWindow(preset) {
      const volume = this.volume;
      if (!volume || volume.hdr.datatypeCode === RGB) return;
      const [low, high] = preset.shares
        ? [quantile(volume.img, preset.low), quantile(volume.img, preset.high)]
        : [preset.low, preset.high];
      if (volume.cal_min === low && volume.cal_max === high) return;
      [volume.cal_min, volume.cal_max] = [low, Math.max(high, low + 1)];
      this.nv.updateGLVolume();
    }

    get flat() { return this.series?.kind === "picture"; }

    setLayout(name) {
      this.layout = name;
      const shown = this.flat ? "axial" : name;
      if (shown === "multi") this.nv.setCustomLayout(TOGETHER);
      else {
        this.nv.clearCustomLayout();
        this.nv.setSliceType(LAYOUTS[shown]);
      }
    }

    get axis() { return DEPTH[LAYOUTS[this.flat ? "axial" : this.layout] ?? 0]; }

    slices() {
      const n = this.volume.dimsRAS[this.axis + 1];
      const i = Math.floor(this.nv.scene.crosshairPos[this.axis] * n);
      return { n, i: Math.min(Math.max(i, 0), n - 1) };
    }

    setSlice(i) {
      const { n } = this.slices();
      const place = Array.from(this.nv.scene.crosshairPos);
      place[this.axis] = (Math.min(Math.max(i, 0), n - 1) + 0.5) / n;
      this.setFraction(place);
    }

    get fraction() { return Array.from(this.nv.scene.crosshairPos); }

    setFraction(place, quiet = false) {
      this.quiet = quiet;
      this.nv.scene.crosshairPos = place.map((part) => Math.min(Math.max(part, 0), 1));
      this.setZoom(this.zoom);
      this.nv.createOnLocationChange();
      this.nv.drawScene();
      this.quiet = false;
    }

    get point() { return ras(Array.from(this.nv.frac2mm(this.fraction, 0, true)).slice(0, 3)); }

    setPoint(point, quiet = false) { this.setFraction(Array.from(this.nv.mm2frac(ras(point), 0, true)), quiet); }

    setZoom(factor) {
      this.zoom = factor;
      if (!this.volume) return;
      if (!this.flat) this.nv.setCrosshairWidth(THIN / factor);
      const here = this.nv.frac2mm(this.nv.scene.crosshairPos);
      const shift = (k) => (1 - factor) * here[k];
      this.nv.setPan2Dxyzmm([shift(0), shift(1), shift(2), factor]);
    }

    // Draws `list` over the series; true when it is still what is wanted once it has come.
    async overlay(list, opacity) {
      const nv = this.nv;
      const round = ++this.round;
      nv.volumes.slice(1).reverse().forEach((volume) => nv.removeVolume(volume));
      for (const item of list) {
        const heat = item.kind === "saliency";
        await nv.addVolumeFromUrl({
          url: item.url, name: `${item.kind}.nii.gz`, colormap: heat ? "suwen-heat" : "suwen-mask", opacity,
          ...(heat ? {} : { cal_min: 0.5, cal_max: 1 }),
        });
        if (round !== this.round) return false;
        const volume = nv.volumes[nv.volumes.length - 1];
        if (heat) {
          volume.cal_min = 0.15 * volume.global_max;
          volume.cal_max = volume.global_max;
          nv.updateGLVolume();
        }
      }
      return true;
    }

    setOpacity(opacity) { this.nv.volumes.forEach((_, k) => { if (k) this.nv.setOpacity(k, opacity); }); }

    measure(on) {
      this.measuring = on;
      if (!this.nv) return;
      this.nv.opts.dragModePrimary = on ? niivue.DRAG_MODE.measurement : niivue.DRAG_MODE.crosshair;
      this.stage.classList.toggle("measuring", on);
    }

    clear() { this.nv.clearMeasurements(); }

    boxes(list) {
      this.shown = list;
      this.drawMarks();
    }

    // Boxes as vectors over the canvas: crisp at every zoom, on each plane they cross.
    drawMarks() {
      if (!this.marks) return;
      const made = [];
      if (this.volume) for (const tile of this.nv.screenSlices) if (tile.axCorSag <= 2 && tile.fovMM?.[0]) made.push(this.tile(tile));
      this.marks.replaceChildren(...made);
    }

    tile(tile) {
      const dpr = this.nv.uiData.dpr || 1;
      const [left, top, wide, high] = tile.leftTopWidthHeight;
      const frame = document.createElementNS(SVG, "svg");
      const place = { x: Math.min(left, left + wide) / dpr, y: top / dpr, width: Math.abs(wide) / dpr, height: high / dpr };
      for (const [name, value] of Object.entries(place)) frame.setAttribute(name, String(value));
      const depth = DEPTH[tile.axCorSag];
      const here = this.nv.scene.crosshairPos[depth];
      const half = 0.5 / this.volume.dimsRAS[depth + 1];
      for (const box of this.shown) {
        const corners = this.corners(box);
        const across = corners.map((corner) => corner.frac[depth]);
        if (here < Math.min(...across) - half || here > Math.max(...across) + half) continue;
        const flat = corners.map(({ mm }) => {
          const [a, b] = { 0: [mm[0], mm[1]], 1: [mm[0], mm[2]], 2: [mm[1], mm[2]] }[tile.axCorSag];
          const u = (a - tile.leftTopMM[0]) / tile.fovMM[0];
          const v = (b - tile.leftTopMM[1]) / tile.fovMM[1];
          return [(wide < 0 ? 1 - u : u) * place.width, (1 - v) * place.height];
        });
        frame.append(...this.rectangle(box, flat));
      }
      return frame;
    }

    corners(box) {
      return [0, 1, 2, 3, 4, 5, 6, 7].map((k) => {
        const point = [0, 1, 2].map((axis) => (k >> axis & 1 ? box.high : box.low)[axis]);
        const frac = this.nv.mm2frac(ras(point), 0, true);
        return { frac, mm: this.nv.frac2mm(frac) };
      });
    }

    rectangle(box, flat) {
      const [xs, ys] = [0, 1].map((k) => flat.map((place) => place[k]));
      const room = 3; // px between the box and what it shows
      const [x, y] = [Math.min(...xs) - room, Math.min(...ys) - room];
      const [width, height] = [Math.max(...xs) - x + room, Math.max(...ys) - y + room];
      const drawn = document.createElementNS(SVG, "rect");
      for (const [name, value] of Object.entries({ x, y, width, height, rx: 2 })) drawn.setAttribute(name, String(value));
      drawn.setAttribute("class", ["box", box.chosen && "chosen", box.rejected && "rejected"].filter(Boolean).join(" "));
      drawn.dataset.group = box.key;
      if (!box.chosen) return [drawn];
      const text = document.createElementNS(SVG, "text");
      text.setAttribute("x", String(x));
      text.setAttribute("y", String(y > 16 ? y - 5 : y + height + 14));
      text.textContent = box.label;
      return [drawn, text];
    }
  }

  window.suwen.Pane = Pane;
})();
