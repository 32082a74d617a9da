// Parts of the overview that take a while are fetched once the page stands; without this there are links to them.
"use strict";
(() => {
  async function fill(place) {
    place.setAttribute("aria-busy", "true");
    try {
      const answer = await fetch(place.dataset.part, { headers: { accept: "text/html" } });
      if (!answer.ok) throw new Error(String(answer.status));
      if (place.dataset.then === "reload") return location.reload();
      const page = new DOMParser().parseFromString(await answer.text(), "text/html");
      const content = page.querySelector("[data-part-content]");
      if (!content) throw new Error("nothing to show");
      place.replaceChildren(...content.childNodes);
    } catch {
      const said = document.createElement("p");
      said.className = "note";
      said.textContent = "It could not be shown here just now; follow the link above.";
      place.append(said);
    }
    place.removeAttribute("aria-busy");
  }
  (async () => {
    // One after the other: they share the lane of large work with everyone else.
    for (const place of document.querySelectorAll("[data-part]")) await fill(place);
  })();
})();
