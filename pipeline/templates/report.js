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
  const cells = [...plot.querySelectorAll(".axis .cell")];
  const zooms = [...cells[0].children].map((ticks) => Number(ticks.dataset.zoom));
  let level = 0;

  // Labels that would run into one another are left out: those with a date stay first, then those of breaks that fit them.
  const thin = () => {
    const labels = cells.flatMap((cell) => {
      const inBreak = cell.matches(".break");
      const frame = (inBreak ? cell : cell.parentElement).getBoundingClientRect();
      return [...cell.querySelectorAll(inBreak ? "span" : `[data-zoom="${zooms[level]}"] > span`)].map((span) => {
        const order = span.querySelector("b") ? 0 : inBreak ? 1 : 2;
        return { span, order, frame, slack: inBreak ? -2 : 2, edge: span.getBoundingClientRect() };
      });
    });
    const kept = [];
    for (const { span, frame, slack, edge } of labels.sort((one, other) => one.order - other.order)) {
      const apart = (other) => edge.right + 4 < other.left || other.right + 4 < edge.left
        || edge.bottom - 4 < other.top || other.bottom - 4 < edge.top;
      const clear = edge.left > frame.left - slack && edge.right < frame.right + slack && kept.every(apart);
      if (clear) kept.push(edge);
      span.style.visibility = clear ? "" : "hidden";
    }
  };
  window.addEventListener("resize", thin);

  // The moment in the middle stays in the middle; breaks do not grow with the rest.
  const zoom = (change) => {
    const view = box.getBoundingClientRect();
    const middle = (Math.max(view.left, cells[0].parentElement.offsetLeft + view.left) + view.right) / 2;
    const cell = cells.findLast((one) => one.getBoundingClientRect().left <= middle) || cells[0];
    const before = cell.getBoundingClientRect();
    const part = Math.min(1, (middle - before.left) / before.width);
    level = Math.min(zooms.length - 1, Math.max(0, level + change));
    plot.style.setProperty("--zoom", zooms[level]);
    for (const ticks of plot.querySelectorAll("[data-zoom]")) ticks.hidden = Number(ticks.dataset.zoom) !== zooms[level];
    const after = cell.getBoundingClientRect();
    box.scrollLeft += after.left + part * after.width - middle;
    form.elements.out.disabled = level === 0;
    form.elements.in.disabled = level === zooms.length - 1;
    thin();
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

  // The next best person's pictures stand beside the reasons, copied from their own card once they come into view.
  const copied = new IntersectionObserver((entries) => {
    for (const { isIntersecting, target } of entries) {
      if (!isIntersecting) continue;
      copied.unobserve(target);
      const pictures = document.querySelectorAll(`#person-${target.dataset.person} .pictures img:not(.scene)`);
      for (const picture of [...pictures].slice(0, 3)) {
        const copy = picture.cloneNode();
        copy.alt = `Person ${target.dataset.person}, the next best`;
        target.append(copy);
      }
    }
  });
  for (const place of document.querySelectorAll(".rival-pictures")) copied.observe(place);

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
