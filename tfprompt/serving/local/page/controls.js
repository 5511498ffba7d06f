// Controls that are made from what the model takes: columns, prompts, chips.

import { element } from "./dom.js";

/**
 * A labelled control for a column.
 * @param {Object} column name and type.
 * @param {Function} onChange called with the value, undefined where unknown.
 */
export function columnControl({ name, dtype }, onChange) {
  const id = `column-${name}`;
  const label = element("label", { for: id, text: words(name) });
  const control = name === "timestamp" ? moment(id, onChange) : field(id, dtype, onChange);
  return element("div", { class: "field" }, label, control);
}

function field(id, dtype, onChange) {
  const text = dtype === "string";
  const control = element("input", {
    id,
    type: text ? "text" : "number",
    step: text ? undefined : dtype.startsWith("float") ? "any" : "1",
    autocomplete: "off",
    placeholder: "unknown",
  });
  control.addEventListener("input", () => onChange(control.value || undefined));
  return control;
}

function moment(id, onChange) {
  const control = element(
    "select",
    { id },
    element("option", { value: "", text: "unknown" }),
    element("option", { value: "now", text: "now" }),
  );
  control.addEventListener("change", () =>
    onChange(control.value ? Math.floor(Date.now() / 1000) : undefined),
  );
  return control;
}

function words(name) {
  const spaced = name.replaceAll("_", " ");
  return spaced.charAt(0).toUpperCase() + spaced.slice(1);
}

/** One item with a button that takes it out of a list. */
export function chip(id, title, onRemove) {
  return element(
    "li",
    { class: "chip", "data-id": id },
    element("span", { text: title, dir: "auto", title: id }),
    element("button", { type: "button", text: "×", "aria-label": `Remove ${title}`, onclick: onRemove }),
  );
}
