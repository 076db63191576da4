// Draws props.value: how far the work on a video is, and the result at the end.
const $ = (selector) => element.querySelector(selector);
let shown = "";

function time(seconds) {
  const whole = Math.max(0, Math.round(seconds));
  return whole < 60 ? `${whole} s` : `${Math.floor(whole / 60)} min ${whole % 60} s`;
}

function working(value) {
  if (!value.frames) return "The first frames are on their way ...";
  const of = value.total ? ` of about ${value.total}` : "";
  const left = value.left_s === null ? "" : `, about ${time(value.left_s)} left`;
  return `${value.frames}${of} frames, ${value.fps.toFixed(1)} a second${left}`;
}

function rows(value) {
  $("tbody").replaceChildren(...value.totals.map((cells) => {
    const row = document.createElement("tr");
    cells.forEach((text, i) => {
      const cell = document.createElement(i ? "td" : "th");
      if (!i) cell.scope = "row";
      cell.textContent = text;
      row.append(cell);
    });
    return row;
  }));
}

function done(value) {
  if (shown === value.video) return;
  shown = value.video;
  const video = $("video");
  video.src = value.video;
  video.setAttribute("aria-label", `${value.title} with outlines`);
  rows(value);
  $(".files").replaceChildren(...Object.entries(value.files).map(([kind, url]) => {
    const link = document.createElement("a");
    link.href = `${url}?save=1`;
    link.download = url.split("/").pop();
    link.textContent = `Download ${kind}`;
    return link;
  }));
}

function show() {
  const value = props.value && typeof props.value === "object" ? props.value : { state: "none" };
  const isWorking = value.state === "working";
  element.dataset.state = value.state;
  $(".progress").hidden = !isWorking;
  $(".done").hidden = value.state !== "done";
  if (value.state !== "done") {
    shown = "";
    $("video").removeAttribute("src");
    $("video").load();
  }
  const note = value.note ? ` ${value.note}` : "";
  const said = {
    none: "Choose a video and press the button, or try an example.",
    working: isWorking ? working(value) : "",
    cancelled: `Cancelled after ${value.frames} frames; nothing of it was kept.`,
    failed: note,
    done: `Done: ${value.frames} frames, ${value.fps} a second.${note}`,
  };
  $(".note").textContent = said[value.state];
  if (isWorking) {
    const bar = $("progress");
    if (value.total) bar.value = Math.min(1, value.frames / value.total);
    else bar.removeAttribute("value");
    $(".preview").hidden = !value.preview;
    if (value.preview) $(".preview").src = value.preview;
  }
  if (value.state === "done") done(value);
}

watch("value", show);
show();
