// The login page: sends name and password once, and reloads the page that it
// stands in the place of, which the cookie then opens.

const byId = (id) => document.getElementById(id);

// Only a page of the same origin can send this field.
const SIGN = { "Wsproxy-Login": "1" };

const OUT_OF_REACH = "The server cannot be reached.";

function show(fault) {
  byId("fault").textContent = fault;
  byId("fault").hidden = !fault;
}

async function ask(what, headers) {
  const url = new URL(what, import.meta.url);
  try {
    const answer = await fetch(url, { headers: { ...SIGN, ...headers }, cache: "no-store" });
    return answer.ok ? "" : (await answer.text()).trim() || `The server answers ${answer.status}.`;
  } catch {
    return OUT_OF_REACH;
  }
}

function basic(name, password) {
  const bytes = new TextEncoder().encode(`${name}:${password}`);
  return { Authorization: `Basic ${btoa(String.fromCharCode(...bytes))}` };
}

async function enter(event) {
  event.preventDefault();
  const name = byId("name").value;
  if (name.includes(":")) {
    show("A name has no colon in it.");
    return;
  }
  show("");
  byId("enter").disabled = true;
  const fault = await ask("enter", basic(name, byId("password").value));
  byId("enter").disabled = false;
  if (fault) {
    show(fault);
    byId("password").select();
  } else {
    location.reload();
  }
}

async function leave() {
  const fault = await ask("leave", {});
  if (fault) {
    show(fault);
  } else {
    location.reload();
  }
}

byId("login")?.addEventListener("submit", enter);
byId("leave")?.addEventListener("click", leave);
