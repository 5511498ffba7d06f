// The list of recommendations.

import { element, shown } from "./dom.js";

/** An answer of `recommend` as items, without the empty places at its end. */
export function itemsOf(outputs, titleOf) {
  const [ids] = outputs.item_ids;
  return ids
    .map((id, place) => ({
      id,
      title: outputs.titles?.[0][place] || titleOf(id),
      score: outputs.scores[0][place],
    }))
    .filter((item) => item.id !== "");
}

/**
 * The lines of a list.
 * @param {Object[]} items best first.
 * @param {Object} actions `like(item)`, `exclude(item)`, and `why(item, place)`, which fills the
 *   place below the item, or null.
 */
export function lines(items, actions) {
  const scores = items.map((item) => item.score);
  // Bars start at zero; where scores are below it, at the lowest.
  const low = Math.min(0, ...scores);
  const span = Math.max(...scores) - low || 1;
  return items.map((item, place) => line(item, place, (item.score - low) / span, actions));
}

function line(item, place, size, { like, exclude, why }) {
  const bar = element("span", { class: "bar", "aria-hidden": "true" });
  bar.style.setProperty("--size", String(size));
  const reasons = element("div", { class: "why", id: `why-${place}`, hidden: true });
  const buttons = [
    button("I like it", item, () => like(item)),
    button("Not interested", item, () => exclude(item)),
  ];
  if (why) buttons.unshift(whyButton(item, reasons, why));
  return element(
    "li",
    { class: "result", "data-id": item.id },
    element("span", { class: "title", text: item.title, dir: "auto", title: item.id }),
    element("span", { class: "score", text: shown(item.score), title: "Score" }),
    bar,
    element("div", { class: "actions" }, ...buttons),
    reasons,
  );
}

function button(text, item, onclick) {
  return element("button", { type: "button", text, "aria-label": `${text}: ${item.title}`, onclick });
}

function whyButton(item, reasons, why) {
  const made = button("Why", item, () => {
    reasons.hidden = !reasons.hidden;
    made.setAttribute("aria-expanded", String(!reasons.hidden));
    if (!reasons.hidden) why(item, reasons);
  });
  made.setAttribute("aria-expanded", "false");
  made.setAttribute("aria-controls", reasons.id);
  return made;
}
