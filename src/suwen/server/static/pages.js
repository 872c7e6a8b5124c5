// Small manners of every page: send the form's token with htmx, disable a button while it works.
"use strict";
document.addEventListener("htmx:configRequest", (event) => {
  const meta = document.querySelector("meta[name=csrf]");
  if (meta) event.detail.headers["X-CSRF-Token"] = meta.content;
});
document.addEventListener("htmx:beforeSwap", (event) => {
  // An error page of ours is worth showing where the answer was expected.
  const status = event.detail.xhr.status;
  if (status >= 400 && event.detail.xhr.getResponseHeader("X-Suwen-Partial")) {
    event.detail.shouldSwap = true;
    event.detail.isError = false;
  }
  if (status === 401) window.location.assign("/sign-in");
});
