// Sends the newest picture of the visitor's camera whenever an answer has come, and draws answers.
// props.value is the end of a link with the choices.
const $ = (selector) => element.querySelector(selector);
const start = $(".start"), camera = $(".camera"), size = $(".size"), mirror = $(".mirror");
const place = $(".place"), video = $("video"), canvas = $("canvas"), told = $(".told"), figures = $(".figures");
const taken = document.createElement("canvas");
const pen = taken.getContext("2d", { alpha: false }), screen2d = canvas.getContext("2d", { alpha: false });
// While one picture is at work on the server, the next is on its way there.
const IN_FLIGHT = 2, LATE_MS = 10_000;
const WINDOW_MS = 2000, FIGURES_MS = 500, OLD_MS = 1000;
const BUSY_MS = 300, TROUBLE_MS = 1000;
const IDLE = told.textContent;

const refusals = {
  NotAllowedError: "The browser does not let this page use the camera: allow it beside the address, then start again.",
  NotFoundError: "There is no camera here: plug one in, then start again.",
  NotReadableError: "Another program uses the camera: close it, then start again.",
  OverconstrainedError: "That camera is gone: start again with another one.",
};

let stream = null, opening = false, turn = 0, loop = 0, pictures = 0;
const flights = new Set();
let sent, drawn, takenAt, answers, waitUntil, lastDrawn, trouble, lastFigures;

const median = (values) => [...values].sort((a, b) => a - b)[values.length >> 1];
const spent = (header) => (header || "").split(",").reduce((sum, part) => sum + (parseFloat(part.split("dur=")[1]) || 0), 0);

// Readers of the screen hear what changes here, so nothing is written twice.
function say(words, kind = "") {
  if (told.textContent === words) return;
  told.textContent = words;
  told.className = `told ${kind}`;
}

// What changes with every picture of the camera. Its clock also runs on without one.
const newest = () => (video.requestVideoFrameCallback ? pictures : video.currentTime);

function watch() {
  pictures += 1;
  video.requestVideoFrameCallback?.(watch);
}

function take() {
  const { videoWidth, videoHeight } = video;
  const scale = Math.min(1, Number(size.value) / Math.max(videoWidth, videoHeight));
  const width = Math.round(videoWidth * scale), height = Math.round(videoHeight * scale);
  if (taken.width !== width) taken.width = width;
  if (taken.height !== height) taken.height = height;
  // The picture is turned here and not on the screen, where words would be turned, too.
  pen.setTransform(mirror.checked ? -1 : 1, 0, 0, 1, mirror.checked ? width : 0, 0);
  pen.drawImage(video, 0, 0, width, height);
  return new Promise((done) => taken.toBlob(done, "image/jpeg", 0.8));
}

async function send() {
  const flight = new AbortController(), number = ++sent, since = performance.now();
  const late = setTimeout(() => flight.abort(), LATE_MS);
  flights.add(flight);
  takenAt = newest();
  try {
    const body = await take();
    if (!flights.has(flight)) return;
    const reply = await fetch(`live?${props.value || ""}`, { method: "POST", body, headers: { "Content-Type": "image/jpeg" }, signal: flight.signal });
    if (!reply.ok) return await refused(reply, flight);
    const picture = await createImageBitmap(await reply.blob());
    if (flights.has(flight) && number > drawn) {
      drawn = number;
      draw(picture);
      count(reply.headers, performance.now() - since);
    }
    picture.close();
  } catch {
    if (flights.has(flight)) wait(TROUBLE_MS, "The server does not answer; it is tried again.");
  } finally {
    clearTimeout(late);
    if (flights.delete(flight)) pump();
  }
}

async function refused(reply, flight) {
  const { error, hint } = await reply.json().catch(() => ({ error: `the server answers ${reply.status}` }));
  if (!flights.has(flight)) return;
  if (reply.status === 503) wait(BUSY_MS, "The server is busy; it is tried again.");
  else wait(TROUBLE_MS, `The server says: ${error}${hint ? ` (${hint})` : ""}.`);
}

function wait(pause_ms, words) {
  waitUntil = performance.now() + pause_ms;
  trouble = words;
}

function draw(picture) {
  if (canvas.width !== picture.width) canvas.width = picture.width;
  if (canvas.height !== picture.height) canvas.height = picture.height;
  screen2d.drawImage(picture, 0, 0);
  canvas.hidden = false;
  video.hidden = true;
  lastDrawn = performance.now();
  trouble = "";
}

