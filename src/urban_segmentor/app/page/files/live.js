// Sends the newest frame of the visitor's camera whenever an answer has come, and draws answers.
const $ = (selector) => element.querySelector(selector);
const canvas = $("canvas"), start = $(".start"), told = $(".told"), figures = $(".figures");
const screen2d = canvas.getContext("2d"), video = document.createElement("video");
const grabbed = document.createElement("canvas");
const IN_FLIGHT = 2, WINDOW_MS = 1000, SAY_MS = 2000;
let stream = null, flying = 0, sent = 0, drawn = 0, waitUntil = 0, lastTime = -1, said = 0, run = 0;
let answers = [];
video.muted = true;
video.playsInline = true;

const idle = told.textContent;
const median = (values) => [...values].sort((a, b) => a - b)[Math.floor(values.length / 2)];
const isSeen = () => element.offsetParent !== null && document.visibilityState === "visible";

const refusals = {
  NotAllowedError: "The browser does not let this page use the camera. Allow it beside the address, then start again.",
  NotFoundError: "There is no camera here. Plug one in, then start again.",
  NotReadableError: "Another program uses the camera. Close it, then start again.",
  OverconstrainedError: "The camera has no such size. Choose another one.",
};

function server(header) {
  return (header || "").split(",").reduce((sum, part) => sum + (parseFloat(part.split("dur=")[1]) || 0), 0);
}

function count(answer) {
  const now = performance.now();
  answers.push({ ...answer, at: now });
  answers = answers.filter((one) => now - one.at < WINDOW_MS);
  const total = median(answers.map((one) => one.total)), inside = median(answers.map((one) => one.server));
  figures.textContent = `${answers.length} fps · ${Math.round(total)} ms from camera to picture (server ${Math.round(inside)}, network and browser ${Math.round(total - inside)})`;
  if (now - said > SAY_MS) {
    said = now;
    canvas.setAttribute("aria-label", `Your camera, segmented: ${answer.seen || "nothing found"}`);
  }
}

async function send(mine) {
  const number = ++sent, since = performance.now(), height = Math.min(video.videoHeight, Number($(".size").value));
  flying += 1;
  try {
    grabbed.height = height;
    grabbed.width = Math.round((video.videoWidth * height) / video.videoHeight);
    grabbed.getContext("2d").drawImage(video, 0, 0, grabbed.width, grabbed.height);
    const frame = await new Promise((done) => grabbed.toBlob(done, "image/jpeg", 0.8));
    const reply = await fetch(`live?${props.value || ""}`, { method: "POST", body: frame, headers: { "Content-Type": "image/jpeg" } });
    if (mine !== run) return;
    if (!reply.ok) {
      const problem = await reply.json().catch(() => ({ error: `the server answered ${reply.status}` }));
      waitUntil = performance.now() + (reply.status === 503 ? 300 : 1000);
      told.textContent = `${problem.error}. ${problem.hint || ""}`;
      return;
    }
    const picture = await createImageBitmap(await reply.blob());
    if (mine !== run || number < drawn) return picture.close();
    drawn = number;
    canvas.width = picture.width;
    canvas.height = picture.height;
    screen2d.drawImage(picture, 0, 0);
    picture.close();
    told.textContent = "";
    count({ total: performance.now() - since, server: server(reply.headers.get("Server-Timing")), seen: reply.headers.get("X-Seen") });
  } catch {
    waitUntil = performance.now() + 1000;
    if (mine === run) told.textContent = "The server does not answer; it is tried again.";
  } finally {
    flying -= 1;
  }
}

function tick() {
  if (!stream) return;
  const isNew = video.currentTime !== lastTime;
  if (isSeen() && isNew && video.videoWidth && flying < IN_FLIGHT && performance.now() >= waitUntil) {
    lastTime = video.currentTime;
    send(run);
  }
  requestAnimationFrame(tick);
}

async function cameras() {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.kind === "videoinput");
  const select = $(".camera"), chosen = stream.getVideoTracks()[0].getSettings().deviceId;
  $(".which").hidden = found.length < 2;
  select.replaceChildren(...found.map((one, i) => new Option(one.label || `camera ${i + 1}`, one.deviceId, false, one.deviceId === chosen)));
}

function stop(words) {
  run += 1;
  if (stream) stream.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
  answers = [];
  start.textContent = "Start the camera";
  start.setAttribute("aria-pressed", "false");
  $(".place").hidden = true;
  figures.textContent = "";
  told.textContent = words;
}

async function begin() {
  if (!navigator.mediaDevices) return stop("Browsers give cameras only to pages on https or on this computer itself.");
  const height = Number($(".size").value), device = $(".camera").value;
  const wish = { height: { ideal: height }, width: { ideal: height === 480 ? 640 : 1280 } };
  if (device) wish.deviceId = { ideal: device };
  run += 1;
  const mine = run;
  told.textContent = "The camera is being opened ...";
  try {
    const opened = await navigator.mediaDevices.getUserMedia({ video: wish, audio: false });
    if (mine !== run) return opened.getTracks().forEach((track) => track.stop());
    stream = opened;
    stream.getVideoTracks()[0].addEventListener("ended", () => stop("The camera has gone."));
    video.srcObject = stream;
    await video.play();
    await cameras();
  } catch (error) {
    return mine === run && stop(refusals[error.name] || `The camera cannot be opened: ${error.message}`);
  }
  sent = drawn = waitUntil = 0;
  start.textContent = "Stop the camera";
  start.setAttribute("aria-pressed", "true");
  $(".place").hidden = false;
  tick();
}

async function again() {
  if (!stream) return;
  stop("");
  await begin();
}

start.addEventListener("click", () => (stream ? stop(idle) : begin()));
$(".camera").addEventListener("change", again);
$(".size").addEventListener("change", again);
$(".mirror").addEventListener("change", () => canvas.classList.toggle("mirrored", $(".mirror").checked));
