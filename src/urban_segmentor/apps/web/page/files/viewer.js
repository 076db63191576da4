// Draws props.value: the answer for one picture, or what is wrong with it.
const $ = (selector) => element.querySelector(selector);
const stage = $(".stage"), range = $(".divider input"), handle = $(".handle");
const percent = (share) => `${(100 * share).toFixed(share < 0.1 ? 1 : 0)} %`;
let answer = null, ids = null, turn = 0;

function words(one) {
  return `${one.name}, score ${one.score.toFixed(2)}, ${percent(one.share)} of the picture`;
}

function cut(value) {
  range.value = value;
  stage.style.setProperty("--cut", `${value}%`);
}

function name(number, at) {
  const one = number > 0 && answer ? answer.instances[number - 1] : null;
  const mark = $(".mark"), tip = $(".tip");
  mark.hidden = tip.hidden = !one;
  stage.style.cursor = one ? "pointer" : "";
  if (!one) return;
  const [x1, y1, x2, y2] = one.box;
  Object.assign(mark.style, {
    left: `${100 * x1}%`, top: `${100 * y1}%`, width: `${100 * (x2 - x1)}%`, height: `${100 * (y2 - y1)}%`,
  });
  tip.textContent = words(one);
  const box = stage.getBoundingClientRect();
  const x = at ? at.x : ((x1 + x2) / 2) * box.width, y = at ? at.y : y1 * box.height;
  tip.style.left = `${Math.max(0, Math.min(x + 12, box.width - tip.offsetWidth - 4))}px`;
  tip.style.top = `${y > 48 ? y - 40 : y + 16}px`;
}

function numberAt(event) {
  if (!ids) return 0;
  const box = stage.getBoundingClientRect();
  const x = Math.floor(((event.clientX - box.left) / box.width) * ids.width);
  const y = Math.floor(((event.clientY - box.top) / box.height) * ids.height);
  if (x < 0 || y < 0 || x >= ids.width || y >= ids.height) return 0;
  const at = 4 * (y * ids.width + x);
  return ids.data[at] + 256 * ids.data[at + 1];
}

function point(event, says) {
  const box = stage.getBoundingClientRect();
  const number = numberAt(event);
  name(number, { x: event.clientX - box.left, y: event.clientY - box.top });
  if (says) $(".named").textContent = number ? words(answer.instances[number - 1]) : "Nothing was found here.";
}

async function readMap(url, mine) {
  ids = null;
  // Numbers, not colors: the browser must not convert them.
  const options = { colorSpaceConversion: "none", premultiplyAlpha: "none" };
  const picture = await createImageBitmap(await (await fetch(url)).blob(), options);
  const canvas = document.createElement("canvas");
  canvas.width = picture.width;
  canvas.height = picture.height;
  const context = canvas.getContext("2d", { willReadFrequently: true });
  context.drawImage(picture, 0, 0);
  if (mine === turn) ids = context.getImageData(0, 0, picture.width, picture.height);
}

function cells(row, values, heading) {
  values.forEach((value, i) => {
    const cell = document.createElement(i === 0 && heading ? "th" : "td");
    if (i === 0 && heading) cell.scope = "row";
    cell.textContent = value;
    row.append(cell);
  });
  return row;
}

function table() {
  const rows = answer.classes.map((row) =>
    cells(document.createElement("tr"), [row.name, row.count, row.score.toFixed(2), percent(row.share)], true));
  if (!rows.length) rows.push(cells(document.createElement("tr"), ["nothing", 0, "", ""], true));
  $("tbody").replaceChildren(...rows);
  $(".all").textContent = answer.instances.length;
}

function objects() {
  $(".objects summary").textContent = `Every object (${answer.instances.length})`;
  $(".objects ol").replaceChildren(...answer.instances.map((one, i) => {
    const item = document.createElement("li"), button = document.createElement("button");
    button.type = "button";
    button.textContent = `${one.name} ${one.score.toFixed(2)}`;
    button.addEventListener("focus", () => name(i + 1));
    button.addEventListener("click", () => {
      name(i + 1);
      $(".named").textContent = words(one);
    });
    item.append(button);
    return item;
  }));
}

function files() {
  $(".files").replaceChildren(...Object.entries(answer.files).map(([kind, url]) => {
    const link = document.createElement("a");
    link.href = url;
    link.download = url.split("/").pop();
    link.textContent = `Download ${kind}`;
    return link;
  }));
}

function show() {
  const value = props.value && typeof props.value === "object" ? props.value : null;
  const mine = ++turn;
  const wrong = value && value.problem;
  $(".empty").hidden = Boolean(value);
  $(".problem").hidden = !wrong;
  $(".problem").textContent = wrong ? [value.problem, value.hint].filter(Boolean).join(". ") : "";
  $(".answer").hidden = !value || Boolean(wrong);
  name(0);
  answer = value && !wrong ? value : null;
  if (!answer) return;
  const found = answer.classes.map((row) => `${row.count} ${row.name}`).join(", ") || "nothing";
  const before = $(".before"), after = $(".after");
  const [width, height] = answer.size;
  stage.style.aspectRatio = `${width} / ${height}`;
  before.src = answer.before;
  before.alt = `${answer.title}, as it came`;
  after.src = answer.after;
  after.alt = `${answer.title} with outlines of ${found}`;
  $("figcaption").textContent = `${answer.title}, ${width} x ${height} pixels, ${answer.ms} ms on the server. Point at an object, or click it, to see what it is.`;
  $(".named").textContent = "";
  element.dataset.title = answer.title;
  table();
  objects();
  files();
  readMap(answer.ids, mine).catch(() => {});
}

range.addEventListener("input", () => cut(range.value));
handle.addEventListener("pointerdown", (event) => {
  handle.setPointerCapture(event.pointerId);
  event.preventDefault();
});
handle.addEventListener("pointermove", (event) => {
  if (!handle.hasPointerCapture(event.pointerId)) return;
  const box = stage.getBoundingClientRect();
  cut(Math.round(Math.max(0, Math.min(100, (100 * (event.clientX - box.left)) / box.width))));
});
stage.addEventListener("pointermove", (event) => point(event, false));
stage.addEventListener("pointerleave", () => name(0));
stage.addEventListener("click", (event) => point(event, true));
cut(30);
watch("value", show);
show();
