// The service's page: it asks the service's API, and shows all that it gets as text.

const meta = (name) => document.querySelector(`meta[name="${name}"]`).content;
const isAdmin = meta("role") === "administrator";
const element = (id) => document.getElementById(id);

/** Seconds between two looks at what is running. */
const LOOK_SECONDS = 5;

/** How many bars the plot has at most. */
const MOST_BARS = 31;

class ServiceError extends Error {}

async function ask(path, options = {}) {
  const answer = await fetch(path, {
    ...options,
    headers: {
      "X-XSRFToken": meta("xsrf"),
      ...(options.body === undefined
        ? {}
        : { "Content-Type": "application/json" }),
    },
  });
  if (answer.status === 401) {
    window.location.reload(); // the hub asks for a login
  }
  const words = await answer.json();
  if (!answer.ok) {
    throw new ServiceError(words.error.message);
  }
  return words;
}

/** Run something that the user started, and say what went wrong. */
async function attempt(work) {
  const problem = element("problem");
  try {
    await work();
    problem.hidden = true;
  } catch (error) {
    problem.textContent =
      error instanceof ServiceError
        ? error.message
        : "The service does not answer. Try again in some seconds.";
    problem.hidden = false;
    problem.scrollIntoView({ block: "nearest" });
  }
}

/** Show a name; it does not turn round what is written before and after it. */
function named(before, name, after = "") {
  const made = document.createElement("span");
  const isolated = document.createElement("bdi");
  isolated.textContent = name;
  made.append(before, isolated, after);
  return made;
}

function cell(kind, value) {
  const made = document.createElement(kind);
  if (typeof value === "number") {
    made.className = "number";
    made.textContent = value.toLocaleString();
  } else {
    made.append(value instanceof Node ? value : named("", value ?? "–"));
  }
  return made;
}

/** Write a budget in words. */
function said(budget) {
  const parts = Object.entries(budget).map(([name, value]) => {
    const [kind, span] = name.split("_per_");
    const amount = value.toLocaleString();
    if (span) {
      return kind === "usd"
        ? `US$ ${amount} a ${span}`
        : `${amount} ${kind} a ${span}`;
    }
    return name === "carry_over"
      ? `${100 * value} % of the rest carried over`
      : `${amount} at a time`;
  });
  return parts.join(", ") || "no limit";
}

function fill(id, columns, rows, none) {
  const table = element(id);
  const head = document.createElement("tr");
  head.append(
    ...columns.map((column, index) => {
      const made = cell("th", column);
      made.className = rows.some((row) => typeof row[index] === "number")
        ? "number"
        : "";
      return made;
    }),
  );
  const lines = rows.map((row) => {
    const line = document.createElement("tr");
    line.append(...row.map((value) => cell("td", value)));
    return line;
  });
  table.replaceChildren(
    ...(rows.length ? [head, ...lines] : [cell("caption", none)]),
  );
}

function svg(name, attributes, text) {
  const made = document.createElementNS("http://www.w3.org/2000/svg", name);
  Object.entries(attributes).forEach(([key, value]) =>
    made.setAttribute(key, value),
  );
  if (text !== undefined) {
    made.textContent = text;
  }
  return made;
}

function plot(rows, by) {
  const tokens = (row) => row.tokens_in + row.tokens_out;
  const sorted =
    by === "day" ? rows : [...rows].sort((a, b) => tokens(b) - tokens(a));
  const shown =
    by === "day" ? sorted.slice(-MOST_BARS) : sorted.slice(0, MOST_BARS);
  const most = Math.max(1, ...shown.map(tokens));
  const drawing = svg("svg", { viewBox: `0 0 640 ${shown.length * 18}` });
  shown.forEach((row, index) => {
    const name = String(row[by] ?? "–");
    const label = name.length > 24 ? `${name.slice(0, 23)}…` : name;
    const width = (400 * tokens(row)) / most;
    drawing.append(
      svg("text", { x: 0, y: index * 18 + 13 }, label),
      svg("rect", { x: 160, y: index * 18 + 3, width, height: 12 }),
      svg(
        "text",
        { x: 165 + width, y: index * 18 + 13 },
        tokens(row).toLocaleString(),
      ),
    );
  });
  element("plot").replaceChildren(...(shown.length ? [drawing] : []));
}

