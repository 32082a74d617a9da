// All reasons of a list shown or hidden at once; what is open is printed. The page works without it.
"use strict";
(() => {
  document.addEventListener("DOMContentLoaded", () => {
    const reasons = () => [...document.querySelectorAll(".targets details")];
    const table = document.querySelector(".targets");
    if (!table || !reasons().length) return;
    const button = document.createElement("button");
    button.type = "button";
    button.className = "quiet";
    const say = (open) => { button.textContent = open ? "Hide all reasons" : "Show all reasons"; button.dataset.open = String(open); };
    say(false);
    button.addEventListener("click", () => {
      const open = button.dataset.open !== "true";
      for (const one of reasons()) one.open = open;
      say(open);
    });
    const place = document.createElement("p");
    place.className = "list-tools";
    place.append(button);
    table.closest(".scroll").before(place);
  });
})();
