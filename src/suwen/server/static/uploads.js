// Sending device data: how much was chosen, how far it is, and the zone of whoever looks.
"use strict";
(() => {
  const place = (id) => document.getElementById(id);
  const form = place("send");
  const size = (n) => (n < 1048576 ? `${Math.ceil(n / 1024)} KiB` : `${(n / 1048576).toFixed(1)} MiB`);

  function own() {
    const zone = Intl.DateTimeFormat().resolvedOptions().timeZone;
    const choice = document.querySelector("select[data-own-zone]");
    if (choice && !choice.value && [...choice.options].some((one) => one.value === zone)) choice.value = zone;
  }
  own();
  document.addEventListener("htmx:afterSwap", own);
  if (!form) return;

  let sending = false;
  const button = form.querySelector("button");
  const files = place("files");
  function weigh() {
    const sizes = [...files.files].map((one) => one.size);
    const whole = sizes.reduce((a, b) => a + b, 0);
    const much = whole > Number(form.dataset.wholeMost) || Math.max(0, ...sizes) > Number(form.dataset.fileMost);
    place("chosen").hidden = !sizes.length;
    place("chosen").textContent = `${sizes.length} · ${size(whole)}`;
    place("too-large").hidden = !much;
    button.disabled = much;
  }
  files.addEventListener("change", weigh);
  weigh();  // Files may have been chosen before this arrived.
  form.addEventListener("htmx:beforeRequest", () => {
    sending = true;
    place("broken").hidden = true;
    place("going").hidden = false;
    place("sending").hidden = false;
    place("sent").hidden = true;
  });
  form.addEventListener("htmx:xhr:progress", (event) => {
    if (!event.detail.lengthComputable) return;
    place("bar").value = (100 * event.detail.loaded) / event.detail.total;
    const all = event.detail.loaded >= event.detail.total;
    place("sending").hidden = all;
    place("sent").hidden = !all;
  });
  form.addEventListener("htmx:beforeOnLoad", () => { sending = false; });
  form.addEventListener("htmx:afterRequest", (event) => {
    sending = false;
    if (!event.detail.successful) place("going").hidden = true;
  });
  form.addEventListener("htmx:sendError", () => {
    sending = false;
    place("going").hidden = true;
    place("broken").hidden = false;
  });
  window.addEventListener("beforeunload", (event) => {
    if (sending) event.preventDefault();
  });
})();
