// Microsoft's own renderer of Adaptive Cards as a judge of what the chatbot draws for Teams.
//
// Usage: node teams_cards.cjs FOLDER MODULES
//
// Every card of the folder must be read as version 1.5 without a complaint, and validate. Then
// samples with one defect each must be complained about: a judge that takes everything says
// nothing. Prints what it counted.

"use strict";

const fs = require("fs");
const path = require("path");

const [folder, modules] = process.argv.slice(2);
const cards = require(path.join(modules, "adaptivecards/dist/adaptivecards.min.js"));

// Complaints about a card, in words.
function complaints(drawn) {
  const context = new cards.SerializationContext(cards.Versions.v1_5);
  const card = new cards.AdaptiveCard();
  card.parse(drawn, context);
  const found = [];
  for (let n = 0; n < context.eventCount; n++) {
    found.push(context.getEventAt(n).message);
  }
  for (const event of card.validateProperties().validationEvents) {
    found.push(event.message);
  }
  // What the renderer does not know, it drops.
  const before = count(drawn), after = count(card.toJSON(context));
  for (const type of Object.keys(before)) {
    if (before[type] !== after[type]) {
      found.push(`${before[type]} of ${type} were drawn, ${after[type] || 0} were read`);
    }
  }
  if (drawn.version !== "1.5") {
    found.push("the version is not 1.5, from which on cards can act");
  }
  if (JSON.stringify(drawn).length * 2 > 28 * 1024) {
    found.push("the card is larger than Teams takes");
  }
  return found;
}

// How many objects of each type there are, without fallbacks.
function count(value, found = {}) {
  if (Array.isArray(value)) {
    value.forEach((member) => count(member, found));
  } else if (value && typeof value === "object") {
    if (typeof value.type === "string") {
      found[value.type] = (found[value.type] || 0) + 1;
    }
    // Left out when it is read back and is the default.
    if (value.associatedInputs && value.associatedInputs !== "auto") {
      const inputs = `inputs that are sent: ${value.associatedInputs}`;
      found[inputs] = (found[inputs] || 0) + 1;
    }
    for (const key of Object.keys(value)) {
      if (key !== "fallback") {
        count(value[key], found);
      }
    }
  }
  return found;
}

function read(name) {
  return JSON.parse(fs.readFileSync(path.join(folder, name), "utf8"));
}

const BAD = [
  ["an unknown element", (card) => card.body.push({ type: "Unheard" })],
  ["an unknown action", (card) => card.actions.push({ type: "Action.Unheard", title: "x" })],
  ["a fallback that nothing knows", (card) => card.body.push({ type: "Unheard", fallback: "x" })],
  ["a newer version", (card) => { card.version = "1.9"; }],
  ["no version", (card) => { delete card.version; }],
  ["another type", (card) => { card.type = "Card"; }],
  ["a style that is none", (card) => { card.actions[0].style = "huge"; }],
  ["a weight that is none", (card) => { card.body[0].inlines[0].weight = "Fat"; }],
  ["a colour that is none", (card) => { card.body[0].inlines[0].color = "Pink"; }],
  ["an input without id", (card) => card.body.push({ type: "Input.Text", label: "x" })],
  ["inputs that are not sent somehow", (card) => { card.actions[0].associatedInputs = "some"; }],
  ["a run of an unknown type", (card) => card.body[0].inlines.push({ type: "Run", text: "x" })],
  ["a card of 28 KB", (card) => { card.body[0].inlines[0].text = "x".repeat(14 * 1024); }],
];

const wrong = [];
let good = 0;
const names = fs.readdirSync(path.join(folder, "teams")).map((name) => `teams/${name}`);
for (const name of [...names.sort(), "teams-forms.json"]) {
  for (const [reader, card] of Object.entries(read(name))) {
    complaints(card).forEach((what) => wrong.push(`${name} ${reader}: ${what}`));
    good += 1;
  }
}
for (const [what, damage] of BAD) {
  const card = read("teams/opened.json").reviewer;
  damage(card);
  if (complaints(card).length === 0) {
    wrong.push(`taken although it is wrong: ${what}`);
  }
}
if (names.length === 0) {
  wrong.push("there was nothing to judge");
}
if (wrong.length > 0) {
  console.error(wrong.join("\n"));
  process.exit(1);
}
console.log(`counted: adaptivecards took ${good} cards and refused ${BAD.length} with a defect`);
