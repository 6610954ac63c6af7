// Asks the browser for passkeys: one is made on the page "Passkeys", and an approval that has to be
// signed is signed with one.
"use strict";

const bytes = (text) => Uint8Array.from(atob(text.replace(/-/g, "+").replace(/_/g, "/")), (c) => c.charCodeAt(0));
const text = (buffer) =>
  btoa(String.fromCharCode(...new Uint8Array(buffer)))
    .replace(/\+/g, "-")
    .replace(/\//g, "_")
    .replace(/=+$/, "");

function tell(form, words) {
  const place = form.querySelector("[data-told]");
  place.textContent = words;
  place.hidden = false;
}

function put(form, name, value) {
  form.elements[name].value = value;
}

// What the authenticator is asked comes from the server, for exactly what the form says.
async function question(form, choice) {
  const fields = new URLSearchParams(new FormData(form));
  fields.set("choice", choice);
  const answer = await fetch(form.dataset.challenge, { method: "POST", body: fields, redirect: "error" });
  const said = await answer.json();
  if (!answer.ok) {
    throw new Error(said.error);
  }
  return said;
}

async function sign(form, choice) {
  const asked = await question(form, choice);
  const credential = await navigator.credentials.get({
    publicKey: {
      challenge: bytes(asked.challenge),
      rpId: asked.rp,
      allowCredentials: asked.credentials.map((id) => ({ type: "public-key", id: bytes(id) })),
      userVerification: "required",
    },
  });
  put(form, "passkey-credential", text(credential.rawId));
  put(form, "passkey-data", text(credential.response.authenticatorData));
  put(form, "passkey-client", text(credential.response.clientDataJSON));
  put(form, "passkey-signature", text(credential.response.signature));
}

async function make(form) {
  const random = crypto.getRandomValues(new Uint8Array(32));
  const { rp, person } = form.dataset;
  const credential = await navigator.credentials.create({
    publicKey: {
      challenge: random,
      rp: { id: rp, name: "Countersign" },
      user: { id: new TextEncoder().encode(person).slice(0, 64), name: person, displayName: person },
      pubKeyCredParams: [{ type: "public-key", alg: -7 }],
      authenticatorSelection: { residentKey: "preferred", userVerification: "required" },
      attestation: "none",
    },
  });
  put(form, "credential", text(credential.rawId));
  put(form, "key", text(credential.response.getPublicKey()));
}

function refused(error) {
  if (error.name === "NotAllowedError") {
    return "The browser did not use a passkey: it was cancelled, or there is none for this site.";
  }
  return `That did not work: ${error.message}`;
}

for (const form of document.querySelectorAll("[data-passkey]")) {
  let isReady = false;
  form.addEventListener("submit", async (event) => {
    const button = event.submitter;
    if (isReady || (button && button.dataset.sign === undefined)) {
      return;
    }
    event.preventDefault();
    try {
      await (form.dataset.passkey === "make" ? make(form) : sign(form, button.value));
      isReady = true;
      form.requestSubmit(button);
    } catch (error) {
      tell(form, refused(error));
    }
  });
}
