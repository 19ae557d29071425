// Draws evaluation.html from the figures that lie in it.
"use strict";

const figures = JSON.parse(document.getElementById("figures").textContent);
const element = (id) => document.getElementById(id);
const fixed = (value, digits) => (value === null || value === undefined ? "" : value.toFixed(digits));
const colours = ["#1f5fbf", "#d1602c", "#3c8d5a", "#8a5bb0", "#b08a1e"];
const grey = "#9aa3ad";

// The baselines by NDCG@10, best first, as places in figures.baselines.
const nearest = figures.baselines
  .map((_, i) => i)
  .sort((a, b) => figures.baselines[b].ndcg_10.value - figures.baselines[a].ndcg_10.value);
// Drawn beside the model: the best of each of three kinds.
const kind = (i) => figures.baselines[i].name.split(":")[0];
const shown = nearest.filter((i, n) => nearest.findIndex((j) => kind(j) === kind(i)) === n).slice(0, 3);

function fill_table(table, head, rows) {
  const add = (parent, cells, name, is_model) => {
    const line = parent.insertRow();
    if (is_model) line.className = "model";
    for (const text of cells) {
      const cell = document.createElement(name);
      cell.textContent = text;
      line.appendChild(cell);
    }
  };
  add(table.createTHead(), head, "th", false);
  const body = table.createTBody();
  rows.forEach((cells, i) => add(body, cells, "td", i === 0));
}

function describe() {
  element("title").textContent = `Evaluation of ${figures.topology}`;
  const off = Object.entries(figures.parts).filter(([, on]) => !on).map(([name]) => name);
  element("what").textContent =
    `${figures.events} events of ${figures.users} scored users and ${figures.items} items; ${figures.scored} of ` +
    `${figures.eligible} eligible events scored, every ${figures.every}.` +
    (off.length ? ` Without ${off.join(", ")}.` : "") +
    (window.Chart ? "" : " Built without Chart.js: tables only.");
}

function rankers_table() {
  const row = (ranker, more) => [
    ranker.name,
    `${fixed(ranker.ndcg_10.value, 4)} (${fixed(ranker.ndcg_10.error, 4)})`,
    `${fixed(ranker.hr_10.value, 4)} (${fixed(ranker.hr_10.error, 4)})`,
    fixed(ranker.hr_20.value, 4), fixed(ranker.mrr_20.value, 4),
    ...more,
    fixed(ranker.coverage, 3), fixed(ranker.gini, 3), fixed(ranker.novelty_bits, 1),
    fixed(ranker.learning_us, 1), fixed(ranker.scoring_us, 1)];
  const rows = [row(figures.model, [""])];
  for (const i of nearest) {
    const { value, low, high } = figures.baselines[i].ratio;
    rows.push(row(figures.baselines[i], [`${fixed(value, 3)} (${fixed(low, 3)} - ${fixed(high, 3)})`]));
  }
  fill_table(element("rankers"), ["", "NDCG@10", "HR@10", "HR@20", "MRR@20", "ratio (95 %)", "coverage", "Gini",
    "novelty", "learn", "score"], rows);
}

// Titles of both axes; more options of Chart.js as they come.
function axes(x, y, more = {}) {
  return {
    animation: false, maintainAspectRatio: false,
    scales: {
      x: { title: { display: true, text: x }, ...more.x },
      y: { title: { display: true, text: y }, beginAtZero: true, ...more.y } },
    plugins: { legend: { display: more.legend ?? true, position: "bottom" }, tooltip: more.tooltip ?? {} } };
}

function draw_ratios() {
  const of = nearest.map((i) => figures.baselines[i]).filter((baseline) => baseline.ratio.high > 0);
  // A bar from the low to the high end of each interval.
  new Chart(element("ratios"), {
    type: "bar",
    data: {
      labels: of.map((baseline) => baseline.name),
      datasets: [{
        label: "model / baseline", backgroundColor: colours[0], minBarLength: 3, barThickness: 9,
        data: of.map((baseline) => [baseline.ratio.low, baseline.ratio.high]) }] },
    options: {
      ...axes("times as good in NDCG@10 (95 % interval)", "", {
        legend: false, x: { type: "logarithmic" }, y: { ticks: { autoSkip: false } } }),
      indexAxis: "y" } });
}

