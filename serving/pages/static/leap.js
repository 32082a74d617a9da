// What pages do beyond what they say: light or dark, and terms explained on hover. Everything works without it.
"use strict";
(() => {
  const root = document.documentElement;
  const kept = () => { try { return localStorage.getItem("leap-theme"); } catch { return null; } };
  if (["light", "dark"].includes(kept())) root.dataset.theme = kept();

  function switchTheme() {
    const dark = root.dataset.theme ? root.dataset.theme === "dark" : matchMedia("(prefers-color-scheme: dark)").matches;
    root.dataset.theme = dark ? "light" : "dark";
    try { localStorage.setItem("leap-theme", root.dataset.theme); } catch { /* kept for this page only */ }
  }

  // A tip lies above everything, inside the window, so that no table that scrolls cuts it off.
  function place(term) {
    const tip = term.querySelector(".tip");
    if (!tip) return;
    term.dataset.open = "";
    const at = term.getBoundingClientRect(), size = tip.getBoundingClientRect();
    const left = Math.max(8, Math.min(at.left, innerWidth - size.width - 8));
    const below = at.bottom + 6 + size.height < innerHeight;
    tip.style.left = `${left}px`;
    tip.style.top = `${below ? at.bottom + 6 : Math.max(8, at.top - size.height - 6)}px`;
  }
  const close = (term) => { if (term) delete term.dataset.open; };
  const termOf = (event) => event.target instanceof Element ? event.target.closest("[data-term]") : null;

  // A link may lead into something that is closed; browsers that do not open it by themselves are helped.
  function openTarget() {
    let place = null;
    try { place = document.getElementById(decodeURIComponent(location.hash.slice(1))); } catch { /* no place of this page */ }
    let closed = place && place.closest("details:not([open])");
    if (!closed) return;
    for (; closed; closed = closed.parentElement && closed.parentElement.closest("details:not([open])")) closed.open = true;
    place.scrollIntoView();
  }
  addEventListener("hashchange", openTarget);

  document.addEventListener("DOMContentLoaded", () => {
    openTarget();
    for (const button of document.querySelectorAll("[data-theme-switch]")) {
      button.hidden = false;
      button.addEventListener("click", switchTheme);
    }
    for (const form of document.querySelectorAll("form[data-submit-on-change]"))
      form.addEventListener("change", () => form.requestSubmit());
    const current = document.querySelector(".places [aria-current]");
    const row = current && current.closest("nav");
    if (row && row.scrollWidth > row.clientWidth) row.scrollLeft = current.offsetLeft - 24;
  });
  document.addEventListener("mouseover", (event) => { const term = termOf(event); if (term) place(term); });
  document.addEventListener("mouseout", (event) => close(termOf(event)));
  document.addEventListener("focusin", (event) => { const term = termOf(event); if (term) place(term); });
  document.addEventListener("focusout", (event) => close(termOf(event)));
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape") for (const term of document.querySelectorAll("[data-term][data-open]")) close(term);
  });
})();
