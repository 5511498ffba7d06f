// Requests as the inputs of a signature: all of them, in rows of equal length.

const LISTS = new Set(["history", "exclude"]);

/**
 * The inputs of a signature for a batch of requests.
 *
 * A server that batches pads a list with its first element, so lists begin with one that says
 * nothing.
 * @param {Object} signature type and rank by input.
 * @param {Object[]} requests each with what it says; what is left out is unknown.
 */
export function inputsOf(signature, requests) {
  const longest = (name) => Math.max(...requests.map((request) => (request[name] ?? []).length));
  return Object.fromEntries(
    Object.entries(signature).map(([name, input]) => {
      if (LISTS.has(name)) {
        return [name, requests.map((request) => padded(request[name] ?? [], longest(name) + 1))];
      }
      if (name === "candidates") return [name, requests.map((request) => request.candidates)];
      // Ratings and the like, which stand beside the items of the history.
      if (input.rank > 1) {
        const length = name.startsWith("history") ? longest("history") + 1 : 1;
        return [name, requests.map(() => Array(length).fill(unknown(name, input)))];
      }
      return [name, requests.map((request) => valueOf(name, input, request))];
    }),
  );
}

function padded(items, length) {
  return [...Array(length - items.length).fill(""), ...items];
}

function valueOf(name, input, request) {
  const said = name in (request.columns ?? {}) ? request.columns[name] : request[name];
  if (said === undefined || said === "") return unknown(name, input);
  if (input.dtype === "string") return String(said);
  return input.dtype.startsWith("float") ? Number(said) : Math.trunc(Number(said));
}

function unknown(name, input) {
  if (input.dtype === "string") return "";
  if (input.dtype.startsWith("float")) return NaN;
  return name === "timestamp" || input.rank > 1 ? -1 : 0;
}
