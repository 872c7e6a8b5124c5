// Small manners of every page: send the form's token with htmx, show errors without losing the page,
// and give the keyboard back to where it was.
"use strict";
(() => {
  const PLACES = ".finding, #report";
  let place = "";
  // On a phone the parts of a case are one line that scrolls: begin with the part that is shown.
  const tab = document.querySelector(".tabs [aria-current]");
  if (tab) tab.parentElement.scrollLeft = tab.offsetLeft - tab.parentElement.offsetLeft - 40;
  document.addEventListener("htmx:configRequest", (event) => {
    const meta = document.querySelector("meta[name=csrf]");
    if (meta) event.detail.headers["X-CSRF-Token"] = meta.content;
    place = event.target.closest(PLACES)?.id || "";
  });
  document.addEventListener("htmx:beforeSwap", (event) => {
    // An error page of ours is worth showing where the answer was expected.
    const status = event.detail.xhr.status;
    document.querySelectorAll("#panel > [role=alert]").forEach((old) => old.remove());
    event.detail.requestConfig.elt.querySelector(".refused")?.replaceChildren();
    if (status >= 400 && event.detail.xhr.getResponseHeader("X-Suwen-Partial")) {
      event.detail.shouldSwap = true;
      event.detail.isError = false;
      // A form that has a place for it shows it there, and what was typed stays.
      const slot = event.detail.requestConfig.elt.querySelector(".refused");
      if (slot) {
        event.detail.target = slot;
        event.detail.swapOverride = "innerHTML show:none";
        return;
      }
      // Above the findings, not in their place: what was looked at stays to be looked at.
      if (event.detail.target.id === "panel") event.detail.swapOverride = "afterbegin show:top";
    }
    if (status === 401) window.location.assign("/sign-in");
  });
  document.addEventListener("htmx:afterSwap", () => {
    const again = place && document.activeElement === document.body && document.getElementById(place);
    place = "";
    if (!again) return;
    again.tabIndex = -1;
    again.focus({ preventScroll: true });
  });
})();
