// The what-if of the risk page: a factor that was changed is compared at once, without its button,
// also one changed before this arrived, and what comes back is brought into view where it lies outside it.
"use strict";
(() => {
  const form = document.getElementById("trial");
  if (!form) return;
  const other = (factor) => factor?.querySelector("[name^='to-']").value;
  const compare = (factor) => factor.querySelector("button[name=factor]").click();
  form.addEventListener("change", (event) => {
    const factor = event.target.closest(".factor");
    if (other(factor)) compare(factor);
  });
  document.addEventListener("DOMContentLoaded", () => {
    const early = [...form.querySelectorAll(".factor")].find(other);
    if (early && window.htmx && !document.querySelector("#answer [data-after], #answer [role=alert]")) compare(early);
  });
  document.addEventListener("htmx:afterSwap", (event) => {
    const place = event.detail.target;
    const { top } = place.getBoundingClientRect();
    if (top < 0 || top > window.innerHeight * 0.7) place.scrollIntoView({ block: "start" });
  });
})();
