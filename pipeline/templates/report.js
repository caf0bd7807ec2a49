"use strict";
(() => {
  const form = document.getElementById("filters");
  if (!form) return;
  const rows = [...document.querySelectorAll(".trow.person")];
  const cards = new Map([...document.querySelectorAll("article.card")].map((card) => [card.dataset.person, card]));
  const unknown = document.querySelector("#unknown details");
  const cameraNames = [...form.camera.options].slice(1).map((option) => option.text.toLowerCase());
  form.hidden = false;
  form.addEventListener("submit", (event) => event.preventDefault());

  // A number is looked for among the people, anything else in the names of the cameras.
  const fits = (card) => {
    const cameras = card.dataset.cameras.split(" ");
    const text = form.text.value.trim().toLowerCase().replace(/^(person|p|#)\s*(?=\d)/, "");
    if (form.camera.value && !cameras.includes(form.camera.value)) return false;
    if (form.across.checked && cameras.length < 2) return false;
    if (form.check.checked && !("check" in card.dataset)) return false;
    if (!text || card.dataset.person === text) return true;
    return cameras.some((camera) => cameraNames[camera].includes(text));
  };

  const filter = () => {
    let shown = 0;
    for (const card of cards.values()) {
      card.hidden = !fits(card);
      shown += card.hidden ? 0 : 1;
    }
    if (unknown) unknown.hidden = !fits(unknown) || form.across.checked || form.check.checked;
    for (const row of rows) {
      const card = row.dataset.person ? cards.get(row.dataset.person) : unknown;
      row.hidden = Boolean(card && card.hidden);
    }
    form.shown.value = shown === cards.size ? "" : `${shown} of ${cards.size} people`;
    document.getElementById("none-shown").hidden = shown > 0 || cards.size === 0;
  };
  form.addEventListener("input", filter);
  filter();

  const plot = document.getElementById("plot");
  const box = plot.parentElement;
  const zooms = [...plot.querySelectorAll(".axis [data-zoom]")].map((ticks) => Number(ticks.dataset.zoom));
  let level = 0;
  const zoom = (change) => {
    const middle = (box.scrollLeft + box.clientWidth / 2) / plot.offsetWidth;
    level = Math.min(zooms.length - 1, Math.max(0, level + change));
    plot.style.setProperty("--zoom", zooms[level]);
    for (const ticks of plot.querySelectorAll("[data-zoom]")) ticks.hidden = Number(ticks.dataset.zoom) !== zooms[level];
    box.scrollLeft = middle * plot.offsetWidth - box.clientWidth / 2;
    form.elements.out.disabled = level === 0;
    form.elements.in.disabled = level === zooms.length - 1;
  };
  form.elements.out.addEventListener("click", () => zoom(-1));
  form.elements.in.addEventListener("click", () => zoom(1));
  zoom(0);

  // Jumping to a sighting that is filtered away or folded up shows it first.
  const reveal = () => {
    const target = document.getElementById(location.hash.slice(1));
    if (!target) return;
    const card = target.closest(".card");
    if (card && card.hidden) {
      form.reset();
      filter();
    }
    if (card && card.matches("details")) card.open = true;
    target.scrollIntoView({ block: target.matches(".card") ? "start" : "nearest" });
  };
  window.addEventListener("hashchange", reveal);
  if (location.hash) reveal();

  const tip = document.getElementById("tip");
  const show = (bar) => {
    const title = bar.querySelector("title");
    if (title) {
      bar.setAttribute("aria-label", title.textContent);
      title.remove();
    }
    const sighting = document.querySelector(bar.getAttribute("href"));
    const picture = sighting && sighting.querySelector("img");
    const text = document.createElement("span");
    text.textContent = bar.getAttribute("aria-label");
    tip.replaceChildren(...(picture ? [picture.cloneNode()] : []), text);
    tip.hidden = false;
    const edge = bar.getBoundingClientRect();
    const left = Math.min(Math.max(edge.left, 8), window.innerWidth - tip.offsetWidth - 8);
    const below = edge.bottom + 8 + tip.offsetHeight < window.innerHeight;
    tip.style.left = `${Math.max(8, left)}px`;
    tip.style.top = `${below ? edge.bottom + 8 : edge.top - 8 - tip.offsetHeight}px`;
  };
  const hide = () => { tip.hidden = true; };
  for (const [on, off] of [["pointerover", "pointerout"], ["focusin", "focusout"]]) {
    plot.addEventListener(on, (event) => {
      const bar = event.target.closest(".bar");
      if (bar) show(bar);
    });
    plot.addEventListener(off, hide);
  }
  box.addEventListener("scroll", hide, { passive: true });
  window.addEventListener("beforeprint", () => { if (unknown) unknown.open = true; });
})();