function count(headers, total) {
  answers.push({ at: lastDrawn, total, server: spent(headers.get("Server-Timing")) });
  answers = answers.filter((one) => lastDrawn - one.at < WINDOW_MS);
  if (lastDrawn - lastFigures < FIGURES_MS || lastDrawn - answers[0].at < FIGURES_MS) return;
  lastFigures = lastDrawn;
  const fps = (1000 * (answers.length - 1)) / (lastDrawn - answers[0].at);
  const whole = Math.round(median(answers.map((one) => one.total)));
  const inside = Math.round(median(answers.map((one) => one.server)));
  figures.textContent = `${fps.toFixed(fps < 10 ? 1 : 0)} fps · ${whole} ms from camera to screen (server ${inside} ms, network and browser ${whole - inside} ms)`;
  canvas.setAttribute("aria-label", `Your camera, segmented: ${headers.get("X-Seen") || "nothing found"}`);
}

// Says what is wrong when the picture on the screen is old.
function check() {
  const isOld = performance.now() - lastDrawn > OLD_MS;
  place.classList.toggle("old", isOld);
  if (!isOld) return say("");
  figures.textContent = "";
  answers = [];
  say(trouble || (flights.size ? "Waiting for the server ..." : "The camera sends no pictures."));
}

function pump() {
  if (!stream || !video.videoWidth || newest() === takenAt) return;
  if (flights.size < IN_FLIGHT && performance.now() >= waitUntil) send();
}

function tick() {
  pump();
  check();
  loop = requestAnimationFrame(tick);
}

async function list() {
  const found = (await navigator.mediaDevices.enumerateDevices()).filter((one) => one.kind === "videoinput");
  const chosen = stream?.getVideoTracks()[0].getSettings().deviceId;
  $(".which").hidden = found.length < 2;
  camera.replaceChildren(...found.map((one, i) => new Option(one.label || `camera ${i + 1}`, one.deviceId, false, one.deviceId === chosen)));
}

function release() {
  turn += 1;
  opening = false;
  cancelAnimationFrame(loop);
  stream?.getTracks().forEach((track) => track.stop());
  stream = video.srcObject = null;
  flights.forEach((flight) => flight.abort());
  flights.clear();
}

function stop(words, kind = "idle") {
  release();
  start.textContent = "Start the camera";
  start.classList.remove("running");
  start.removeAttribute("aria-busy");
  place.hidden = true;
  figures.textContent = "";
  say(words, kind);
}

function wish() {
  const side = Number(size.value);
  // Phones have one camera for the face, and one for the street.
  const which = camera.value ? { deviceId: { exact: camera.value } } : { facingMode: "environment" };
  return { video: { ...which, width: { ideal: side }, height: { ideal: side === 640 ? 480 : 720 } }, audio: false };
}

async function begin() {
  if (!navigator.mediaDevices) {
    return stop("Browsers give a camera only to pages on https, or on this computer itself (http://localhost).", "problem");
  }
  release();
  const mine = turn;
  opening = true;
  start.setAttribute("aria-busy", "true");
  say("The camera is being opened ...", "idle");
  try {
    const opened = await navigator.mediaDevices.getUserMedia(wish());
    if (mine !== turn) return opened.getTracks().forEach((track) => track.stop());
    stream = video.srcObject = opened;
    opened.getVideoTracks()[0].addEventListener("ended", () => stop("The camera is gone: plug it in or allow it, then start again.", "problem"));
    await video.play();
    await list();
  } catch (error) {
    if (mine !== turn) return;
    if (error.name === "OverconstrainedError") camera.replaceChildren();
    return stop(refusals[error.name] || `The camera cannot be opened: ${error.message}`, "problem");
  }
  if (mine === turn) run();
}

function run() {
  opening = false;
  sent = drawn = waitUntil = lastFigures = 0;
  takenAt = -1;
  answers = [];
  trouble = "";
  lastDrawn = performance.now();
  start.removeAttribute("aria-busy");
  start.textContent = "Stop the camera";
  start.classList.add("running");
  place.hidden = video.hidden = false;
  canvas.hidden = true;
  say("");
  tick();
}

function again() {
  if (stream) begin();
}

start.addEventListener("click", () => (stream ? stop(IDLE) : opening || begin()));
camera.addEventListener("change", again);
size.addEventListener("change", again);
mirror.addEventListener("change", () => place.classList.toggle("mirrored", mirror.checked));

const LEFT = "The camera was stopped when you left; start it again.";
new ResizeObserver(() => (stream || opening) && !element.offsetParent && stop(LEFT)).observe(element);
document.addEventListener("visibilitychange", () => stream && document.hidden && stop(LEFT));
addEventListener("pagehide", () => stop(LEFT));
watch();
