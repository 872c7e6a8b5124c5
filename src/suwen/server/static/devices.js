// Copying what a device needs to know; where the browser may not copy, the text is selected.
"use strict";
(() => {
  for (const button of document.querySelectorAll("[data-copy]")) {
    button.addEventListener("click", async () => {
      const place = document.getElementById(button.dataset.copy);
      try {
        await navigator.clipboard.writeText(place.textContent);
        button.parentElement.querySelector("[data-copied]").hidden = false;
      } catch {
        window.getSelection().selectAllChildren(place);
      }
    });
  }
})();
