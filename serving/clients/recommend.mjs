// Asks a served model for items. Node 18 or later, no dependencies.
//
//   node serving/clients/recommend.mjs http://127.0.0.1:8501 demo \
//     '{"history": ["50", "181"], "age": 31, "k": 10}'
import { randomUUID } from "node:crypto";
import { pathToFileURL } from "node:url";

const TIMEOUT_MS = Number(process.env.TIMEOUT_S ?? 2) * 1000;

/** Status and text of an answer, or an error that says why there is none. */
async function ask(url, options = {}) {
  const response = await fetch(url, { ...options, signal: AbortSignal.timeout(TIMEOUT_MS) });
  const text = await response.text();
  if (!response.ok) throw new Error(`HTTP ${response.status}: ${text}`);
  return JSON.parse(text);
}

/** Names, types and ranks of the inputs of `recommend`. */
export async function readInputs(endpoint, model) {
  const { metadata } = await ask(`${endpoint}/v1/models/${model}/metadata`);
  const { inputs } = metadata.signature_def.signature_def.recommend;
  return Object.entries(inputs).map(([name, info]) => ({
    name,
    type: info.dtype,
    isList: info.tensor_shape.dim.length === 2,
  }));
}

/** What stands for "not given": every input has to be sent. */
function neutral(name, type) {
  if (type === "DT_STRING") return "";
  if (type === "DT_FLOAT") return NaN;
  return name === "timestamp" ? Math.floor(Date.now() / 1000) : 0;
}

/**
 * The best items, best first.
 *
 * @param inputs what `readInputs` found; read it once, not for every request.
 * @param given values by name; arrays for `history` and `exclude`.
 * @returns [{ itemId, score }]
 */
export async function recommend(endpoint, model, inputs, given) {
  const unknown = Object.keys(given).filter((name) => !inputs.some((i) => i.name === name));
  if (unknown.length) throw new Error(`the model has no input ${unknown.join(", ")}`);
  const row = {};
  for (const { name, type, isList } of inputs) {
    // A server that batches fills shorter rows with the first element: let it be padding.
    if (isList) row[name] = [neutral("", type), ...(given[name] ?? [])];
    else row[name] = given[name] ?? neutral(name, type);
  }
  // TensorFlow Serving reads NaN, which JSON.stringify would turn into null.
  const nan = randomUUID();
  const body = JSON.stringify(
    { signature_name: "recommend", instances: [row] },
    (_, value) => (Number.isNaN(value) ? nan : value),
  ).replaceAll(`"${nan}"`, "NaN");
  const { predictions } = await ask(`${endpoint}/v1/models/${model}/labels/stable:predict`, {
    method: "POST",
    headers: { "Content-Type": "application/json" },
    body,
  });
  const [{ item_ids: ids, scores }] = predictions;
  // Where fewer items are left than were asked for, the ids end in "".
  return ids.map((itemId, i) => ({ itemId, score: scores[i] })).filter((item) => item.itemId);
}

if (import.meta.url === pathToFileURL(process.argv[1]).href) {
  const [endpoint = "http://127.0.0.1:8501", model = "demo", given = "{}"] = process.argv.slice(2);
  try {
    const inputs = await readInputs(endpoint, model);
    for (const { itemId, score } of await recommend(endpoint, model, inputs, JSON.parse(given)))
      console.log(`${itemId}\t${score.toFixed(4)}`);
  } catch (error) {
    console.error(`recommend: ${error.cause?.message ?? error.message}`);
    process.exitCode = 1;
  }
}
