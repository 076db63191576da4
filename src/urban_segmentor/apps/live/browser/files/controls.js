// The controls: they send what the viewer changes, and show the current state, whoever changed it.

const byId = (id) => document.getElementById(id);
const steps = new Set(["conf_steps", "next_filter"]); // these add up, others replace

/** Connects the controls; `post` sends wishes and returns the state after them. */
export function connect({ post, onState, onProblem }) {
  let waiting = {};
  let busy = false;
  let view = null;
  let names = "";

  async function wish(changes) {
    for (const [name, value] of Object.entries(changes)) {
      waiting[name] = steps.has(name) ? (waiting[name] ?? 0) + value : value;
    }
    if (busy) return;
    busy = true;
    try {
      while (Object.keys(waiting).length) {
        const sent = waiting;
        waiting = {};
        onState(await post(sent));
      }
    } catch (error) {
      waiting = {};
      onProblem(error);
    } finally {
      busy = false;
    }
    if (view) show(view);
  }

  function show(now) {
    view = now;
    if (busy) return; // what the viewer does at this moment counts
    byId("pause").firstElementChild.textContent = view.view.paused ? "Go on" : "Pause";
    byId("conf").value = view.view.conf;
    tellConf(view.view.conf);
    byId("masks").checked = view.view.masks_only;
    byId("figures").checked = view.view.figures;
    const chosen = view.view.classes;
    for (const box of boxes()) box.checked = chosen === null || chosen.includes(box.value);
    for (const button of byId("presets").children) {
      button.setAttribute("aria-pressed", same(view.presets[button.value], chosen));
    }
  }

  function tellConf(conf) {
    byId("conf-value").textContent = Number(conf).toFixed(2);
  }

  function build(state) {
    const key = JSON.stringify([state.class_names, state.presets]);
    if (key === names) return;
    names = key;
    byId("presets").replaceChildren(...Object.keys(state.presets).map((name) => {
      const button = document.createElement("button");
      button.type = "button";
      button.value = button.textContent = name;
      button.addEventListener("click", () => wish({ classes: state.presets[name] }));
      return button;
    }));
    byId("classes").replaceChildren(...state.class_names.map((name, number) => {
      const label = document.createElement("label");
      const box = document.createElement("input");
      box.type = "checkbox";
      box.value = name;
      box.addEventListener("change", choose);
      const swatch = document.createElement("i");
      swatch.hidden = !state.colors[number];
      swatch.style.background = state.colors[number] ?? "";
      label.append(box, swatch, name);
      return label;
    }));
  }

  const boxes = () => byId("classes").querySelectorAll("input");

  function choose() {
    const chosen = [...boxes()].filter((box) => box.checked).map((box) => box.value);
    wish({ classes: chosen.length === boxes().length ? null : chosen });
  }

  const toggle = (name) => view && wish({ [name]: !({ ...view.view, ...waiting })[name] });
  const act = {
    " ": () => toggle("paused"),
    m: () => toggle("masks_only"),
    h: () => toggle("figures"),
    c: () => wish({ next_filter: 1 }),
    s: () => byId("save").click(),
    "+": () => wish({ conf_steps: 1 }),
    "=": () => wish({ conf_steps: 1 }),
    "-": () => wish({ conf_steps: -1 }),
  };

  byId("pause").addEventListener("click", act[" "]);
  byId("masks").addEventListener("change", (event) => wish({ masks_only: event.target.checked }));
  byId("figures").addEventListener("change", (event) => wish({ figures: event.target.checked }));
  byId("conf-less").addEventListener("click", act["-"]);
  byId("conf-more").addEventListener("click", act["+"]);
  byId("conf").addEventListener("input", (event) => {
    tellConf(event.target.value);
    wish({ conf: Number(event.target.value) });
  });
  byId("save").addEventListener("click", (event) => {
    if (byId("save").getAttribute("aria-disabled") === "true") event.preventDefault();
  });
  byId("stop").addEventListener("click", () => byId("question").showModal());
  byId("question").addEventListener("close", () => {
    if (byId("question").returnValue === "stop") wish({ quit: true });
    byId("question").returnValue = "";
  });
  document.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || byId("question").open) return;
    const key = event.key.toLowerCase();
    // The space bar belongs to the button or the box that has the focus.
    if (!(key in act) || (key === " " && event.target.closest("button, input, a"))) return;
    event.preventDefault();
    if (!event.repeat || "+=-".includes(key)) act[key]();
  });

  return (state) => {
    build(state);
    byId("save").setAttribute("aria-disabled", !state.has_image);
    show(state);
  };
}

function same(some, others) {
  if (some === null || others === null) return some === others;
  return some.length === others.length && some.every((name) => others.includes(name));
}
