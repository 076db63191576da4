// The picture, its figures, and what is to be said about them.

import { connect } from "./controls.js";

const pollMs = 400;
const patienceMs = 4000;
const silentS = 3; // a program that says nothing for so long may hang
const streamGraceMs = 1500; // after which a stream that has sent nothing is asked for anew

const byId = (id) => document.getElementById(id);
const me = [...crypto.getRandomValues(new Uint8Array(12))]
  .map((byte) => byte.toString(16).padStart(2, "0")).join("");
let asked = 0; // how often the stream was asked for
let askedAt = 0;
let newest = 0; // number of the newest request whose answer is shown
let requests = 0;
let message = 0;
let toastTimer = 0;
let pollTimer = 0;
let spoken = "";
let stopped = false;

class Problem extends Error {}

async function ask(path, options = {}) {
  const number = ++requests;
  const response = await fetch(`${path}?viewer=${me}`, {
    ...options, signal: AbortSignal.timeout(patienceMs),
  });
  if (response.status === 401) location.reload();
  const answer = await response.json();
  if (!response.ok) throw new Problem(answer.error);
  return { number, answer };
}

async function post(wishes) {
  const { number, answer } = await ask("/control", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(wishes),
  });
  if (wishes.quit) stopped = true;
  return { number, answer };
}

async function poll() {
  clearTimeout(pollTimer);
  try {
    show(await ask("/state.json"));
  } catch (error) {
    tell(stopped ? ["gone", "stopped", "The program was stopped."]
      : ["gone", "not reached", "The program has ended or cannot be reached; trying again …"]);
    for (const id of ["fps", "latency", "dropped", "mine", "viewers"]) byId(id).textContent = "–";
    showCosts({});
    asked = 0;
  }
  if (!document.hidden) pollTimer = setTimeout(poll, pollMs);
}

/** Shows an answer, unless one that was asked for later is shown already. */
function show({ number, answer: state }) {
  if (number < newest) return;
  newest = number;
  follow(state);
  watch(state);
  tell(describe(state));
  byId("picture").hidden = !state.viewer?.sent && byId("picture").hidden;
  byId("empty").hidden = !byId("picture").hidden;
  byId("fps").textContent = state.fps === null ? "–" : state.fps.toFixed(1);
  byId("latency").textContent = state.latency_ms === null ? "–" : `${state.latency_ms.toFixed(0)} ms`;
  byId("dropped").textContent = state.dropped.toLocaleString("en");
  byId("mine").textContent = state.viewer ? `${state.viewer.fps.toFixed(0)} / s` : "–";
  byId("viewers").textContent = `${state.viewers} of ${state.max_viewers}`;
  showCosts(state.stages_ms);
  if (state.message && state.message.number !== message) {
    message = state.message.number;
    toast(state.message.text);
  }
}

/** Asks for the stream when this page has none: at first, and after it broke. */
function watch(state) {
  const now = performance.now();
  if (document.hidden || stopped || (state.viewer && asked) || (asked && now < askedAt + streamGraceMs)) return;
  asked += 1;
  askedAt = now;
  byId("picture").src = `/stream.mjpg?viewer=${me}&at=${Date.now()}`;
}

/** Returns the kind of a state, a word for it, and a sentence over the picture or none. */
function describe(state) {
  if (state.silent_s > silentS) {
    return ["gone", "not answering", "The program does not answer; this picture is old."];
  }
  if (state.state === "paused") return ["paused", "paused", "Paused"];
  if (!state.is_live) {
    const [word] = state.state.split(":");
    return [word === "lost" ? "lost" : "wait", word, state.has_image ? state.state : ""];
  }
  if (state.viewer?.sent) return ["live", "live", ""];
  if (!state.viewer && state.viewers >= state.max_viewers) {
    return ["wait", "full", `${state.max_viewers} viewers are here already, no more fit in; trying again …`];
  }
  return ["wait", "connecting", ""];
}

function tell([kind, word, sentence]) {
  byId("stage").dataset.kind = byId("pill").dataset.kind = kind;
  byId("pill").textContent = word;
  byId("banner").textContent = sentence;
  byId("banner").hidden = !sentence;
  if (!byId("empty").hidden) byId("empty").textContent = sentence ? "" : "Waiting for the first picture";
  if (spoken !== word) byId("spoken").textContent = spoken = word; // not each second of a countdown
}

function showCosts(stages) {
  const entries = Object.entries(stages);
  const most = Math.max(...entries.map(([, cost]) => cost), 1);
  const list = byId("costs");
  byId("costs-part").hidden = !entries.length;
  while (list.children.length > entries.length) list.lastChild.remove();
  entries.forEach(([name, cost], place) => {
    if (!list.children[place]) {
      const row = document.createElement("li");
      const bar = document.createElement("span");
      bar.className = "bar";
      bar.append(document.createElement("i"));
      row.append(document.createElement("span"), bar, document.createElement("span"));
      list.append(row);
    }
    const [label, bar, text] = list.children[place].children;
    label.textContent = name;
    bar.firstChild.style.width = `${(100 * cost) / most}%`;
    text.textContent = `${cost.toFixed(1)} ms`;
  });
}

function toast(text) {
  clearTimeout(toastTimer);
  byId("toast").textContent = text;
  byId("toast").hidden = false;
  toastTimer = setTimeout(() => { byId("toast").hidden = true; }, 6000);
}

const follow = connect({
  post,
  onState: show,
  onProblem: (error) => toast(
    error instanceof Problem ? `This was refused: ${error.message}.` : "The program cannot be reached.",
  ),
});

// Nobody sees a hidden page, so nothing is encoded for it.
document.addEventListener("visibilitychange", () => {
  if (document.hidden) {
    asked = 0;
    byId("picture").removeAttribute("src");
    clearTimeout(pollTimer);
  } else {
    poll();
  }
});
poll();
