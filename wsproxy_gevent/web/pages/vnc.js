// The desktop page: noVNC's RFB on a WebSocket to the page's own host.
//
// In the address: ?path= (with a query of its own, relative to the page),
// ?token= (handed on), ?resize=scale|remote|off, ?view_only=1.

import { closeWords, socketUrl, whyNotOpen } from "./reach.js";
import { typeInto } from "./touch.js";

const options = new URLSearchParams(location.search);
const isViewOnly = ["1", "true"].includes(options.get("view_only"));
const element = (id) => document.getElementById(id);

let RFB = null;
let credentials = {};
let loginFault = "";

window.rfb = null;

// -- What is shown -------------------------------------------------------------

function show(mood, status) {
  element("bar").dataset.mood = mood;
  element("status").textContent = status;
}

function showConnected() {
  show("good", "connected");
  element("keyboard").disabled = element("ctrl-alt-del").disabled = isViewOnly;
}

function showDisconnected(words) {
  show("bad", `disconnected: ${words}`);
  element("keyboard").disabled = element("ctrl-alt-del").disabled = true;
  element("reconnect").hidden = false;
}

function showName(name) {
  element("name").textContent = name || "Desktop";
  document.title = name || "Desktop";
}

// -- The session ---------------------------------------------------------------

function address() {
  const url = socketUrl(options.get("path") || "");
  const token = options.get("token");
  if (token && !url.searchParams.has("token")) url.searchParams.set("token", token);
  return url;
}

async function connect() {
  element("reconnect").hidden = true;
  show("waiting", "connecting");
  try {
    RFB ??= (await import("./novnc/core/rfb.js")).default;
  } catch (error) {
    showDisconnected(`noVNC's scripts could not be loaded (${error.message})`);
    return;
  }
  try {
    new Session(address());
  } catch (error) {
    showDisconnected(error.message);
  }
}

class Session {
  constructor(url) {
    this.isOpen = this.isConnected = false;
    this.closed = this.refusal = null;
    this.socket = new WebSocket(url);
    // Before noVNC's own listeners, so that the code is known when it tells us.
    this.socket.addEventListener("open", () => (this.isOpen = true));
    this.socket.addEventListener("close", (event) => (this.closed = event));
    this.rfb = window.rfb = new RFB(element("screen"), this.socket, { credentials });
    this.fit(options.get("resize") || "scale");
    this.rfb.viewOnly = isViewOnly;
    this.listen();
  }

  fit(resize) {
    this.rfb.scaleViewport = resize === "scale";
    this.rfb.resizeSession = resize === "remote";
    this.rfb.background = "transparent";
  }

  listen() {
    const on = (name, listener) => this.rfb.addEventListener(name, listener);
    on("connect", () => this.connected());
    on("disconnect", (event) => this.disconnected(event.detail.clean));
    on("desktopname", (event) => showName(event.detail.name));
    on("credentialsrequired", (event) => this.logIn(event.detail.types));
    on("securityfailure", (event) => (this.refusal = event.detail));
    on("serververification", (event) => this.identify(event.detail));
  }

  connected() {
    this.isConnected = true;
    loginFault = "";
    showConnected();
    this.rfb.focus();
  }

  async disconnected(isClean) {
    element("login").close();
    element("identity").close();
    showDisconnected("looking for the reason");
    const words = await this.reason(isClean);
    if (window.rfb !== this.rfb) return;
    showDisconnected(words);
    if (this.refusal) element("reconnect").focus();
  }

  async reason(isClean) {
    if (this.cancelled) return "cancelled here";
    if (this.refusal) {
      credentials = {};
      loginFault = `the desktop refused the login (${this.refusal.reason || "it gives no reason"})`;
      return loginFault;
    }
    if (!this.isOpen) {
      const { words, advice } = await whyNotOpen(this.socket.url);
      return `${words}. ${advice}`;
    }
    if (this.closed) return closeWords(this.closed.code, this.closed.reason);
    if (!this.isConnected) return "the other end does not speak VNC as this page does";
    return isClean ? "the session has ended" : "the desktop sent something unexpected";
  }

  // -- Questions to the user ---------------------------------------------------

  logIn(types) {
    for (const label of document.querySelectorAll("#credentials [data-type]")) {
      label.hidden = !types.includes(label.dataset.type);
    }
    element("login-fault").textContent = `Last time ${loginFault}.`;
    element("login-fault").hidden = !loginFault;
    show("waiting", "connecting: the desktop wants a login");
    this.ask("login", () => {
      show("waiting", "connecting");
      credentials = Object.fromEntries(types.map((type) => [type, element(type).value]));
      element("password").value = "";
      this.rfb.sendCredentials(credentials);
    });
  }

  async identify({ publickey }) {
    const hash = new Uint8Array(await crypto.subtle.digest("SHA-256", publickey));
    const pairs = Array.from(hash, (byte) => byte.toString(16).padStart(2, "0"));
    element("fingerprint").textContent = pairs.join(":");
    this.ask("identity", () => this.rfb.approveServer());
  }

  /** Show a dialog; `answered` is called if it is not cancelled. */
  ask(id, answered) {
    const dialog = element(id);
    dialog.querySelector("form").onsubmit = answered;
    dialog.querySelector("[data-cancel]").onclick = () => this.cancel(dialog);
    dialog.oncancel = () => this.cancel(dialog);
    dialog.showModal();
    dialog.querySelector("label:not([hidden]) input")?.focus();
  }

  cancel(dialog) {
    dialog.close();
    this.cancelled = true;
    this.rfb.disconnect();
  }
}

// -- Buttons -------------------------------------------------------------------

element("reconnect").addEventListener("click", connect);
element("ctrl-alt-del").addEventListener("click", () => {
  window.rfb.sendCtrlAltDel();
  window.rfb.focus();
});
element("keyboard").addEventListener("click", () => element("touch").focus());
typeInto(element("touch"), (keysym) => window.rfb?.sendKey(keysym, null));

element("full-screen").hidden = !document.fullscreenEnabled;
element("full-screen").addEventListener("click", async () => {
  if (document.fullscreenElement) await document.exitFullscreen();
  else await document.documentElement.requestFullscreen({ navigationUI: "hide" });
  window.rfb?.focus();
});
document.addEventListener("fullscreenchange", () => {
  const label = document.fullscreenElement ? "Leave full screen" : "Full screen";
  element("full-screen").textContent = label;
});

connect();
