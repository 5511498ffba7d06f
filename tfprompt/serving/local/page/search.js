// The search box: a combobox with a listbox, after the ARIA authoring practices.

import { element } from "./dom.js";

const MOST = 12;

/** Text without case and diacritics, so that "amelie" finds "Amélie". */
export function folded(text) {
  return text.normalize("NFKD").replace(/\p{M}/gu, "").toLowerCase();
}

/**
 * Items whose title holds the words typed, those first that begin with them.
 * @param {Object[]} items with `folded` titles.
 */
export function find(items, typed) {
  const wanted = folded(typed.trim());
  if (!wanted) return [];
  const begins = [];
  const holds = [];
  for (const item of items) {
    const place = item.folded.indexOf(wanted);
    if (place === 0) begins.push(item);
    else if (place > 0) holds.push(item);
    if (begins.length >= MOST) break;
  }
  return [...begins, ...holds].slice(0, MOST);
}

/**
 * Makes an input search.
 * @param {HTMLInputElement} input the combobox.
 * @param {HTMLElement} list its listbox.
 * @param {Object} options `items`, `isHidden(id)`, `onPick(item)`, `onBack()` for Backspace in the
 *   empty box.
 */
export function search(input, list, { items, isHidden, onPick, onBack }) {
  const known = items.map((item) => ({ ...item, folded: folded(item.title) }));
  let found = [];
  let active = -1;

  function show() {
    const shown = known.filter((item) => !isHidden(item.id));
    found = find(shown, input.value);
    active = found.length ? 0 : -1;
    list.replaceChildren(...found.map(option));
    if (input.value.trim() && !found.length) {
      const text = "Nothing has this in its title";
      list.append(element("li", { class: "nothing", role: "option", "aria-disabled": "true", text }));
    }
    open(list.childElementCount > 0);
    mark();
  }

  function option(item, place) {
    return element("li", {
      id: `found-${place}`,
      role: "option",
      dir: "auto",
      text: item.title,
      title: item.id,
      onmousedown: (event) => event.preventDefault(), // The focus stays in the box.
      onclick: () => pick(item),
    });
  }

  function mark() {
    for (const [place, line] of [...list.children].entries()) {
      line.setAttribute("aria-selected", String(place === active));
    }
    if (active < 0) input.removeAttribute("aria-activedescendant");
    else {
      input.setAttribute("aria-activedescendant", `found-${active}`);
      list.children[active].scrollIntoView({ block: "nearest" });
    }
  }

  function open(wanted) {
    list.hidden = !wanted;
    input.setAttribute("aria-expanded", String(wanted));
    if (!wanted) input.removeAttribute("aria-activedescendant");
  }

  function pick(item) {
    input.value = "";
    found = [];
    open(false);
    onPick(item);
  }

  const keys = {
    ArrowDown: () => move(1),
    ArrowUp: () => move(-1),
    Enter: () => found.length && !list.hidden && pick(found[active]),
    Escape: () => open(false),
  };

  function move(by) {
    if (list.hidden) show();
    else if (found.length) {
      active = (active + by + found.length) % found.length;
      mark();
    }
  }

  input.addEventListener("input", show);
  input.addEventListener("blur", () => open(false));
  input.addEventListener("keydown", (event) => {
    if (event.isComposing) return; // Enter ends the composition of a character then.
    if (event.key === "Backspace" && !input.value) onBack();
    if (!(event.key in keys)) return;
    event.preventDefault();
    keys[event.key]();
  });
}
