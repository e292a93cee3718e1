// Lanes: a row per person with mouth, lids and head over the loudness, the lines as blocks, and four amounts.
// Dragging in a line chooses a span, a line's title the whole line and comes closer; pressing inside the span sets a key,
// which can be dragged. Nothing is made until asked.

const FPS = 25;
const TALL = 100; // units of the drawing's height
const FADE = 3; // frames beyond a span over which it is faded in
const ROWS = { mouth: [4, 46], blink: [51, 69], turn: [74, 98], nod: [74, 98], tilt: [74, 98] }; // top and bottom of each curve
const HEAD = { turn: "to the picture's right", nod: "down", tilt: "to the picture's left" }; // one of them is seen; upwards means
const AMOUNTS = [["mouth", "Mouth", "How far the mouth opens."], ["head", "Head", "How much the head moves."], ["blink", "Blink", "How far the lids close."],
  ["expression", "Face", "How much brows, cheeks and eyes show."]];

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

const clamp = (value, low, high) => Math.min(high, Math.max(low, value));
const onGrid = (seconds) => Math.round(seconds * FPS) / FPS;
const said = (seconds) => `${seconds.toFixed(2)} s`;

class Lanes {
  constructor(root) {
    this.root = root;
    this.rows = new Map();
    this.head = "turn";
    this.audio = root.querySelector("audio");
    this.hint = root.querySelector(".hint");
    this.buttons = Object.fromEntries(["play", "part", "again", "clear", "far"].map((name) => [name, root.querySelector(`.${name}`)]));
    this.buttons.play.onclick = () => (this.audio.paused ? this.listen(null) : this.audio.pause());
    this.buttons.part.onclick = () => this.listen(this.span);
    this.buttons.again.onclick = () => this.send({ kind: "again", span: this.span });
    this.buttons.clear.onclick = () => this.choose(null);
    this.buttons.far.onclick = () => this.approach(null);
    for (const name of ["play", "pause", "ended", "seeked"]) this.audio.addEventListener(name, () => this.tick());
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    if (!this.dragging && !this.root.pending.length) this.span = data.span; // else what the hand does is newer
    this.frame();
    if (data.sound.url !== this.audio.getAttribute("src")) {
      if (data.sound.url) this.audio.src = data.sound.url;
      else this.audio.removeAttribute("src");
    }
    const names = data.people.map((person) => person.name).join("\n");
    if (names !== this.names) {
      this.names = names;
      this.rows = new Map(data.people.map((person) => [person.name, this.build(person)]));
      this.root.querySelector(".rows").replaceChildren(...[...this.rows.values()].map((row) => row.node));
    }
    for (const person of data.people) this.fill(this.rows.get(person.name), person);
    this.show();
  }

  build(person) {
    const row = { amounts: {}, outputs: {} };
    const head = make("div", { className: "head" }, row.name = make("div", { className: "name" }));
    for (const [field, label, title] of AMOUNTS) {
      const input = make("input", { type: "range", min: 0, max: 1.5, step: 0.05, title });
      input.setAttribute("aria-label", `${person.name}: ${label}`);
      input.oninput = () => this.curves(row);
      input.onchange = () => this.send({ kind: "amount", who: row.person.name, field, value: +input.value });
      row.amounts[field] = input;
      row.outputs[field] = make("output");
      head.append(make("label", { className: "amount" }, make("span", { textContent: label }), input, row.outputs[field]));
    }
    row.svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
    row.svg.setAttribute("preserveAspectRatio", "none");
    row.lines = make("div");
    row.marks = make("div");
    row.cursor = make("div", { className: "cursor", hidden: true });
    row.head = make("button", { type: "button", className: "tag head" });
    row.head.onclick = () => this.face(this.next());
    const tags = ["mouth", "blink", "turn"].map((name) => {
      const [top] = ROWS[name];
      const tag = name === "turn" ? row.head : make("span", { className: "tag", textContent: name });
      tag.style.top = `calc(1.1rem + (100% - 1.1rem) * ${(top + (name === "mouth" ? 2 : 0)) / TALL})`;
      return tag;
    });
    row.track = make("div", { className: "track" }, row.lines, row.svg, ...tags, row.marks, row.cursor);
    row.track.onpointerdown = (event) => this.press(row, event);
    row.node = make("div", { className: "row" }, head, row.track);
    return row;
  }