async function showUsage() {
  const days = element("days").value;
  let by = element("by").value;
  let rows;
  if (isAdmin) {
    const query = new URLSearchParams({ by, days });
    rows = (await ask(`aqueduct/admin/usage?${query}`)).data;
    element("csv").href = `aqueduct/admin/usage?${query}&format=csv`;
  } else {
    const list = element("own-by").value;
    by = list.replace("by_", "");
    rows = (await ask(`aqueduct/usage?days=${days}`))[list];
  }
  plot(rows, by);
  fill(
    "usage",
    [by, "requests", "failed", "tokens in", "tokens out", "US dollars"],
    rows.map((row) => [
      row[by] ?? "–",
      row.requests,
      row.failed,
      row.tokens_in,
      row.tokens_out,
      row.usd,
    ]),
    "Nothing was asked in these days.",
  );
}

function button(text, act) {
  const made = document.createElement("button");
  made.type = "button";
  made.className = "btn btn-sm btn-secondary";
  made.textContent = text;
  made.addEventListener("click", () => attempt(act));
  return made;
}

async function showRunning() {
  const path = isAdmin ? "aqueduct/admin/requests" : "aqueduct/requests";
  const { data } = await ask(path);
  fill(
    "running",
    ["user", "model", "upstream", "seconds", "state", ""],
    data.map((request) => [
      request.user ?? meta("user"),
      request.model,
      request.upstream,
      request.seconds,
      request.state,
      button("Stop", async () => {
        await ask(`${path}/${encodeURIComponent(request.id)}`, {
          method: "DELETE",
        });
        await showRunning();
      }),
    ]),
    "Nothing is running.",
  );
}

/** Write what is used of a budget. */
function usedRow({ holder, kind, span, used, reserved }) {
  return [
    holder,
    span === "now"
      ? `${reserved.toLocaleString()} running`
      : `${used.toLocaleString()} ${kind} used this ${span}, ` +
        `${reserved.toLocaleString()} reserved`,
  ];
}

async function showBudgets() {
  if (!isAdmin) {
    const { data, used } = await ask("aqueduct/budget");
    const rows = [
      ...data.map(({ holder, budget }) => [holder, said(budget)]),
      ...used.map(usedRow),
    ];
    fill("budgets", ["whose", "budget"], rows, "There are no budgets.");
    return;
  }
  const { changed, configured, used } = await ask("aqueduct/admin/budgets");
  const rows = [
    ...Object.entries(configured)
      .filter(([name]) =>
        ["user", "kernel", "agent", "everyone"].includes(name),
      )
      .map(([name, budget]) => [
        name === "everyone" ? name : `each ${name}`,
        said(budget),
      ]),
    ...Object.entries(configured.groups ?? {}).flatMap(
      ([name, { member, together }]) => [
        ...(member ? [[named("each member of ", name), said(member)]] : []),
        ...(together ? [[named("group:", name), said(together)]] : []),
      ],
    ),
    ...Object.entries(changed).map(([holder, budget]) => [
      named("", holder, " (changed)"),
      said(budget),
    ]),
    ...used.map(usedRow),
  ];
  fill("budgets", ["whose", "budget"], rows, "There are no budgets.");
}

async function showUpstreams() {
  const { data } = await ask("aqueduct/admin/upstreams");
  const rows = data.map(({ name, answers, error }) => [
    name,
    answers ? "answers" : error,
  ]);
  fill("upstreams", ["upstream", "state"], rows, "There are no upstreams.");
}

async function showAudit() {
  const { data } = await ask("aqueduct/admin/audit");
  const rows = data.map((line) => [
    new Date(line.time * 1000).toLocaleString(),
    line.actor,
    line.action,
    line.subject,
    line.detail,
  ]);
  fill(
    "audit",
    ["when", "who", "what", "whose", "how"],
    rows,
    "Nothing was changed.",
  );
}

async function changeBudget(options) {
  const holder = encodeURIComponent(element("holder").value.trim());
  await ask(`aqueduct/admin/budgets/${holder}`, options);
  await Promise.all([showBudgets(), showAudit()]);
}

function start() {
  document
    .querySelectorAll(isAdmin ? ".for-admins" : ".for-users")
    .forEach((shown) => (shown.hidden = false));
  element("filter").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(showUsage);
  });
  ["by", "own-by"].forEach((id) =>
    element(id).addEventListener("change", () => attempt(showUsage)),
  );
  element("change").addEventListener("submit", (event) => {
    event.preventDefault();
    attempt(() =>
      changeBudget({ method: "PUT", body: element("budget").value }),
    );
  });
  element("restore").addEventListener("click", () =>
    attempt(() => changeBudget({ method: "DELETE" })),
  );
  attempt(async () => {
    await Promise.all([showUsage(), showRunning(), showBudgets()]);
    if (isAdmin) {
      await Promise.all([showUpstreams(), showAudit()]);
    }
  });
  setInterval(() => {
    if (!document.hidden) {
      attempt(showRunning);
    }
  }, 1000 * LOOK_SECONDS);
}

start();