function draw_curve() {
  const line = (name, place, colour) => ({
    label: name, data: figures.curve.map((window) => ({ x: window.scored, y: window.ndcg_10[place] })),
    borderColor: colour, backgroundColor: colour, borderWidth: place === 0 ? 2.5 : 1.5, pointRadius: 0, tension: 0.2 });
  new Chart(element("curve"), {
    type: "line",
    data: {
      datasets: [line("fovea", 0, colours[0]),
        ...shown.map((i, n) => line(figures.baselines[i].name, 1 + i, colours[1 + n]))] },
    options: axes("scored events", "NDCG@10", {
      x: { type: "linear" },
      tooltip: { callbacks: { title: (points) => {
        const window = figures.curve[points[0].dataIndex];
        return `until ${new Date(window.until_ms).toISOString().slice(0, 16)}, ${window.n} events`;
      } } } }) });
}

function draw_strata() {
  for (const strata of figures.strata) {
    const parts = strata.parts.filter((part) => part.n > 0);
    if (!parts.length) continue;
    const box = document.createElement("div");
    box.className = "chart";
    const canvas = document.createElement("canvas");
    canvas.setAttribute("aria-label", strata.title);
    box.appendChild(canvas);
    element("strata").appendChild(box);
    const bar = (label, data, colour) => ({ label, data, backgroundColor: colour });
    new Chart(canvas, {
      type: "bar",
      data: {
        labels: parts.map((part) => [part.name, `n ${part.n}`]),
        datasets: [bar("fovea", parts.map((part) => part.ndcg_10.value), colours[0]),
          ...shown.map((i, n) => bar(figures.baselines[i].name, parts.map((part) => part.baselines_ndcg_10[i]),
            colours[1 + n]))] },
      options: axes(strata.title, "NDCG@10") });
  }
}

function draw_calibration(id, bins, label, x, scales, from) {
  const points = bins.map((bin) => ({ x: bin.predicted, y: bin.chosen, n: bin.n }));
  new Chart(element(id), {
    type: "scatter",
    data: {
      datasets: [
        { label, data: points, showLine: true, borderColor: colours[0], backgroundColor: colours[0], pointRadius: 4 },
        { label: "honest", data: [{ x: from, y: from }, { x: 1, y: 1 }], showLine: true, borderColor: grey,
          pointRadius: 0, borderDash: [4, 4] }] },
    options: axes(x, "share of the time chosen", {
      ...scales,
      tooltip: { callbacks: { label: ({ raw }) => `${raw.x} -> ${raw.y}, n ${raw.n ?? ""}` } } }) });
}

function age(seconds_log2) {
  const seconds = 2 ** seconds_log2 - 1;
  const units = [["y", 31557600], ["d", 86400], ["h", 3600], ["min", 60], ["s", 1]];
  const [name, size] = units.find(([, size]) => seconds >= size) ?? ["s", 1];
  return `${Math.round(seconds / size)} ${name}`;
}

function draw_attention(id, bins, label, x) {
  const met = bins.map((bin, i) => ({ ...bin, i })).filter((bin) => bin.n > 0);
  new Chart(element(id), {
    type: "bar",
    data: {
      labels: met.map((bin) => label(bin.i)),
      datasets: [{ label: "mean attention", data: met.map((bin) => bin.mean), backgroundColor: colours[0] }] },
    options: axes(x, "mean attention weight", { legend: false }) });
}

describe();
rankers_table();
if (window.Chart) {
  if (nearest.length) draw_ratios();
  draw_curve();
  draw_strata();
  draw_calibration("probability", figures.slates.probability.filter((bin) => bin.predicted > 0 && bin.chosen > 0),
    "by powers of two", "probability", { x: { type: "logarithmic" }, y: { type: "logarithmic" } }, 1e-4);
  draw_calibration("calibration", figures.slates.calibration, "shares in tenths", "share of the slate's attention",
    { x: { min: 0, max: 1 }, y: { max: 1 } }, 0);
  draw_attention("position", figures.slates.attention_by_position, String, "place in the history, newest first");
  draw_attention("gap", figures.slates.attention_by_gap, age, "age of the entry, at least");
} else {
  for (const chart of document.querySelectorAll(".chart")) chart.remove();
}
