// The live part of the pages. Everything works without it; nothing here writes markup that the server did not make.
const STALE_MS = 3000;
const $ = (id) => document.getElementById(id);
const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });

let paused = false;
let last = Date.now();
let figures = null;
let rowsAtLoad = Number($("fresh")?.dataset.rowsIn ?? NaN);
let refreshing = false;
let refreshedAt = Date.now();

function say() {
  const word = $("live-word");
  if (!word) return;
  const silent = Date.now() - last;
  const stale = silent > STALE_MS;
  document.body.classList.toggle("stale-page", stale);
  word.textContent = stale ? `Stale, ${Math.round(silent / 1000)} s: reconnecting` : paused ? "Paused" : "Live";
  $("live").querySelector("use").setAttribute("href", stale ? "#i-stale" : "#i-live");
  const button = $("pause");
  if (button) {
    button.hidden = false;
    button.firstChild.textContent = paused ? "Resume " : "Pause ";
  }
}

function showFigures() {
  if (!figures || paused) return;
  for (const element of document.querySelectorAll("[data-f]")) {
    const value = figures[element.dataset.f];
    if (typeof value === "number") element.textContent = whole.format(value);
  }
}

function showNewer() {
  const button = $("newer");
  if (!button || !figures || !Number.isFinite(rowsAtLoad)) return;
  const n = figures.rows_in - rowsAtLoad;
  button.hidden = n <= 0;
  button.textContent = `Show ${whole.format(n)} new rows`;
}

async function refresh() {
  const region = $("fresh");
  if (!region || refreshing) return;
  refreshing = true;
  try {
    const answer = await fetch(location.href, { headers: { Accept: "text/html" } });
    if (!answer.ok) return;
    const page = new DOMParser().parseFromString(await answer.text(), "text/html");
    const fresh = page.getElementById("fresh");
    if (!fresh) return;
    const open = [...region.querySelectorAll("details")].map((d) => d.open);
    region.replaceWith(fresh);
    [...fresh.querySelectorAll("details")].forEach((d, i) => { d.open = open[i] ?? false; });
    rowsAtLoad = Number(fresh.dataset.rowsIn ?? NaN);
    say();
  } catch {
    // the next event tells whether the worker is there
  } finally {
    refreshing = false;
    refreshedAt = Date.now();
  }
}

function mayRefresh() {
  const region = $("fresh");
  const due = Date.now() - refreshedAt > 1000 * Number(region?.dataset.every ?? 3);
  const reading = document.hidden || region?.contains(document.activeElement) || location.search.includes("after=");
  return due && !paused && !reading && window.scrollY < 400;
}

function pause() {
  paused = !paused;
  say();
  if (!paused) refresh();
}

function step(by) {
  const links = [...document.querySelectorAll(".rows tbody th a")];
  if (!links.length) return;
  const at = links.indexOf(document.activeElement);
  links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
}

const KEYS = {
  "/": () => { const box = $("search"); if (box) box.focus(); else location.href = "/table/pairs/#search"; },
  "?": () => $("help").showModal(),
  " ": pause,
  j: () => step(1),
  k: () => step(-1),
  n: () => $("next")?.click(),
};

document.addEventListener("keydown", (event) => {
  if (event.ctrlKey || event.metaKey || event.altKey) return;
  if (event.target.closest("input, select, textarea, button, summary, dialog")) return;
  const act = KEYS[event.key];
  if (act) {
    event.preventDefault();
    act();
  }
});
document.addEventListener("click", (event) => {
  if (event.target.closest("#pause")) pause();
  if (event.target.closest("#newer")) refresh();
});

if ($("live")) {
  const source = new EventSource("/events");
  source.addEventListener("figures", (event) => {
    last = Date.now();
    figures = JSON.parse(event.data);
    showFigures();
    showNewer();
    if (mayRefresh()) refresh();
  });
  setInterval(say, 500);
  say();
}
if (location.hash === "#search") $("search")?.focus();