  fill(row, person) {
    row.person = person;
    row.node.style.setProperty("--owner", person.colour);
    row.node.style.setProperty("--ink", person.ink);
    row.name.replaceChildren(make("i"), make("span", { textContent: person.name }));
    for (const [field] of AMOUNTS) {
      if (this.root.getRootNode().activeElement !== row.amounts[field] || !this.root.pending.length) {
        row.amounts[field].value = person.amounts[field];
      }
    }
    row.own = this.data.lines.filter((line) => line.who === person.name);
    row.lines.replaceChildren(...row.own.map((line) => {
      const whole = make("button", { type: "button", textContent: line.text, title: `Choose the whole line and come closer: ${line.text}` });
      whole.onclick = () => {
        if (!line.editable) return;
        this.approach(line.id);
        if (this.span?.line !== line.id) this.choose({ line: line.id, start: 0, end: onGrid(line.end - line.start), keys: [] });
      };
      return make("div", { className: "line" }, whole);
    }));
  }

  seen() { return ["mouth", "blink", this.head]; }

  next() { // the way of turning the head that comes after the one that is seen
    const ways = Object.keys(HEAD).filter((name) => this.data.people.every((person) => person[name]));
    return ways[(ways.indexOf(this.head) + 1) % ways.length];
  }

  face(name) {
    this.head = name;
    this.show();
  }

  // Places

  approach(lineId) {
    this.near = lineId;
    this.frame();
    this.show();
  }

  frame() { // what is seen of the window
    const line = this.data.lines.find((each) => each.id === this.near);
    const end = this.data.start + this.data.seconds;
    const from = line ? Math.max(this.data.start, onGrid(line.start - 0.4)) : this.data.start;
    this.view = { start: from, seconds: (line ? Math.min(end, onGrid(line.end + 0.4)) : end) - from };
    this.buttons.far.hidden = !line;
  }

  x(seconds) { return (100 * (seconds - this.view.start)) / this.view.seconds; }

  place(node, start, end) {
    node.style.left = `${this.x(start)}%`;
    if (end !== undefined) node.style.width = `${this.x(end) - this.x(start)}%`;
  }

  at(row, event) {
    const box = row.svg.getBoundingClientRect();
    const time = this.view.start + (this.view.seconds * (event.clientX - box.left)) / box.width;
    return { time, y: (TALL * (event.clientY - box.top)) / box.height };
  }

  amount(row, name) { return +row.amounts[this.data.curves[name].amount].value; }

  level(name, value) { // height of a value as it is shown
    const [top, bottom] = ROWS[name];
    const { low, high } = this.data.curves[name];
    return bottom - ((bottom - top) * clamp(value - low, 0, high - low)) / (high - low);
  }

  value(row, name, y) { // of a key at a height
    const [top, bottom] = ROWS[name];
    const { low, high } = this.data.curves[name];
    const shown = low + ((high - low) * (bottom - y)) / (bottom - top);
    const amount = this.amount(row, name);
    return Math.round(100 * clamp(amount ? shown / amount : shown, low, high)) / 100;
  }

  // Drawing

