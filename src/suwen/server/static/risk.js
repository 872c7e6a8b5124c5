// The what-if of the risk page: a factor that was changed is compared at once, without its button,
// and what comes back is brought into view where it lies outside it.
"use strict";
(() => {
  const form = document.getElementById("trial");
  if (!form) return;
  form.addEventListener("change", (event) => {
    const factor = event.target.closest(".factor");
    if (factor?.querySelector("[name^='to-']").value) factor.querySelector("button[name=factor]").click();
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const place = event.detail.target;
    const { top } = place.getBoundingClientRect();
    if (top < 0 || top > window.innerHeight * 0.7) place.scrollIntoView({ block: "start" });
  });
})();
