// Comfort for deciding; everything works without it.
(() => {
  "use strict";
  const KEPT = "leap-owner";
  const kept = () => { try { return localStorage.getItem(KEPT) || ""; } catch { return ""; } };

  // A link to a finding opens what it lies in.
  function open() {
    let id = location.hash.slice(1);
    let place = document.getElementById(id);
    if (!place) {
      try { id = decodeURIComponent(id); } catch { return; }
      place = document.getElementById(id);
    }
    if (!place) return;
    for (let above = place.parentElement; above; above = above.parentElement)
      if (above.tagName === "DETAILS") above.open = true;
    const deciding = place.querySelector("details.deciding");
    if (deciding && !new URLSearchParams(location.search).has("done")) deciding.open = true;
    place.scrollIntoView();
  }

  function asked(form) {
    const verdict = form.querySelector("input[name=verdict]:checked");
    const reason = form.querySelector("[data-reason]");
    if (reason) reason.required = Boolean(verdict) && verdict.value !== "accept";
    const expires = form.querySelector("input[name=expires]");
    if (expires) expires.disabled = Boolean(verdict) && ["note", "withdraw"].includes(verdict.value);
  }

  for (const owner of document.querySelectorAll("[data-owner]")) if (!owner.value) owner.value = kept();
  for (const form of document.querySelectorAll("[data-decide]")) {
    asked(form);
    form.addEventListener("change", () => asked(form));
    form.addEventListener("submit", () => {
      const owner = form.querySelector("[data-owner]");
      try { localStorage.setItem(KEPT, owner.value.trim()); } catch { /* typed anew next time */ }
      // After the form has gone: a button that is off is not sent twice.
      setTimeout(() => { for (const button of form.querySelectorAll("button")) button.disabled = true; }, 0);
    });
  }
  window.addEventListener("pageshow", () => {
    for (const button of document.querySelectorAll("[data-decide] button")) button.disabled = false;
  });
  window.addEventListener("hashchange", open);
  if (location.hash) open();
})();