  curves(row) {
    for (const [field] of AMOUNTS) {
      const { value } = row.amounts[field];
      row.outputs[field].value = `${Math.round(100 * value)} %`;
      row.amounts[field].style.setProperty("--share", `${(100 * value) / 1.5}%`);
    }
    const count = row.person.mouth.length;
    row.svg.setAttribute("viewBox", `${(this.view.start - this.data.start) * FPS} 0 ${this.view.seconds * FPS} ${TALL}`);
    row.own.forEach((line, i) => this.place(row.lines.children[i], line.start, line.end));
    const path = (name, points) => {
      const node = document.createElementNS("http://www.w3.org/2000/svg", "path");
      node.setAttribute("class", name);
      node.setAttribute("d", points.length ? `M${points.map(([x, y]) => `${x.toFixed(1)} ${y.toFixed(2)}`).join("L")}` : "");
      return node;
    };
    const { level } = row.person;
    const [top, bottom] = ROWS.mouth;
    const loud = Math.max(0.05, ...level);
    const heights = level.map((value, i) => [i / 2, ((bottom - top) / 2) * (value / loud)]);
    const middle = (top + bottom) / 2;
    const wave = [...heights.map(([x, h]) => [x, middle - h]), ...heights.reverse().map(([x, h]) => [x, middle + h])];
    const still = this.level("turn", 0);
    const drawn = [path("level", wave), path("rule", [[0, still], [count, still]])];
    for (const name of this.seen()) {
      const amount = this.amount(row, name);
      const shown = (values, first) => values.map((value, i) => [first + i + 0.5, this.level(name, value * amount)]);
      drawn.push(path(name, shown(row.person[name], 0)));
      const bent = this.bent(row, name);
      if (bent) drawn.push(path("bent", shown(bent.values, bent.first)));
    }
    row.svg.replaceChildren(...drawn);
    this.marks(row);
  }

  // The curve through its keys as the next motion will at least go; the engine bends what it makes in the same way.
  bent(row, name) {
    const line = this.line(row);
    const { channel, reach } = this.data.curves[name];
    const keys = line ? this.span.keys.filter((key) => key.channel === channel).sort((a, b) => a.at - b.at) : [];
    if (!keys.length) return null;
    const frame = (at) => Math.round((line.start + at - this.data.start) * FPS);
    const values = row.person[name];
    const first = Math.max(0, frame(this.span.start) - FADE);
    const stop = Math.min(values.length, frame(this.span.end) + FADE);
    const bounds = [first - 1, ...keys.map((key) => frame(key.at)), stop];
    const bent = values.slice(first, stop);
    keys.forEach((key, i) => {
      const here = clamp(bounds[i + 1], 0, values.length - 1);
      const left = Math.max(bounds[i], here - reach);
      const right = Math.min(bounds[i + 2], here + reach);
      for (let at = Math.max(left + 1, first); at < Math.min(right, stop); at++) {
        const far = at < here ? here - left : right - here;
        bent[at - first] += (0.5 + 0.5 * Math.cos((Math.PI * (at - here)) / Math.max(far, 1))) * (key.value - values[here]);
      }
    });
    return { first, values: bent };
  }

  line(row) { return this.span ? row.own.find((line) => line.id === this.span.line) : undefined; }

  marks(row) {
    const nodes = row.own.flatMap((line) => line.retakes.map((done) => {
      const node = make("button", { type: "button", className: "redone", title: `Made again ${said(done.start)} to ${said(done.end)}; choose it` });
      node.setAttribute("aria-label", node.title);
      node.onpointerdown = (event) => event.stopPropagation();
      node.onclick = () => {
        this.approach(line.id);
        const keyed = Object.keys(HEAD).find((name) => done.keys.some((key) => key.channel === this.data.curves[name].channel));
        if (keyed) this.head = keyed;
        this.choose({ line: line.id, start: done.start, end: done.end, keys: done.keys });
      };
      this.place(node, line.start + done.start, line.start + done.end);
      return node;
    }));
    const line = this.line(row);
    if (line) {
      const span = make("div", { className: "span" });
      this.place(span, line.start + this.span.start, line.start + this.span.end);
      nodes.push(span, ...["start", "end"].map((which) => this.edge(row, line, which)));
      nodes.push(...this.span.keys.map((key, index) => this.key(row, line, key, index)).filter(Boolean));
    }
    row.marks.replaceChildren(...nodes);
  }

  edge(row, line, which) {
    const node = make("button", { type: "button", className: "edge", title: `${which === "start" ? "Begin" : "End"} of the span; drag it, or use the arrow keys` });
    node.setAttribute("aria-label", node.title);
    this.place(node, line.start + this.span[which]);
    const set = (time) => {
      const [low, high] = which === "start" ? [0, this.span.end - 0.2] : [this.span.start + 0.2, line.end - line.start];
      this.span = { ...this.span, [which]: onGrid(clamp(time, low, high)) };
      this.span.keys = this.span.keys.filter((key) => key.at >= this.span.start && key.at <= this.span.end);
    };
    node.onpointerdown = (event) => {
      event.stopPropagation();
      this.drag(row, event, (now) => set(now.time - line.start));
    };
    this.arrows(row, node, (dx) => set(this.span[which] + dx / FPS));
    return node;
  }

