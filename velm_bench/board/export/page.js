"use strict";
// Everything that is shown comes from the JSON in the page and is set as text, never as HTML.
const data = JSON.parse(document.getElementById("data").textContent);
const byId = (id) => document.getElementById(id);
const FIELDS = ["q", "view", "kind", "level", "status"], PAGE = 100;
const state = { q: "", view: "", kind: "", level: "", status: "counting", control: "", sort: "", down: "", page: "0" };
const number = (value, digits = 4) => (value === null || value === undefined ? "–" : value.toFixed(digits));
const interval = (low, high) => (low === null ? "" : `[${number(low)}, ${number(high)}]`);
const ranks = (cell) => cell && cell.rank !== null ? [String(cell.rank), cell.rank_low === null ? "" : cell.rank_low === cell.rank_high ? String(cell.rank_low) : `${cell.rank_low}–${cell.rank_high}`] : ["–", ""];
const score = (cell) => cell ? [number(cell.score), interval(cell.low, cell.high)] : ["–", ""];
data.rows.forEach((row, place) => {
  row.place = place;
  row.words = [row.model, row.revision, row.organisation, row.licence, row.control, row.submission, row.parent].join(" ").toLowerCase();
});

function column(title, value, show, kind = "", first = 1, key = title) {
  return { title, value, show, kind, first, key };
}

function columns() {
  const task = data.tasks.findIndex((one) => one.name === state.view);
  const at = (row) => (task < 0 ? row.standing : row.tasks[task]);
  const model = column("Model", (row) => row.model.toLowerCase(), (row) => [row.model, [row.revision, row.organisation].filter(Boolean).join(" · "), marks(row)], "head");
  const found = task < 0 && !data.rows.some((row) => typeof row.standing?.score === "number") ? [model] : [
    column("Rank", (row) => at(row)?.rank ?? null, (row) => ranks(at(row)), "number"),
    column("Group", (row) => at(row)?.group ?? null, (row) => [String(at(row)?.group ?? "–"), ""], "number"),
    model,
    column(task < 0 ? "Score" : data.tasks[task].primary, (row) => at(row)?.score ?? null, (row) => score(at(row)), "number", task < 0 || data.tasks[task].up ? -1 : 1),
  ];
  if (task < 0) {
    found.push(column("Tasks", (row) => row.done, (row) => [`${row.done} of ${data.tasks.length}`, ""], "number", -1));
    data.tasks.forEach((one, index) => {
      if (!state.kind || one.kind === state.kind) found.push(column(one.name, (row) => row.tasks[index]?.score ?? null, (row) => score(row.tasks[index]), "number", one.up ? -1 : 1, `task ${one.name}`));
    });
  } else {
    found.push(column("n", (row) => at(row)?.n ?? null, (row) => [String(at(row)?.n ?? "–"), ""], "number", -1));
    found.push(column("Errors", (row) => at(row)?.errors ?? null, (row) => [String(at(row)?.errors ?? "–"), ""], "number"));
  }
  return found.concat([
    column("Parameters", (row) => row.parameters, (row) => [row.parameters === null ? "–" : row.parameters.toLocaleString("en"), ""], "number"),
    column("Licence", (row) => row.licence.toLowerCase(), (row) => [row.licence, ""], "text"),
    column("Verified", (row) => data.levels.indexOf(row.level), (row) => [row.level, ""], "", -1),
    column("Submitted", (row) => row.submitted, (row) => [row.submitted, row.attempts > 1 ? `${row.attempts} attempts` : ""], "", -1),
  ]);
}

function marks(row) {
  const found = [];
  if (row.control) found.push(`control: ${row.control}`);
  else if (row.done < data.tasks.length) found.push(`incomplete: ${row.done} of ${data.tasks.length} tasks`);
  if (row.status !== "listed") found.push(row.reason ? `${row.status}: ${row.reason}` : row.status);
  return found.join(" · ");
}

function chosen() {
  const task = data.tasks.findIndex((one) => one.name === state.view);
  const words = state.q.toLowerCase().split(/\s+/).filter(Boolean);
  return data.rows.filter((row) =>
    words.every((word) => row.words.includes(word)) &&
    (!state.level || row.level === state.level) &&
    (state.status === "all" || data.counting.includes(row.status)) &&
    (state.control !== "no" || !row.control) &&
    (task >= 0 ? row.tasks[task] : !state.kind || data.tasks.some((one, index) => one.kind === state.kind && row.tasks[index])));
}

