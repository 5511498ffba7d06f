// Why an item is in the list: what its score loses when one part of the request is left out.

import { predict } from "./api.js";
import { element, shown } from "./dom.js";
import { inputsOf } from "./inputs.js";

/** The parts of a request, each with a request that lacks it alone. */
export function partsOf(request, titleOf) {
  const liked = request.history.map((id, place) => ({
    id,
    because: `Because you liked ${titleOf(id)}`,
    despite: `Although you liked ${titleOf(id)}`,
    without: { ...request, history: request.history.filter((_, other) => other !== place) },
  }));
  const wish = request.wish.trim()
    ? [{ ...causes("your wish"), without: { ...request, wish: "" } }]
    : [];
  const columns = Object.entries(request.columns)
    .filter(([, value]) => value !== undefined)
    .map(([name, value]) => ({
      ...causes(name === "timestamp" ? "the time" : `${name} ${value}`),
      without: { ...request, columns: { ...request.columns, [name]: undefined } },
    }));
  return [...liked, ...wish, ...columns];
}

function causes(what) {
  return { because: `Because of ${what}`, despite: `In spite of ${what}` };
}

/**
 * Asks once for all items of a list: a row with everything, and one without each part.
 *
 * The whole list is scored in each row, since a model may score items by how they compare.
 * @returns {Promise<Map>} for each item its score and its parts with their differences.
 */
export async function explain(model, request, ids, signal) {
  const parts = partsOf(request, model.titleOf);
  const rows = [request, ...parts.map((part) => part.without)];
  const asked = rows.map((row) => ({ ...row, candidates: ids }));
  const inputs = inputsOf(model.signatures.score, asked);
  const outputs = await predict(model, "score", inputs, signal);
  const [all, ...without] = outputs[""] ?? outputs.scores;
  return new Map(
    ids.map((id, place) => [
      id,
      {
        score: all[place],
        parts: parts.map((part, row) => ({ ...part, value: all[place] - without[row][place] })),
      },
    ]),
  );
}

/**
 * The bars of one item.
 * @param {Object} reasons of the item, from `explain`.
 * @param {number} listed its score in the list.
 */
export function drawn({ score, parts }, listed) {
  const largest = Math.max(...parts.map((part) => Math.abs(part.value)), 1e-9);
  const lines = parts.map((part) => {
    const bar = element("span", { class: part.value < 0 ? "against" : "for" });
    bar.style.setProperty("--size", String(Math.abs(part.value) / largest));
    return element(
      "li",
      { "data-part": part.id },
      element("span", { class: "part", text: part.value < 0 ? part.despite : part.because }),
      element("span", { class: "value", text: shown(part.value, true) }),
      element("span", { class: "track", "aria-hidden": "true" }, bar),
    );
  });
  // A model of two stages compares an item with all that it found, of which the list is a part.
  const same = Math.abs(score - listed) < 0.001;
  const which = same ? "the score" : "its score among the items of this list";
  const note =
    `Each number is what ${which} (${shown(score)}) loses when that part alone is left out; ` +
    "they need not add up to it.";
  return [element("ul", { class: "parts" }, ...lines), element("p", { class: "hint", text: note })];
}