  key(row, line, key, index) {
    const name = this.seen().find((each) => this.data.curves[each].channel === key.channel);
    if (!name) return null; // of a curve that is not seen, or set in the scene file for a channel that has no lane; it is kept
    const node = make("button", { type: "button", className: "key", title: `Key: ${name} ${key.value} at ${said(key.at)}; drag it, Delete removes it` });
    node.setAttribute("aria-label", node.title);
    this.place(node, line.start + key.at + 0.5 / FPS);
    node.style.top = `calc(1.1rem + (100% - 1.1rem) * ${this.level(name, key.value * this.amount(row, name)) / TALL})`;
    const set = (at, value) => {
      const keys = [...this.span.keys];
      keys[index] = { ...key, at: this.free(key, clamp(onGrid(at), this.span.start, this.span.end)), value };
      this.span = { ...this.span, keys };
    };
    node.onpointerdown = (event) => {
      event.stopPropagation();
      this.drag(row, event, (now) => set(now.time - line.start, this.value(row, name, now.y)));
    };
    const { low, high } = this.data.curves[name];
    this.arrows(row, node, (dx, dy) => {
      set(key.at + dx / FPS, Math.round(100 * clamp(key.value + (dy * (high - low)) / 20, low, high)) / 100);
    });
    node.addEventListener("keydown", (event) => {
      if (event.key !== "Delete" && event.key !== "Backspace") return;
      event.preventDefault();
      this.choose({ ...this.span, keys: this.span.keys.filter((_, i) => i !== index) });
    });
    return node;
  }

  free(key, at) { // two keys of one curve cannot stand in one frame
    const taken = (time) => this.span.keys.some((other) => other !== key && other.channel === key.channel && Math.abs(other.at - time) < 0.5 / FPS);
    return taken(at) ? key.at : at;
  }

  // Hands

  press(row, event) {
    if (event.button !== 0 || event.target.closest("button")) return;
    const from = this.at(row, event);
    const line = row.own.find((each) => from.time >= each.start && from.time < each.end);
    if (!line || !line.editable) {
      this.tell(line ? "This line was changed since; bring the lanes up to date first." : `Drag inside one of ${row.person.name}'s lines, the coloured blocks.`);
      return;
    }
    const time = from.time - line.start;
    if (this.line(row) === line && time >= this.span.start && time <= this.span.end) {
      const name = this.seen().find((each) => from.y <= ROWS[each][1] + 2.5);
      if (!name) return;
      const key = { channel: this.data.curves[name].channel, at: clamp(onGrid(time - 0.5 / FPS), this.span.start, this.span.end), value: this.value(row, name, from.y) };
      if (this.free(key, key.at) !== key.at || this.span.keys.some((other) => other.channel === key.channel && other.at === key.at)) return;
      const before = this.span.keys;
      this.span = { ...this.span, keys: [...before, key] };
      this.drag(row, event, (now) => {
        const moved = { ...key, at: clamp(onGrid(now.time - line.start - 0.5 / FPS), this.span.start, this.span.end), value: this.value(row, name, now.y) };
        if (!before.some((other) => other.channel === key.channel && other.at === moved.at)) this.span = { ...this.span, keys: [...before, moved] };
      });
      return;
    }
    this.drag(row, event, (now) => {
      const ends = [time, now.time - line.start].map((each) => clamp(onGrid(each), 0, onGrid(line.end - line.start)));
      const [start, end] = [Math.min(...ends), Math.max(...ends)];
      if (end - start > 0.07) this.span = { line: line.id, start, end, keys: [] };
    });
  }

