// TensorFlow Serving's REST API, at the origin that this page comes from.

/** An answer that did not come, in words for the reader. */
export class AskError extends Error {}

/**
 * Runs a signature.
 * @param {Object} model with its `name`.
 * @param {string} signature its name.
 * @param {Object} inputs in columns, by name.
 * @param {AbortSignal} signal ends the request.
 * @returns outputs by name; one output alone is under "".
 */
export async function predict(model, signature, inputs, signal) {
  const body = json({ signature_name: signature, inputs });
  let response, text;
  try {
    response = await fetch(`v1/models/${encodeURIComponent(model.name)}:predict`, {
      method: "POST",
      headers: { "Content-Type": "application/json" },
      body,
      signal,
    });
    text = await response.text();
  } catch (error) {
    if (signal.aborted) throw error;
    throw new AskError("The server does not answer. Start it again, then try again.");
  }
  if (!response.ok) throw new AskError(`The server refused (${response.status}): ${reason(text)}`);
  const { outputs } = JSON.parse(text);
  return Array.isArray(outputs) ? { "": outputs } : outputs;
}

function reason(text) {
  try {
    return JSON.parse(text).error ?? text;
  } catch {
    return text || "no reason given";
  }
}

// The API writes an unknown number as NaN, which JSON.stringify turns into null.
function json(value) {
  if (Array.isArray(value)) return `[${value.map(json).join(",")}]`;
  if (value !== null && typeof value === "object") {
    const pairs = Object.entries(value).map(([key, item]) => `${JSON.stringify(key)}:${json(item)}`);
    return `{${pairs.join(",")}}`;
  }
  return Number.isNaN(value) ? "NaN" : JSON.stringify(value);
}
