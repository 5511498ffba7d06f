// What is known of the model before it is asked: its inputs, and the items by id.

// Inputs with a control of their own, or none; what else a signature takes is a column.
const OWN = new Set(["history", "exclude", "candidates", "wish", "prompt", "k"]);

/** Reads the two files beside the page. */
export async function loadModel() {
  const [about, catalog] = await Promise.all([read("model.json"), read("catalog.json")]);
  const titles = new Map(catalog.ids.map((id, row) => [id, catalog.titles[row]]));
  return {
    ...about,
    items: catalog.ids.map((id, row) => ({ id, title: catalog.titles[row] })),
    titleOf: (id) => titles.get(id) ?? id,
  };
}

async function read(file) {
  const response = await fetch(file);
  if (!response.ok) throw new Error(`${file} is missing beside this page (${response.status}).`);
  return response.json();
}

/** Names and types of the template's columns, one value a request each. */
export function columnsOf(signature) {
  return Object.entries(signature)
    .filter(([name, input]) => !OWN.has(name) && input.rank === 1)
    .map(([name, input]) => ({ name, ...input }));
}
