// Where a page's WebSocket goes, and in which words its failures are told.

const CLOSE_WORDS = {
  1000: "the other end is done",
  1001: "the server is stopping, or going away",
  1002: "the server was sent something that the protocol does not allow",
  1003: "the server was sent a kind of data that it does not take",
  1005: "the server gave no reason",
  1006: "the connection was lost without a farewell",
  1007: "the server was sent data that is not what its type says",
  1008: "the server's rules do not allow this session",
  1009: "a message was too big for the server",
  1011: "the server could not go on",
  1012: "the server restarts",
  1013: "the server is too busy",
  1014: "the server could not reach its target",
};

// HTTP statuses by what they mean for a handshake on the same address.
const HTTP_WORDS = {
  400: "the request was malformed on its way here",
  401: "a login is wanted first",
  403: "access is refused",
  404: "nothing is served at this path",
  421: "the server does not go by this host name",
  429: "there were too many attempts",
  502: "a proxy in front of the server cannot reach it",
  503: "the server is too busy",
  504: "a proxy in front of the server got no answer from it",
};

const PROBE_MILLISECONDS = 5000;

/** The WebSocket address of a path, relative to the page and on its own host only. */
export function socketUrl(path = "") {
  const url = new URL(path || ".", location.href);
  if (url.host !== location.host) throw new Error(`path leads to another host: ${url.host}`);
  url.protocol = location.protocol === "https:" ? "wss:" : "ws:";
  url.hash = "";
  return url;
}

/** A close code and its reason, in words. */
export function closeWords(code, reason) {
  const words = reason || CLOSE_WORDS[code] || "the connection ended";
  return `${words} (code ${code})`;
}

/**
 * Why a WebSocket did not open.  Browsers tell pages nothing of that, so the
 * same address is asked by plain HTTP, whose answer may be read.
 *
 * Returns {stage, words, advice}; stage is "server" if nothing answers at
 * all, "handshake" if only the WebSocket was refused.
 */
export async function whyNotOpen(socket) {
  const url = new URL(socket);
  url.protocol = url.protocol === "wss:" ? "https:" : "http:";
  let answer;
  try {
    answer = await fetch(url, {
      cache: "no-store",
      redirect: "manual",
      signal: AbortSignal.timeout(PROBE_MILLISECONDS),
    });
  } catch (error) {
    return unreachable(url, error);
  }
  return refusal(answer, await refusalText(answer));
}

function unreachable(url, error) {
  const silent = error.name === "TimeoutError";
  const words = silent ? `${url.host} does not answer` : `${url.host} cannot be reached`;
  const advice = navigator.onLine
    ? "The server may have been stopped. Start it again, then connect again."
    : "This device is offline.";
  return { stage: "server", words, advice };
}

/** The one line that our refusals consist of; nothing of pages or of others' errors. */
async function refusalText(answer) {
  if (!answer.headers.has("Wsproxy-Reason")) return "";
  return (await answer.text()).trim().slice(0, 300);
}

function refusal(answer, text) {
  const slug = answer.headers.get("Wsproxy-Reason");
  // This one only says that a plain GET is no handshake, as the probe is not.
  const known = slug && slug !== "upgrade-required";
  if (known || answer.status >= 400 && answer.status !== 426) {
    const reason = text || HTTP_WORDS[answer.status] || answer.statusText || "it gives no reason";
    return {
      stage: "handshake",
      words: `the server refuses: HTTP ${answer.status}${slug ? `, ${slug}` : ""}`,
      advice: `It says: ${reason}.`,
    };
  }
  return {
    stage: "handshake",
    words: "the server answers, but did not accept the WebSocket",
    advice:
      "Plain HTTP works on this address. A proxy in between may not pass the Upgrade and " +
      "Connection headers on, or changes the Host, so that this page's origin is refused: " +
      "the server's log has the reason.",
  };
}
