// The live part of the pages. Everything works without it; nothing here writes markup that the server did not make.
//
// A browser gives one server six connections for all its tabs together, and a stream of events holds one for good. So
// the tabs share one stream: this module also runs as their shared worker, which listens and tells them.
const STALE_MS = 2500;
const AGAIN_MS = 2000;

function listen(tell) {
  const source = new EventSource("/events");
  source.addEventListener("figures", (event) => tell(JSON.parse(event.data)));
  source.addEventListener("error", () => {
    tell(null);
    if (source.readyState === EventSource.CLOSED) setTimeout(listen, AGAIN_MS, tell); // it was refused, not cut off
  });
}

function work() {
  const tabs = new Set();
  self.addEventListener("connect", ({ ports: [tab] }) => {
    tabs.add(tab);
    tab.onmessage = () => tabs.delete(tab);
  });
  listen((figures) => tabs.forEach((tab) => tab.postMessage(figures)));
}

function follow(hear) {
  if (!self.SharedWorker) return listen(hear);
  const { port } = new SharedWorker(import.meta.url, { type: "module", name: "hindsight" });
  port.onmessage = ({ data }) => hear(data);
  addEventListener("pagehide", () => port.postMessage("bye"));
  addEventListener("pageshow", ({ persisted }) => { if (persisted) location.reload(); });
}

function show() {
  const $ = (id) => document.getElementById(id);
  const whole = new Intl.NumberFormat("en-US", { maximumFractionDigits: 0 });
  let paused = new URLSearchParams(location.search).has("paused");
  let heardAt = Date.now();
  let isCut = false;
  let figures = null;
  let rowsAtLoad = Number($("fresh")?.dataset.rowsIn ?? NaN);
  let refreshing = false;
  let refreshedAt = Date.now();
  let pausedAt = paused ? Date.now() : 0;

  // The time of day in UTC, with its date where that is not today's.
  function clock(ms) {
    const [day, time] = new Date(ms).toISOString().split("T");
    return (day === new Date().toISOString().slice(0, 10) ? "" : `${day} `) + time.slice(0, 8);
  }

  function say() {
    const word = $("live-word");
    if (!word) return;
    const silent = Date.now() - heardAt;
    const stale = isCut || silent > STALE_MS;
    const words = stale ? `Stale for ${Math.round(silent / 1000)} s, reconnecting` : paused ? "Paused" : "Live";
    document.body.classList.toggle("stale-page", stale);
    if (word.textContent !== words) word.textContent = words;
    $("live").querySelector("use").setAttribute("href", stale ? "#i-stale" : paused ? "#i-paused" : "#i-live");
    const since = $("live-since");
    since.hidden = !paused || stale;
    since.textContent = `at ${clock(pausedAt)}, while you read`;
    const button = $("pause");
    button.hidden = false;
    button.firstChild.textContent = paused ? "Resume " : "Pause ";
  }

  function showFigures() {
    if (!figures || paused) return;
    for (const element of document.querySelectorAll("[data-f]")) {
      const value = figures[element.dataset.f];
      if (typeof value === "number") element.textContent = whole.format(value);
    }
    for (const element of document.querySelectorAll("[data-t]")) {
      const ts = figures[element.dataset.t];
      if (typeof ts === "number" && Math.abs(ts) < 8e9) element.textContent = clock(1000 * ts);
    }
  }

  function showNewer() {
    const button = $("newer");
    if (!button || !figures || !Number.isFinite(rowsAtLoad)) return;
    const n = figures.rows_in - rowsAtLoad;
    button.hidden = n <= 0;
    button.textContent = `Show ${whole.format(n)} new row${n === 1 ? "" : "s"}`;
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
      const open = [...region.querySelectorAll("details")].map((details) => details.open);
      region.replaceWith(fresh);
      [...fresh.querySelectorAll("details")].forEach((details, i) => { details.open = open[i] ?? false; });
      rowsAtLoad = Number(fresh.dataset.rowsIn ?? NaN);
      keepPaused();
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

  // The address tells whether the page stands still, and the links on it lead to pages that do too.
  function keepPaused() {
    const set = (url) => { paused ? url.searchParams.set("paused", "1") : url.searchParams.delete("paused"); return url; };
    history.replaceState(null, "", set(new URL(location.href)));
    for (const link of document.querySelectorAll("main a")) {
      if (link.search && link.pathname === location.pathname) link.search = set(new URL(link.href)).search;
    }
  }

  function pause() {
    paused = !paused;
    pausedAt = Date.now();
    keepPaused();
    say();
    if (!paused) refresh();
  }

  function step(by) {
    const links = [...document.querySelectorAll(".rows tbody th a")];
    if (!links.length) return;
    const at = links.indexOf(document.activeElement);
    links[Math.min(links.length - 1, Math.max(0, at + by))].focus();
  }

  const keys = {
    "/": () => { const box = $("search"); if (box) box.focus(); else location.href = "/table/pairs/#search"; },
    "?": () => $("help").showModal(),
    " ": () => { if ($("live")) pause(); },
    j: () => step(1),
    k: () => step(-1),
    n: () => $("next")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.closest("input, select, textarea, button, summary, dialog")) return;
    if (!keys[event.key]) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#pause")) pause();
    if (event.target.closest("#newer")) refresh();
  });

  if ($("live")) {
    follow((heard) => {
      isCut = heard === null;
      if (isCut) return say();
      heardAt = Date.now();
      figures = heard;
      showFigures();
      showNewer();
      if (mayRefresh()) refresh();
    });
    setInterval(say, 250);
    keepPaused();
    say();
  }
  if (location.hash === "#search") $("search")?.focus();
}

if (self.document) show();
else work();
