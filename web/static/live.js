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
  const toggled = new Map();

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
    const ill = figures?.problems.length > 0;
    const live = ill ? "Live, but not all works" : "Live";
    const words = stale ? `Stale for ${Math.round(silent / 1000)} s, reconnecting` : paused ? "Paused" : live;
    document.body.classList.toggle("stale-page", stale);
    if (word.textContent !== words) word.textContent = words;
    $("live").querySelector("use").setAttribute("href", stale || (ill && !paused) ? "#i-stale" : paused ? "#i-paused" : "#i-live");
    const since = $("live-since");
    since.hidden = !paused || stale;
    since.textContent = `at ${clock(pausedAt)}, while you read`;
    const button = $("pause");
    button.hidden = false;
    button.textContent = paused ? "Resume" : "Pause";
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

  // What is replaced keeps what a reader did to it: what is open, how far a table is scrolled, where the focus is.
  function keyOf(element) {
    const box = element.closest("section, .notice");
    const all = [...(box ?? document.body).querySelectorAll(element.tagName)];
    return `${box?.getAttribute("aria-labelledby") ?? box?.getAttribute("aria-label")} ${element.tagName} ${all.indexOf(element)}`;
  }

  function kept(region) {
    const scrolled = new Map([...region.querySelectorAll(".scroll, .scrollx")].map((box) => [keyOf(box), [box.scrollLeft, box.scrollTop]]));
    const focus = region.contains(document.activeElement) ? keyOf(document.activeElement) : null;
    const tips = new Map([...region.querySelectorAll(".plot")].map((plot) => [keyOf(plot), plot.dataset.at]));
    return (fresh) => {
      for (const details of fresh.querySelectorAll("details")) {
        if (toggled.has(keyOf(details))) details.open = toggled.get(keyOf(details));
      }
      for (const box of fresh.querySelectorAll(".scroll, .scrollx")) {
        const [left, top] = scrolled.get(keyOf(box)) ?? [0, 0];
        box.scrollTo(left, top);
      }
      for (const plot of fresh.querySelectorAll(".plot")) {
        plot.tabIndex = 0;
        if (tips.get(keyOf(plot))) tell(plot, Number(tips.get(keyOf(plot))));
      }
      if (focus) [...fresh.querySelectorAll("a, button, summary, .scroll, .scrollx, .plot")].find((e) => keyOf(e) === focus)?.focus({ preventScroll: true });
    };
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
      const restore = kept(region);
      region.replaceWith(fresh);
      $("foot")?.replaceWith(page.getElementById("foot") ?? "");
      restore(fresh);
      showKeyboard();
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

  // Rows do not move while they are read: a button says how many are new. All else is shown as soon as it is known.
  function isRead(region) {
    const list = region?.dataset.rowsIn !== undefined;
    return list && (region.contains(document.activeElement) || location.search.includes("after=") || window.scrollY >= 400);
  }

  function mayRefresh() {
    const region = $("fresh");
    const due = Date.now() - refreshedAt > 1000 * Number(region?.dataset.every ?? 3);
    return due && !paused && !document.hidden && !isRead(region);
  }

  // What a chart says of a place, for who cannot point at it: by touch, or with the arrow keys.
  const places = (plot) => [...plot.querySelectorAll("svg")].filter((svg) => svg.getClientRects().length)
    .flatMap((svg) => [...svg.querySelectorAll("title")].map((title) => title.parentElement));

  function tell(plot, at) {
    const all = places(plot);
    if (!all.length) return;
    const chosen = Math.min(Math.max(at, 0), all.length - 1);
    all.forEach((place, i) => place.classList.toggle("on", i === chosen));
    plot.dataset.at = chosen;
    const tip = plot.querySelector(".tip");
    tip.textContent = all[chosen].querySelector("title").textContent;
    if (all[chosen].dataset.to) tip.append(" ", Object.assign(document.createElement("a"), { href: all[chosen].dataset.to, textContent: "its ids" }));
  }

  // What a place in a chart leads to: the list of its ids.
  function lead(place, aside) {
    const to = place?.dataset.to;
    if (to && aside) window.open(to, "_blank", "noopener");
    else if (to) location.href = to;
    return Boolean(to);
  }

  function hush(plot) {
    delete plot.dataset.at;
    plot.querySelectorAll(".on").forEach((place) => place.classList.remove("on"));
    plot.querySelector(".tip").textContent = "";
  }

  function move(plot, key) {
    const at = Number(plot.dataset.at ?? (key === "ArrowLeft" ? Infinity : -1));
    const to = { ArrowLeft: at - 1, ArrowRight: at + 1, Home: 0, End: Infinity }[key];
    if (key === "Escape") hush(plot);
    else if (key === "Enter") return lead(places(plot)[at]);
    else if (to !== undefined) tell(plot, to);
    return key === "Escape" || to !== undefined;
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

  // Single keys can be switched off, for who speaks to the computer or types by accident (WCAG 2.1.4).
  const hasKeys = () => localStorage.getItem("keys") !== "off";

  function showKeyboard() {
    $("keys").checked = hasKeys();
    const button = $("keyboard");
    if (button) button.hidden = false;
  }

  const keys = {
    "/": () => { const box = $("search"); if (box) box.focus(); else location.href = "/table/pairs/#search"; },
    "?": () => $("help").showModal(),
    j: () => step(1),
    k: () => step(-1),
    n: () => $("next")?.click(),
  };

  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey) return;
    if (event.target.matches(".plot") && move(event.target, event.key)) return event.preventDefault();
    if (event.target.closest("input, select, textarea, button, summary, dialog")) return;
    if (!keys[event.key] || !hasKeys()) return;
    event.preventDefault();
    keys[event.key]();
  });
  document.addEventListener("click", (event) => {
    if (event.target.closest("#pause")) pause();
    if (event.pointerType !== "touch") lead(event.target.closest(".plot [data-to]"), event.ctrlKey || event.metaKey);
    if (event.target.closest("#newer")) refresh();
    if (event.target.closest("#keyboard")) $("help").showModal();
    const details = event.target.closest("summary")?.parentElement;
    if (details) toggled.set(keyOf(details), !details.open);
  });
  document.addEventListener("change", (event) => {
    if (event.target.closest("#keys")) localStorage.setItem("keys", event.target.checked ? "on" : "off");
  });
  document.addEventListener("pointerup", (event) => {
    const plot = event.target.closest(".plot");
    if (event.pointerType === "mouse" || !plot) return;
    const place = event.target.closest("svg *");
    const at = places(plot).indexOf(place);
    if (at >= 0) tell(plot, at);
    else hush(plot);
  });
  document.querySelectorAll(".plot").forEach((plot) => { plot.tabIndex = 0; });

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
  showKeyboard();
  if (location.hash === "#search") $("search")?.focus();
}

if (self.document) show();
else work();