function sorted(rows, all) {
  const chosen = all.find((one) => one.key === state.sort);
  const by = chosen ?? (state.view ? all[3] : null); // a task's table begins in the order of its scores
  if (!by) return rows;
  const sign = chosen ? (state.down === "yes" ? -1 : 1) : by.first;
  return rows.slice().sort((one, other) => {
    const [a, b] = [by.value(one), by.value(other)];
    if (a === null || b === null) return (a === null) - (b === null) || one.place - other.place;
    return (a < b ? -sign : a > b ? sign : 0) || one.place - other.place;
  });
}

function make(tag, text, kind) {
  const found = document.createElement(tag);
  found.textContent = text;
  if (kind) found.className = kind;
  return found;
}

function drawHead(all) {
  byId("head").replaceChildren(...all.map((one, place) => {
    const cell = make("th", "", one.kind === "number" ? "number" : "");
    cell.scope = "col";
    const current = state.sort === one.key;
    if (current) cell.setAttribute("aria-sort", state.down === "yes" ? "descending" : "ascending");
    const button = make("button", one.title);
    button.type = "button";
    button.addEventListener("click", () => {
      state.down = (current ? state.down !== "yes" : one.first < 0) ? "yes" : "";
      Object.assign(state, { sort: one.key, page: "0" });
      draw();
      byId("head").children[place].firstChild.focus();
    });
    cell.append(button);
    return cell;
  }));
}

function drawBody(rows, all) {
  byId("body").replaceChildren(...rows.map((row) => {
    const line = document.createElement("tr");
    if (row.control || !data.counting.includes(row.status)) line.className = "aside";
    line.append(...all.map((one) => {
      const [text, more, warning] = one.show(row);
      const cell = make(one.kind === "head" ? "th" : "td", "", one.kind === "head" ? "" : one.kind);
      if (one.kind === "head") cell.scope = "row";
      cell.append(make("bdi", text));
      if (more) cell.append(make("small", more));
      if (warning) cell.append(make("small", warning, "mark"));
      return cell;
    }));
    return line;
  }));
}

function draw() {
  const all = columns(), rows = sorted(chosen(), all), pages = Math.max(1, Math.ceil(rows.length / PAGE));
  const page = Math.min(Math.max(0, Number.parseInt(state.page, 10) || 0), pages - 1);
  drawHead(all);
  drawBody(rows.slice(page * PAGE, (page + 1) * PAGE), all);
  byId("count").textContent = `${rows.length} of ${data.rows.length} rows, page ${page + 1} of ${pages}`;
  byId("caption").textContent = state.view ? `${state.view}: 95 % intervals below the scores, of ranks below the ranks` : "All tasks: 95 % intervals below the scores, of ranks below the ranks";
  byId("pages").hidden = pages === 1;
  byId("back").disabled = page === 0;
  byId("next").disabled = page === pages - 1;
  state.page = String(page);
  const kept = Object.entries(state).filter(([key, value]) => value && !(key === "status" && value === "counting") && !(key === "page" && value === "0"));
  history.replaceState(null, "", kept.length ? `#${new URLSearchParams(kept)}` : "#");
}

function read() {
  const given = new URLSearchParams(location.hash.slice(1));
  for (const key of Object.keys(state)) state[key] = given.get(key) ?? (key === "status" ? "counting" : "");
  for (const key of FIELDS) {
    byId(key).value = state[key];
    if (byId(key).value !== state[key]) { state[key] = byId(key).options?.[0].value ?? ""; byId(key).value = state[key]; }
  }
  byId("control").checked = state.control !== "no";
  draw();
}

FIELDS.forEach((key) => byId(key).addEventListener("input", () => { state[key] = byId(key).value; state.page = "0"; draw(); }));
byId("control").addEventListener("input", () => { state.control = byId("control").checked ? "" : "no"; state.page = "0"; draw(); });
byId("back").addEventListener("click", () => { state.page = String(Number(state.page) - 1); draw(); });
byId("next").addEventListener("click", () => { state.page = String(Number(state.page) + 1); draw(); });
byId("form").addEventListener("submit", (event) => event.preventDefault());
addEventListener("hashchange", read);
byId("app").hidden = false;
read();
