"use strict";
// Everything a caller may have written (labels, reasons, messages) goes in by textContent, never as markup.
(() => {
  const KEY = "pennyroute.key"; // sessionStorage: gone with the tab
  const NAMES = ["route", "tier", "model", "team", "feature", "provider"];
  const PERIODS = ["24h", "7d", "30d", "all"];
  const MOST_ROWS = 300;
  const NANO = 1000000000n;
  const $ = (id) => document.getElementById(id);
  const state = { period: "7d", by: ["route"] };
  let asking = new AbortController();

  // Elements

  function make(tag, className, ...children) {
    const element = document.createElement(tag);
    if (className) element.className = className;
    element.append(...children);
    return element;
  }

  function below(text, className = "") {
    return make("span", `below ${className}`.trim(), text);
  }

  function labelled(text) {
    return text === "" ? make("span", "nobody", "(none)") : make("bdi", "", text);
  }

  function only(id) {
    for (const each of ["locked", "failed", "empty", "report"]) $(each).hidden = each !== id;
    if (id === "locked" || id === "failed") $("thresholds").hidden = true;
    document.querySelector(".controls").hidden = id === "locked";
  }

  // Numbers: money is exact, from decimal text to whole nano-dollars

  const whole = (number) => number.toLocaleString("en-US");
  const percent = (share, digits = 0) => (share === null ? "–" : `${(share * 100).toFixed(digits)} %`);

  function nanoOf(text) {
    const [, sign, units, rest = ""] = /^(-?)(\d+)(?:\.(\d{1,9}))?$/.exec(text);
    const nano = BigInt(units) * NANO + BigInt(rest.padEnd(9, "0"));
    return sign ? -nano : nano;
  }

  const size = (nano) => (nano < 0n ? -nano : nano);

  function decimalsFor(texts) {
    const known = texts.filter((text) => text !== null);
    const largest = known.map((text) => size(nanoOf(text))).reduce((a, b) => (a > b ? a : b), 0n);
    const fitting = largest >= 1000n * NANO ? 2 : largest >= NANO ? 4 : largest >= NANO / 100n ? 6 : 9;
    const needed = Math.max(0, ...known.map((text) => (text.split(".")[1] ?? "").length));
    return Math.max(2, Math.min(fitting, needed));
  }

  function dollars(text, decimals) {
    const nano = nanoOf(text);
    const unit = 10n ** BigInt(9 - decimals);
    const rounded = (size(nano) + unit / 2n) / unit;
    const sign = nano < 0n ? "−" : "";
    if (nano !== 0n && rounded === 0n) return `${sign ? ">−" : "<"}$0.${"1".padStart(decimals, "0")}`;
    const digits = rounded.toString().padStart(decimals + 1, "0");
    return `${sign}$${BigInt(digits.slice(0, -decimals)).toLocaleString("en-US")}.${digits.slice(-decimals)}`;
  }

  // The API

  class Refused extends Error {
    constructor(status, message) {
      super(message);
      this.status = status;
    }
  }

  async function ask(path) {
    const key = sessionStorage.getItem(KEY);
    const headers = key ? { Authorization: `Bearer ${key}` } : {};
    const answer = await fetch(path, { headers, signal: asking.signal, cache: "no-store" });
    if (answer.ok) return answer;
    const body = await answer.json().catch(() => ({}));
    throw new Refused(answer.status, body.error?.message ?? `the service answered ${answer.status}`);
  }

  function reportPath(extra = {}) {
    const wanted = new URLSearchParams({ by: state.by.join(","), ...extra });
    if (state.period !== "all") wanted.set("from", state.period);
    return `/v1/reports/routes?${wanted}`;
  }

  async function show() {
    asking.abort();
    asking = new AbortController();
    const mine = asking;
    $("status").textContent = "Reading the report…";
    drawControls();
    try {
      const report = await (await ask(reportPath())).json();
      if (mine.signal.aborted) return;
      drawReport(report);
      await showThresholds();
    } catch (error) {
      if (!mine.signal.aborted) drawRefusal(error);
    }
  }

  async function showThresholds() {
    const models = (await (await ask("/v1/models")).json()).data;
    const routes = models.filter((model) => model.kind === "route" && model.id !== "auto");
    const found = await Promise.all(
      routes.map(async (route) => (await ask(`/v1/routes/${encodeURIComponent(route.id)}/threshold`)).json()),
    );
    $("threshold-rows").replaceChildren(...found.map(thresholdRow));
    $("thresholds").hidden = found.length === 0;
  }

  async function download() {
    try {
      const answer = await ask(reportPath({ format: "csv" }));
      const link = make("a", "");
      link.href = URL.createObjectURL(await answer.blob());
      link.download = /filename="([^"]+)"/.exec(answer.headers.get("Content-Disposition"))?.[1] ?? "report.csv";
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10000);
    } catch (error) {
      drawRefusal(error);
    }
  }

  // Drawing

  function drawControls() {
    for (const button of $("periods").querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(button.dataset.period === state.period));
    for (const button of $("by").querySelectorAll("button"))
      button.setAttribute("aria-pressed", String(state.by.includes(button.dataset.by)));
    $("forget").hidden = !sessionStorage.getItem(KEY);
  }

  function drawRefusal(error) {
    $("status").textContent = "";
    if (error instanceof Refused && (error.status === 401 || error.status === 403)) {
      $("locked-why").textContent = sessionStorage.getItem(KEY)
        ? `The service says: ${error.message}`
        : "The service answers only to its keys, and the report only to those that may see what everybody pays for.";
      only("locked");
      $("key").focus();
      return;
    }
    $("failed-why").textContent =
      error instanceof Refused ? `The service says: ${error.message}` : `The service does not answer (${error.message}).`;
    only("failed");
  }

  function drawReport(report) {
    const moment = (text) => text.replace("T", " ").replace(":00Z", "");
    $("status").textContent = `${moment(report.from)} to ${moment(report.to)} UTC, in whole hours`;
    if (report.total.attempts === 0) {
      $("empty-title").textContent = state.period === "all" ? "No requests yet" : "No requests in this period";
      $("curl").textContent = curl();
      only("empty");
      return;
    }
    drawTotals(report.total);
    drawTable(report);
    drawNotes(report);
    only("report");
  }

  function curl() {
    const key = sessionStorage.getItem(KEY) ? ` -H "authorization: Bearer $PENNYROUTE_KEY"` : "";
    return `curl ${location.origin}/complete${key} -H 'content-type: application/json' -d '{"query": "Where is my parcel?"}'`;
  }

  function drawTotals(total) {
    const amount = (text) => (text === null ? "unknown" : dollars(text, decimalsFor([text])));
    const unknown = (count) => (count ? [`+ ${whole(count)} unknown`, "warn"] : null);
    const each = total.cost_per_request_usd;
    const saved = total.savings_usd;
    const share = saved === null || Number(total.baseline_usd) === 0 ? null : Number(saved) / Number(total.baseline_usd);
    const exact = total.unknown_cost + total.unknown_baseline === 0;
    const cards = [
      ["Requests", whole(total.requests), "", [`${percent(total.share_to_large)} to the large model`]],
      ["Cost", amount(total.cost_usd), "", unknown(total.unknown_cost) ?? (each === null ? null : [`${dollars(each, Math.min(6, decimalsFor([each])))} a request`])],
      [
        "Baseline",
        amount(total.baseline_usd),
        "",
        ["an assumption: the large model at the same tokens"],
        unknown(total.unknown_baseline),
      ],
      [
        "Savings",
        amount(saved),
        saved === null ? "" : saved.startsWith("-") ? "bad" : "good",
        exact && share !== null ? [`${percent(share, 1)} of the baseline`] : exact ? null : ["where both are known"],
      ],
      [
        "Errors",
        whole(total.errors),
        total.errors ? "bad" : "",
        total.requests ? [`${percent(total.errors / total.requests, 1)} of requests`] : null,
      ],
    ];
    $("totals").replaceChildren(
      ...cards.map(([name, value, className, ...more]) =>
        make(
          "div",
          "",
          make("dt", "", name),
          make("dd", className, value),
          ...more.filter(Boolean).map(([text, warn = ""]) => make("dd", `below ${warn}`.trim(), text)),
        ),
      ),
    );
  }

  function drawTable(report) {
    const rows = report.groups.slice(0, MOST_ROWS);
    const all = [report.total, ...rows];
    const decimals = {
      cost: decimalsFor(all.map((row) => row.cost_usd)),
      other: decimalsFor(all.flatMap((row) => [row.baseline_usd, row.savings_usd])),
      each: Math.min(6, decimalsFor(all.map((row) => row.cost_per_request_usd))),
    };
    const heads = [report.by.join(" / "), ...cells(report.total, decimals).map(([name]) => name)];
    const head = make("tr", "");
    heads.forEach((name, at) => {
      const cell = make("th", at ? "number" : "", name);
      cell.scope = "col";
      head.append(cell);
    });
    const table = $("groups");
    table.tHead.replaceChildren(head);
    table.tBodies[0].replaceChildren(
      ...rows.map((row) => tableRow(report.by.map((name) => labelled(row[name])), cells(row, decimals))),
    );
    table.tFoot.replaceChildren(tableRow(["total"], cells(report.total, decimals)));
  }

  function tableRow(names, found) {
    const head = make("th", "", names[0], ...names.slice(1).map((name) => below(name)));
    head.scope = "row";
    const row = make("tr", "", head);
    for (const [name, ...content] of found) {
      const cell = make("td", "number", ...content);
      cell.dataset.label = name;
      row.append(cell);
    }
    return row;
  }

  function cells(row, decimals) {
    const each = row.cost_per_request_usd;
    const latency = row.latency_p50_ms;
    const saved = row.savings_usd;
    return [
      ["requests", whole(row.requests), below(percent(row.share))],
      ["to large", bar(row.share_to_large), make("span", "share", percent(row.share_to_large))],
      [
        "cost",
        ...money(row.cost_usd, decimals.cost, row.unknown_cost),
        each === null ? "" : below(`${dollars(each, decimals.each)} each`),
      ],
      ["baseline", ...money(row.baseline_usd, decimals.other, row.unknown_baseline)],
      ["savings", make("span", saved?.startsWith("-") ? "bad" : "", ...money(saved, decimals.other, 0))],
      ["tokens in", ...tokens(row, "input_tokens"), row.cached_input_tokens ? below(`${whole(row.cached_input_tokens)} cached`) : ""],
      ["tokens out", ...tokens(row, "output_tokens"), row.reasoning_tokens ? below(`${whole(row.reasoning_tokens)} reasoning`) : ""],
      ["errors", row.errors ? make("span", "bad", whole(row.errors)) : "0"],
      ["latency", latency === null ? "–" : `${whole(latency)} ms`, latency === null ? "" : below(`p95 ${whole(row.latency_p95_ms)} ms`)],
    ];
  }

  function tokens(row, name) {
    const [p50, p95] = [row[`${name}_p50`], row[`${name}_p95`]];
    if (p50 === null) return [whole(row[name])];
    const spread = below("");
    spread.append(make("span", "part", `p50 ${whole(p50)} `), make("span", "dot", "· "), make("span", "part", `p95 ${whole(p95)}`));
    return [whole(row[name]), spread];
  }

  function money(text, decimals, unknown) {
    if (text === null) return [make("span", "warn", unknown ? `${whole(unknown)} unknown` : "unknown")];
    return unknown ? [dollars(text, decimals), below(`+ ${whole(unknown)} unknown`, "warn")] : [dollars(text, decimals)];
  }

  function bar(share) {
    if (share === null) return "";
    const fill = make("i", "");
    fill.style.width = `${share * 100}%`;
    const rail = make("span", "bar", fill);
    rail.setAttribute("aria-hidden", "true");
    return rail;
  }

  function drawNotes(report) {
    const total = report.total;
    const sources = Object.entries(total.cost_by_source).map(([name, share]) => `${name} ${percent(share, 1)}`);
    const notes = [`Baseline: ${report.baseline}.`];
    if (sources.length) notes.push(`Cost by source of usage: ${sources.join(", ")}.`);
    if (total.unknown_cost || total.unknown_baseline)
      notes.push("Unknown: attempts without a known price or usage. They are in no sum, and not in savings.");
    if (total.audit_nano_usd) {
      const audits = dollars(total.audit_usd, decimalsFor([total.audit_usd]));
      notes.push(`Audits, which answer nobody: ${audits} of the cost.`);
    }
    notes.push(...report.certificates.map(certificateNote));
    if (total.suspended) notes.push(`Sent to large because a certificate was suspended: ${whole(total.suspended)}.`);
    if (total.cache_hits) {
      const saved = dollars(total.cache_saved_usd, decimalsFor([total.cache_saved_usd]));
      notes.push(`Answered by the cache: ${whole(total.cache_hits)}, which saved ${saved}.`);
    }
    if (total.degraded) {
      const below = total.uncertified ? `, ${whole(total.uncertified)} of them without the route's certificate` : "";
      notes.push(`Degraded by a route's ladder: ${whole(total.degraded)}${below}.`);
    }
    if (total.overruns) notes.push(`Attempts that cost more than was held for them: ${whole(total.overruns)}.`);
    if (report.groups.length > MOST_ROWS)
      notes.push(`The ${MOST_ROWS} dearest of ${whole(report.groups.length)} groups; the CSV has all of them.`);
    notes.push("Percentiles are of one request, to within 4.5 %.");
    $("notes").replaceChildren(...notes.map((text) => make("li", "", text)));
  }

  function certificateNote(term) {
    const floor = `at least ${percent(term.floor, 1)} of always-large quality at ${percent(term.confidence)} confidence`;
    const until = term.to === null ? "" : `${term.suspended ? ", suspended" : " to"} ${minute(term.to)} UTC`;
    return `${term.route}: certificate ${term.certificate} (${floor}${term.provisional ? ", provisional" : ""}), set with the threshold from ${minute(term.from)} UTC${until}.`;
  }

  function minute(moment) {
    return moment.slice(0, 16).replace("T", " ");
  }

  function proven(found) {
    const proof = found.certificate;
    if (found.suspended) return `${proof ? proof.id : "all"} suspended`;
    if (proof === null) return "";
    if (found.holds === false) return `${proof.id} does not hold: ${found.why_not}`;
    return `${proof.id}: ${percent(proof.floor, 1)} at ${percent(proof.confidence)}`;
  }

  function thresholdRow(found) {
    const name = make("th", "", labelled(found.route));
    name.scope = "row";
    const row = make("tr", "", name);
    const when = minute(found.set_at);
    const content = [
      ["threshold", String(found.threshold), "number"],
      ["version", String(found.version), "number"],
      ["set by", found.set_by, ""],
      ["when", `${when} UTC`, ""],
      ["certificate", proven(found), found.suspended || found.holds === false ? "bad" : ""],
      ["why", found.reason, ""],
    ];
    for (const [label, text, className] of content) {
      const cell = make("td", className, ...(text ? [make("bdi", "", text)] : []));
      cell.dataset.label = label;
      row.append(cell);
    }
    return row;
  }

  // What a person does

  function readHash() {
    const wanted = new URLSearchParams(location.hash.slice(1));
    if (PERIODS.includes(wanted.get("period"))) state.period = wanted.get("period");
    const by = (wanted.get("by") ?? "").split(",").filter((name, at, all) => NAMES.includes(name) && all.indexOf(name) === at);
    if (by.length) state.by = by;
  }

  function choose() {
    history.replaceState(null, "", `#period=${state.period}&by=${state.by.join(",")}`);
    show();
  }

  $("periods").addEventListener("click", (event) => {
    const period = event.target.dataset.period;
    if (!period) return;
    state.period = period;
    choose();
  });
  $("by").addEventListener("click", (event) => {
    const name = event.target.dataset.by;
    if (!name) return;
    const left = state.by.filter((each) => each !== name);
    state.by = left.length < state.by.length ? (left.length ? left : ["route"]) : [...state.by, name];
    choose();
  });
  $("key-form").addEventListener("submit", (event) => {
    event.preventDefault();
    sessionStorage.setItem(KEY, $("key").value.trim());
    $("key").value = "";
    show();
  });
  $("forget").addEventListener("click", () => {
    sessionStorage.removeItem(KEY);
    show();
  });
  $("copy").addEventListener("click", async () => {
    getSelection().selectAllChildren($("curl"));
    await navigator.clipboard?.writeText($("curl").textContent).then(
      () => ($("copy").textContent = "Copied"),
      () => ($("copy").textContent = "Selected"),
    );
  });
  $("refresh").addEventListener("click", show);
  $("again").addEventListener("click", show);
  $("download").addEventListener("click", download);
  addEventListener("hashchange", () => {
    readHash();
    show();
  });

  readHash();
  show();
})();
