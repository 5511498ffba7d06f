// Elements whose content is text, never HTML: a title may hold anything.

/**
 * Makes an element.
 * @param {string} tag its name.
 * @param {Object} attributes by name; `text` is the content, `on…` a listener.
 * @param {...Node} children inside it.
 */
export function element(tag, attributes = {}, ...children) {
  const made = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) {
    if (name === "text") made.textContent = value;
    else if (name.startsWith("on")) made.addEventListener(name.slice(2), value);
    else if (value === true) made.setAttribute(name, "");
    else if (value !== false && value !== undefined) made.setAttribute(name, value);
  }
  made.append(...children);
  return made;
}

/** The element of an id. */
export function byId(id) {
  return document.getElementById(id);
}

/** A number as people compare it: three places, a true minus, a plus where asked for. */
export function shown(number, plus = false) {
  const text = Math.abs(number).toFixed(3);
  if (Number(text) === 0) return text;
  return (number < 0 ? "\u2212" : plus ? "+" : "") + text;
}
