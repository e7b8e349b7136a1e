// The echo page: one WebSocket, what was sent on it, and what came of it.

import { closeWords, socketUrl, whyNotOpen } from "./reach.js";

const OPENING_MILLISECONDS = 15000;
const ECHO_MILLISECONDS = 5000;
const MOST_LOGGED = 200;

const element = (id) => document.getElementById(id);
const STAGES = ["server", "handshake", "open", "echo"];

let socket = null;
let unanswered = [];
let echoTimer = 0;

// -- What is shown -------------------------------------------------------------

function show(mood, state, advice = "") {
  element("connection").dataset.mood = mood;
  element("state").textContent = state;
  element("advice").textContent = advice;
  element("advice").hidden = !advice;
}

/** Mark the stages before `stage` as done, and itself as `mark` says. */
function reach(stage, mark) {
  const index = STAGES.indexOf(stage);
  STAGES.forEach((name, place) => {
    const marks = { [-1]: "done", 0: mark, 1: "" };
    element(`stage-${name}`).dataset.stage = marks[Math.sign(place - index)];
  });
}

function log(kind, text, took = "") {
  const entry = document.createElement("li");
  const time = new Date().toTimeString().slice(0, 8);
  for (const [name, content] of Object.entries({ time, kind, text, took })) {
    const part = document.createElement(name === "time" ? "time" : "span");
    part.className = name;
    part.textContent = content;
    entry.append(part);
  }
  const list = element("log");
  list.prepend(entry);
  while (list.children.length > MOST_LOGGED) list.lastChild.remove();
}

const inMilliseconds = (duration) => `${duration.toFixed(duration < 10 ? 2 : 1)} ms`;

// -- The connection ------------------------------------------------------------

function connect() {
  const url = socketUrl();
  element("address").textContent = url.href;
  element("connect").hidden = true;
  show("waiting", "connecting");
  reach("server", "");
  socket = new WebSocket(url);
  socket.binaryType = "arraybuffer";
  const timer = setTimeout(() => socket.close(), OPENING_MILLISECONDS);
  let opened = false;
  socket.addEventListener("open", () => {
    opened = true;
    clearTimeout(timer);
    greet();
  });
  socket.addEventListener("message", (event) => receive(event.data));
  socket.addEventListener("close", (event) => {
    clearTimeout(timer);
    end();
    (opened ? tellClosed : tellNotOpened)(event);
  });
}

function greet() {
  show("good", "connected");
  reach("open", "done");
  element("send").disabled = false;
  element("message").focus();
}

function end() {
  clearTimeout(echoTimer);
  unanswered = [];
  element("send").disabled = true;
  element("connect").hidden = false;
}

async function tellNotOpened({ target }) {
  show("waiting", "no connection: looking for the reason");
  const { stage, words, advice } = await whyNotOpen(target.url);
  if (target !== socket) return;
  reach(stage, "failed");
  show("bad", `failed: ${words}`, advice);
  log("!", `The WebSocket did not open: ${words}.`);
}

async function tellClosed({ target, code, reason }) {
  const words = closeWords(code, reason);
  reach("open", "failed");
  show(code === 1000 ? "" : "bad", `closed: ${words}`);
  log("!", `The connection opened and was then closed: ${words}.`);
  if (code !== 1006) return;
  const { stage, words: found } = await whyNotOpen(target.url);
  if (stage === "server" && target === socket) {
    show("bad", `closed: ${words}`, `The connection was open and broke off; now ${found}.`);
  }
}

// -- Messages ------------------------------------------------------------------

function send(text) {
  socket.send(text);
  unanswered.push(performance.now());
  log("→", text);
  expectEcho();
}

function receive(data) {
  const now = performance.now();
  const text = typeof data === "string" ? data : `${data.byteLength} bytes`;
  const sent = unanswered.shift();
  const took = sent === undefined ? "" : inMilliseconds(now - sent);
  log("←", text, took);
  if (sent === undefined) return;
  element("round-trip").textContent = took;
  reach("echo", "done");
  show("good", "connected");
  expectEcho();
}

function expectEcho() {
  clearTimeout(echoTimer);
  if (unanswered.length) echoTimer = setTimeout(tellSilence, ECHO_MILLISECONDS);
}

function tellSilence() {
  reach("echo", "failed");
  show(
    "waiting",
    "connected",
    `The message was sent, but no answer came within ${ECHO_MILLISECONDS / 1000} seconds. ` +
      "The connection is open; what is behind it may not be an echo.",
  );
}

element("form").addEventListener("submit", (event) => {
  event.preventDefault();
  const field = element("message");
  if (field.value && socket.readyState === WebSocket.OPEN) {
    send(field.value);
    field.value = "";
  }
  field.focus();
});
element("connect").addEventListener("click", connect);

connect();
