// The image area where a browser cannot draw volumes (no WebGL2): single slices, drawn by the server.
"use strict";
window.suwen = window.suwen || {};
(() => {
  class PlainPane {
    constructor(stage, moved) {
      Object.assign(this, { stage, moved, series: null, preset: null, place: null, i: 0, n: 1, round: 0, volume: null });
      this.image = document.createElement("img");
      this.image.alt = stage.querySelector("canvas").getAttribute("aria-label");
      this.wait = stage.querySelector(".wait");
    }

    async start() {
      this.stage.querySelector("canvas").replaceWith(this.image);
      this.stage.addEventListener("wheel", (event) => {
        event.preventDefault();
        this.setSlice(this.i + Math.sign(event.deltaY));
      }, { passive: false });
    }

    async load(series) {
      this.stage.dataset.state = "loading";
      Object.assign(this, { series, place: null, i: 0, n: 1, volume: series });
      this.stage.dataset.series = series.key;
      return true;
    }

    async draw() {
      if (!this.series || !this.preset) return;
      const round = ++this.round;
      const asked = new URLSearchParams({ window: this.preset.key, level: String(this.i) });
      if (this.place) ["x", "y", "z"].forEach((axis, k) => asked.set(axis, String(this.place[k])));
      const answer = await fetch(`${this.series.url.replace(".nii.gz", "/slice.png")}?${asked}`);
      if (!answer.ok) throw new Error(`slice: ${answer.status}`);
      const data = await answer.blob();
      if (round !== this.round) return;
      URL.revokeObjectURL(this.image.src);
      this.image.src = URL.createObjectURL(data);
      this.i = Number(answer.headers.get("X-Suwen-Slice"));
      this.n = Number(answer.headers.get("X-Suwen-Slices"));
      this.stage.dataset.state = "ready";
      this.moved(this, null);
    }

    async setWindow(preset) {
      if (preset === this.preset && this.n > 1) return;
      this.preset = preset;
      await this.draw();
    }

    slices() { return { n: this.n, i: this.i }; }

    setSlice(i) {
      this.place = null;
      this.i = Math.min(Math.max(i, 0), this.n - 1);
      return this.draw();
    }

    setPoint(point) {
      this.place = point;
      return this.draw();
    }

    setLayout() {}
    setZoom() {}
    boxes() {}
    measure() {}
    clear() {}
    setOpacity() {}
    async swap() {}
    async overlay() { return true; }
  }

  window.suwen.PlainPane = PlainPane;
})();
