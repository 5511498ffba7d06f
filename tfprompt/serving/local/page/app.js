// Joins the controls, the requests and the list.

import { AskError, predict } from "./api.js";
import { chip, columnControl } from "./controls.js";
import { byId, element } from "./dom.js";
import { inputsOf } from "./inputs.js";
import { columnsOf, loadModel } from "./model.js";
import { itemsOf, lines } from "./results.js";
import { search } from "./search.js";
import { drawn, explain } from "./why.js";

const PAUSE_MS = 200;
const request = { history: [], exclude: [], wish: "", prompt: "", columns: {}, k: 10 };
let model;
let waiting;
let running = new AbortController();

/** Asks soon; whatever is being asked is of no interest any more. */
function changed() {
  clearTimeout(waiting);
  running.abort();
  waiting = setTimeout(ask, PAUSE_MS);
}

async function ask() {
  running = new AbortController();
  const { signal } = running;
  tell("");
  if (isSilent()) {
    show([], "Pick something you liked, or write a wish.");
    return;
  }
  const asked = { ...request, columns: { ...request.columns } };
  byId("results").setAttribute("aria-busy", "true");
  try {
    const inputs = inputsOf(model.signatures.recommend, [asked]);
    const items = itemsOf(await predict(model, "recommend", inputs, signal), model.titleOf);
    const count = items.length === 1 ? "1 recommendation" : `${items.length} recommendations`;
    show(items, items.length ? count : "Nothing is left to recommend.", asked, signal);
  } catch (error) {
    if (signal.aborted) return;
    show([], "");
    tell(error instanceof AskError ? error.message : `Unexpected: ${error.message}`, ask);
  }
}

function isSilent() {
  const columns = Object.values(request.columns).filter((value) => value !== undefined);
  return !request.history.length && !request.wish.trim() && !columns.length;
}

function show(items, status, asked, signal) {
  const list = byId("results");
  const hadFocus = list.contains(document.activeElement);
  const actions = { like: (item) => add("history", item.id), exclude: (item) => add("exclude", item.id) };
  if (model.signatures.score && asked) actions.why = reasons(items, asked, signal);
  list.replaceChildren(...lines(items, actions));
  list.setAttribute("aria-busy", "false");
  byId("status").textContent = status;
  if (hadFocus) byId("results-heading").focus();
}

/** Fills the place below an item; the list is asked about once, when the first is opened. */
function reasons(items, asked, signal) {
  const ids = items.map((item) => item.id);
  let answer;
  return async (item, place) => {
    answer ??= explain(model, asked, ids, signal);
    try {
      place.replaceChildren(...drawn((await answer).get(item.id), item.score));
    } catch (error) {
      answer = undefined;
      if (signal.aborted) return;
      place.replaceChildren(element("p", { class: "problem", text: error.message, role: "alert" }));
    }
  };
}

function tell(problem, again) {
  const place = byId("problem");
  place.replaceChildren();
  if (!problem) return;
  place.append(element("p", { class: "problem", text: problem }));
  if (again) place.append(element("button", { type: "button", text: "Try again", onclick: again }));
}

function add(name, id) {
  if (!request[name].includes(id)) request[name] = [...request[name], id];
  drawChips();
  changed();
}

function remove(name, id) {
  request[name] = request[name].filter((other) => other !== id);
  drawChips();
  byId("search").focus();
  changed();
}

function drawChips() {
  for (const [name, place] of [["history", "liked"], ["exclude", "excluded"]]) {
    const made = request[name].map((id) => chip(id, model.titleOf(id), () => remove(name, id)));
    byId(place).replaceChildren(...made);
  }
  byId("excluded-field").hidden = !request.exclude.length;
}

/** Makes the controls that this model has a use for. */
function prepare() {
  const inputs = model.signatures.recommend;
  document.title = `${model.name} – recommendations`;
  byId("name").textContent = model.name;
  byId("about").textContent = `${model.items.length.toLocaleString("en")} items, version ${model.version}`;
  byId("template").textContent = model.template;
  search(byId("search"), byId("found"), {
    items: model.items,
    isHidden: (id) => request.history.includes(id),
    onPick: (item) => add("history", item.id),
    onBack: () => request.history.length && remove("history", request.history.at(-1)),
  });
  byId("wish-field").hidden = !("wish" in inputs);
  byId("wish").addEventListener("input", (event) => set("wish", event.target.value));
  byId("columns").replaceChildren(
    ...columnsOf(inputs).map((column) =>
      columnControl(column, (value) => {
        request.columns[column.name] = value;
        changed();
      }),
    ),
  );
  byId("prompt-field").hidden = model.prompts.length < 2;
  byId("prompt").replaceChildren(...model.prompts.map((name) => element("option", { text: name })));
  byId("prompt").addEventListener("change", (event) => set("prompt", event.target.value));
  const k = byId("k");
  k.max = model.k;
  k.value = request.k = Math.min(request.k, model.k);
  k.addEventListener("input", () => {
    if (k.checkValidity() && k.value) set("k", Number(k.value));
  });
}

function set(name, value) {
  request[name] = value;
  changed();
}

try {
  model = await loadModel();
  prepare();
  await ask();
} catch (error) {
  tell(`This page cannot start: ${error.message}`);
}
