// All reasons of a list shown or hidden at once, and opened before it is printed. The page works without it.
"use strict";
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    const reasons = () => [...document.querySelectorAll(".targets details")];
    const table = document.querySelector(".targets");
    if (!table || !reasons().length) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    const say = (open) => { button.textContent = open ? "Hide all reasons" : "Show all reasons"; button.setAttribute("aria-pressed", String(open)); };
    say(false);
    button.addEventListener("click", () => {
      const open = button.getAttribute("aria-pressed") !== "true";
      for (const one of reasons()) one.open = open;
      say(open);
    });
    const place = document.createElement("p");
    place.className = "list-tools";
    place.append(button);
    table.closest(".scroll").before(place);
    addEventListener("beforeprint", () => { for (const one of reasons()) one.open = true; });
  });
})();