  drag(row, event, move) {
    event.preventDefault();
    this.dragging = true;
    const follow = (now) => { move(this.at(row, now)); this.show(); };
    const end = () => {
      this.dragging = false;
      window.removeEventListener("pointermove", follow);
      window.removeEventListener("pointerup", end);
      window.removeEventListener("pointercancel", end);
      this.choose(this.span && this.span.end - this.span.start < 0.2 ? this.widened(this.span) : this.span);
    };
    window.addEventListener("pointermove", follow);
    window.addEventListener("pointerup", end);
    window.addEventListener("pointercancel", end);
  }

  widened(span) { // what was dragged too short to be made again
    const line = this.data.lines.find((each) => each.id === span.line);
    const length = onGrid(line.end - line.start);
    const start = Math.max(0, Math.min(span.start, length - 0.2));
    return { ...span, start: onGrid(start), end: Math.min(length, onGrid(start + 0.2)) };
  }

  arrows(row, node, move) {
    node.addEventListener("keydown", (event) => {
      const step = { ArrowLeft: [-1, 0], ArrowRight: [1, 0], ArrowUp: [0, 1], ArrowDown: [0, -1] }[event.key];
      if (!step) return;
      event.preventDefault();
      const place = [...row.marks.children].indexOf(node);
      move(...step);
      this.choose(this.span);
      row.marks.children[place]?.focus(); // drawn anew, the same one is held
    });
  }

  choose(span) {
    this.span = span;
    this.show();
    this.send({ kind: "span", span });
  }

  // Sound and words

  listen(span) {
    const line = span && this.data.lines.find((each) => each.id === span.line);
    this.until = line ? line.start + span.end : Infinity;
    if (line) this.audio.currentTime = Math.max(0, line.start + span.start);
    else if (this.audio.ended || this.audio.currentTime < this.view.start || this.audio.currentTime > this.view.start + this.view.seconds) this.audio.currentTime = this.view.start;
    this.audio.play().catch(() => {});
  }

  tick() {
    const now = this.audio.currentTime;
    if (now >= this.until && !this.audio.paused) this.audio.pause();
    this.buttons.play.textContent = this.audio.paused ? "Play" : "Pause";
    for (const row of this.rows.values()) {
      row.cursor.hidden = !(now > this.view.start && now < this.view.start + this.view.seconds);
      row.cursor.style.left = `${this.x(now)}%`;
    }
    if (!this.audio.paused && !this.audio.ended) requestAnimationFrame(() => this.tick());
  }

  ruler() {
    const step = [0.2, 0.5, 1, 2, 5, 10, 30].find((each) => this.view.seconds / each <= 16) ?? 30;
    const marks = [];
    for (let i = Math.ceil(this.view.start / step); i * step <= this.view.start + this.view.seconds; i++) {
      const at = i * step;
      const mark = make("span", { textContent: `${+at.toFixed(1)} s` });
      mark.style.left = `${this.x(at)}%`;
      marks.push(mark);
    }
    this.root.querySelector(".axis").replaceChildren(...marks);
  }

  tell(sentence) { this.hint.textContent = sentence; }

  show() {
    this.ruler();
    this.tick();
    for (const row of this.rows.values()) {
      this.curves(row);
      row.head.textContent = `${this.head} ⇄`;
      row.head.title = `Up: the head goes ${HEAD[this.head]}. Press to see its ${this.next()}.`;
      row.head.setAttribute("aria-label", row.head.title);
    }
    const line = this.span && this.data.lines.find((each) => each.id === this.span.line);
    this.buttons.play.disabled = !this.data.sound.url;
    this.buttons.part.disabled = !line || !this.data.sound.url;
    this.buttons.again.disabled = !line || this.data.busy;
    this.buttons.clear.disabled = !line;
    const keys = line ? this.span.keys.length : 0;
    this.tell(
      this.data.busy ? "Motion is being made …"
        : line ? `${line.who}, ${said(this.span.start)} to ${said(this.span.end)} of the line${keys ? `, ${keys} key${keys > 1 ? "s" : ""}` : ". Press inside the span to set a key"}.`
          : "Drag inside a line to choose what is to move in another way.",
    );
    this.root.dataset.span = line ? JSON.stringify(this.span) : "";
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".lanes");
  root.lanes ??= new Lanes(root);
  root.lanes.update(data, sender(root, data, setTriggerValue));
  return () => root.lanes.audio.pause();
}
