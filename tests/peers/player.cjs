// Runs the inbox's player on a page that is no more than it needs, and prints what its terminal
// shows at the end, after each of the casts that come as a JSON list of texts on standard input.
"use strict";

const fs = require("node:fs");
const vm = require("node:vm");

const script = fs.readFileSync(process.argv[2], "utf8");

function element(more) {
  const listeners = {};
  return {
    textContent: "",
    hidden: true,
    value: "1",
    addEventListener: (name, run) => {
      listeners[name] = run;
    },
    fire: (name) => listeners[name](),
    ...more,
  };
}

function shown(cast) {
  const parts = { play: element(), seek: element(), speed: element(), time: element() };
  const screen = element();
  const player = element({
    querySelector: (what) => {
      const found = /^\[data-do="(.*)"\]$/.exec(what);
      return found ? parts[found[1]] : screen;
    },
  });
  const page = { "[data-cast]": element({ textContent: cast }), ".player": player };
  let tick = null;
  let now = 0;
  const world = {
    document: { querySelector: (what) => page[what] ?? null },
    performance: { now: () => now },
    setInterval: (run) => {
      tick = run;
      return 1;
    },
    clearInterval: () => {
      tick = null;
    },
  };
  vm.runInNewContext(script, world);
  const before = screen.textContent;
  parts.play.fire("click");
  for (let step = 0; tick !== null && step < 100000; step += 1) {
    now += 50;
    tick();
  }
  const end = screen.textContent;
  // Back to the beginning and once more to the end: the same.
  parts.seek.value = 0;
  parts.seek.fire("input");
  const again = screen.textContent;
  parts.seek.value = 1000;
  parts.seek.fire("input");
  return {
    hidden: player.hidden,
    before,
    again,
    end,
    sought: screen.textContent,
    seconds: now / 1000,
    playing: parts.play.textContent,
  };
}

const casts = JSON.parse(fs.readFileSync(0, "utf8"));
process.stdout.write(JSON.stringify(casts.map(shown)));
