// Plays a recording that is on the page. What a session showed only ever becomes text of an
// element. Without this the text below the player says the same.
"use strict";

const cast = document.querySelector("[data-cast]");
const player = document.querySelector(".player");
const part = (name) => player.querySelector(`[data-do="${name}"]`);
const LONGEST_PAUSE = 2;

// A terminal of letters: it follows the cursor, erases and scrolls, and passes over colours.
class Terminal {
  constructor(width, height) {
    this.width = Math.min(Math.max(width, 1), 500);
    this.height = Math.min(Math.max(height, 1), 200);
    this.clear();
  }

  clear() {
    this.rows = Array.from({ length: this.height }, () => []);
    this.x = 0;
    this.y = 0;
    this.pending = "";
  }

  line() {
    this.y += 1;
    if (this.y >= this.height) {
      this.rows.shift();
      this.rows.push([]);
      this.y = this.height - 1;
    }
  }

  put(letter) {
    if (this.x >= this.width) {
      this.x = 0;
      this.line();
    }
    const row = this.rows[this.y];
    while (row.length < this.x) {
      row.push(" ");
    }
    row[this.x] = letter;
    this.x += 1;
  }

  write(data) {
    const text = this.pending + data;
    this.pending = "";
    for (let at = 0; at < text.length; ) {
      const rest = text.slice(at, at + 256);
      if (rest[0] === "\u001b") {
        const known =
          /^\u001b\[([0-9;?<=>!]*)[ -/]*([@-~])/.exec(rest) ||
          /^\u001b[\]PX^_][^\u0007\u001b]*(?:\u0007|\u001b\\)/.exec(text.slice(at, at + 8192)) ||
          /^\u001b[ -/]*[0-OQ-WYZ\\`-~]/.exec(rest);
        if (known) {
          if (known[2]) {
            this.control(known[1], known[2]);
          }
          at += known[0].length;
        } else if (text.length - at < 64) {
          this.pending = text.slice(at);
          return;
        } else {
          at += 1;
        }
      } else {
        const letter = String.fromCodePoint(text.codePointAt(at));
        this.letter(letter);
        at += letter.length;
      }
    }
  }

  letter(letter) {
    if (letter === "\n" || letter === "\u000b" || letter === "\u000c") {
      this.line();
    } else if (letter === "\r") {
      this.x = 0;
    } else if (letter === "\b") {
      this.x = Math.max(this.x - 1, 0);
    } else if (letter === "\t") {
      this.x = Math.min(this.x + 8 - (this.x % 8), this.width - 1);
    } else if (letter >= " " && letter !== "\u007f") {
      this.put(letter);
    }
  }

  control(parameters, final) {
    const numbers = parameters.split(";").map((text) => parseInt(text, 10) || 0);
    const count = Math.min(Math.max(numbers[0], 1), 1000);
    const row = this.rows[this.y];
    const fit = (value, most) => Math.min(Math.max(value, 0), most - 1);
    if (final === "A") this.y = fit(this.y - count, this.height);
    if (final === "B") this.y = fit(this.y + count, this.height);
    if (final === "C") this.x = fit(this.x + count, this.width);
    if (final === "D") this.x = fit(this.x - count, this.width);
    if (final === "G") this.x = fit(count - 1, this.width);
    if (final === "d") this.y = fit(count - 1, this.height);
    if (final === "H" || final === "f") {
      this.y = fit(count - 1, this.height);
      this.x = fit((numbers[1] || 1) - 1, this.width);
    }
    if (final === "K" && numbers[0] === 0) row.length = Math.min(row.length, this.x);
    if (final === "K" && numbers[0] === 1) row.fill(" ", 0, this.x + 1);
    if (final === "K" && numbers[0] === 2) row.length = 0;
    if (final === "P") row.splice(this.x, count);
    if (final === "@") row.splice(this.x, 0, ...Array(Math.min(count, this.width)).fill(" "));
    if (final === "J") this.erase(numbers[0]);
  }

  erase(mode) {
    const [from, to] = [mode === 0 ? this.y : 0, mode === 1 ? this.y : this.height - 1];
    for (let y = from; y <= to; y += 1) {
      if (y !== this.y || mode >= 2) this.rows[y] = [];
    }
    if (mode < 2) this.control(String(mode), "K");
  }

  text() {
    return this.rows.map((row) => Array.from(row, (letter) => letter || " ").join("")).join("\n");
  }
}

function read(text) {
  const lines = text.split("\n").filter((line) => line !== "");
  const header = JSON.parse(lines[0]);
  const events = [];
  let [at, before] = [0, 0];
  for (const line of lines.slice(1)) {
    const [time, code, data] = JSON.parse(line);
    at += Math.min(Math.max(time - before, 0), LONGEST_PAUSE);
    before = time;
    if (code === "o") events.push({ at, data });
  }
  return { width: header.width, height: header.height, events };
}

function start() {
  const { width, height, events } = read(cast.textContent);
  const terminal = new Terminal(width, height);
  const screen = player.querySelector(".screen");
  const end = events.length ? events[events.length - 1].at : 0;
  let [now, next, timer, last] = [0, 0, null, 0];

  function show() {
    for (; next < events.length && events[next].at <= now; next += 1) {
      terminal.write(events[next].data);
    }
    screen.textContent = terminal.text();
    part("seek").value = end ? Math.round((now / end) * 1000) : 0;
    part("time").textContent = `${now.toFixed(1)} of ${end.toFixed(1)} s`;
  }

  function stop() {
    clearInterval(timer);
    timer = null;
    part("play").textContent = "Play";
  }

  function go(to) {
    if (to < now) {
      terminal.clear();
      next = 0;
    }
    now = Math.min(to, end);
    show();
    if (now >= end) stop();
  }

  part("play").addEventListener("click", () => {
    if (timer !== null) return stop();
    if (now >= end) go(0);
    last = performance.now();
    part("play").textContent = "Pause";
    timer = setInterval(() => {
      const time = performance.now();
      const speed = Number(part("speed").value);
      go(now + ((time - last) / 1000) * speed);
      last = time;
    }, 50);
    return undefined;
  });
  part("seek").addEventListener("input", () => go((part("seek").value / 1000) * end));
  player.hidden = false;
  show();
}

if (cast && player) {
  start();
}
