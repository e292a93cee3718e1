// The script as a list: one row a line with its owner's colour, the pause before it as a chip, sound and takes beside it.
// A field is sent when it is left or Enter is pressed; what is being typed is never overwritten.

const KINDS = [
  ["pause", "pause", "Seconds of silence before this line."],
  ["overlap", "overlap", "Seconds by which this line begins before the one above ends."],
  ["start", "at", "Seconds after the beginning of the scene at which this line begins."],
];

function make(tag, properties = {}, ...children) {
  const node = document.createElement(tag);
  for (const [key, value] of Object.entries(properties)) {
    if (key.startsWith("data-") || key.startsWith("aria-")) node.setAttribute(key, value);
    else node[key] = value;
  }
  node.append(...children);
  return node;
}

class Lines {
  constructor(root) {
    this.root = root;
    this.list = root.querySelector(".list");
    this.audio = root.querySelector("audio");
    this.rows = [];
    this.audio.addEventListener("timeupdate", () => this.light());
    this.audio.addEventListener("ended", () => this.next());
    this.audio.addEventListener("pause", () => this.light());
  }

  update(data, send) {
    this.data = data;
    this.send = send;
    while (this.rows.length > data.lines.length) this.rows.pop().node.remove();
    while (this.rows.length < data.lines.length) this.list.append(this.build(this.rows.length).node);
    data.lines.forEach((line, index) => this.fill(this.rows[index], line, index));
    const played = data.sound ? [data.sound.stamp, ...data.sound.clips.map((clip) => clip.url)].join("#") : "";
    if (played !== this.played) {
      this.played = played;
      this.root.querySelector(".heard").hidden = !data.sound;
      clearTimeout(this.pause);
      if (data.sound) {
        this.load(0);
        if (data.sound.autoplay) this.audio.play().catch(() => {}); // a browser may ask for a click first
      } else this.audio.removeAttribute("src");
    }
    this.light();
  }

  load(index) { // one of the clips that are heard one after the other
    const clips = this.data.sound.clips;
    this.clip = index;
    this.root.querySelector(".what").textContent = clips[index].label;
    this.audio.src = clips[index].url;
  }

  next() {
    const more = (this.data.sound?.clips.length ?? 0) > this.clip + 1;
    if (more || this.clip > 0) this.load(more ? this.clip + 1 : 0);
    if (more) this.pause = setTimeout(() => this.audio.play().catch(() => {}), 400);
    this.light();
  }

  build(index) {
    const row = { index };
    const act = (more) => {
      // what is still being typed goes along, so that a click beside it finds the new words
      const typed = row.text.value === row.line.text ? {} : { text: row.text.value };
      row.line.text = row.text.value;
      this.send({ index, line: row.line.id, ...typed, ...more });
    };
    row.kind = make("select", { className: "kind", title: "How this line follows the one above." });
    for (const [value, label, title] of KINDS) row.kind.append(make("option", { value, textContent: label, title }));
    row.seconds = make("input", { type: "number", min: 0, max: 60, step: 0.05, className: "seconds" });
    const time = () => act({ kind: row.kind.value, value: +row.seconds.value || 0 });
    row.kind.onchange = time;
    row.seconds.onchange = time;
    row.chip = make("div", { className: "chip" }, row.kind, row.seconds, make("span", { textContent: "s" }));
    row.who = make("select", { className: "who", title: "Who says it." });
    row.who.onchange = () => act({ kind: "who", value: row.who.value });
    row.text = make("textarea", { rows: 1, className: "text", placeholder: "What is said" });
    row.text.oninput = () => this.grow(row.text);
    row.text.onchange = () => { if (row.text.value !== row.line.text) act({ kind: "text" }); };
    row.text.onkeydown = (event) => {
      if (event.key === "Enter") { event.preventDefault(); row.text.blur(); }
    };
    row.words = make("div", { className: "words", "aria-hidden": "true" });
    row.times = make("div", { className: "times", hidden: true, title: "Seconds at which each word begins." });
    row.speed = make("input", { type: "number", min: 0.5, max: 2, step: 0.05, title: "Speed: 1 is the voice's own." });
    row.speed.onchange = () => act({ kind: "speed", value: +row.speed.value || 1 });
    row.hear = make("button", { className: "hear", type: "button", textContent: "Hear" });
    row.hear.onclick = () => act({ kind: "hear" });
    row.length = make("span", { className: "length" });
    const button = (label, title, more) => {
      const node = make("button", { type: "button", textContent: label, title });
      node.setAttribute("aria-label", title);
      node.onclick = () => act(more);
      return node;
    };
    row.pair = button("Hear with the next", "Speak this line and the next one, and play them", { kind: "hear", pair: true });
    row.up = button("↑", "Move this line up", { kind: "move", by: -1 });
    row.down = button("↓", "Move this line down", { kind: "move", by: 1 });
    row.takes = make("div", { className: "takes" });
    row.panel = make("div", { className: "panel", hidden: true },
      make("div", { className: "tools" },
        make("label", {}, "Speed ", row.speed),
        row.pair, row.up, row.down,
        button("Add below", "Add an empty line below this one", { kind: "add" }),
        button("New take", "Say this line again in another way; the take before it is kept", { kind: "take" }),
        button("Remove", "Remove this line; undo brings it back", { kind: "remove" })),
      row.takes, row.times);
    row.more = make("button", { type: "button", textContent: "More", title: "Speed, takes, order, another line." });
    row.more.setAttribute("aria-label", `More about line ${index + 1}`);
    row.more.onclick = () => {
      row.panel.hidden = !row.panel.hidden;
      row.more.setAttribute("aria-expanded", String(!row.panel.hidden));
    };
    row.body = make("div", { className: "row" }, row.who,
      make("div", { className: "said" }, row.words, row.text),
      make("div", { className: "side" }, row.length, row.hear, row.more), row.panel);
    row.node = make("li", {}, row.chip, row.body);
    this.rows.push(row);
    return row;
  }

  fill(row, line, index) {
    const set = (node, value) => {
      const active = this.root.getRootNode().activeElement === node;
      if (!active && node.value !== String(value)) node.value = String(value);
    };
    row.line = line;
    row.node.dataset.line = index;
    row.body.style.setProperty("--owner", line.colour);
    row.body.style.setProperty("--ink", line.ink);
    const names = this.data.cast.map((member) => member.name);
    const offered = names.includes(line.who) ? names : [line.who, ...names];
    if (row.offered !== offered.join("\n")) {
      row.offered = offered.join("\n");
      row.who.replaceChildren(...offered.map((name) => make("option", { value: name, textContent: name })));
    }
    set(row.who, line.who);
    set(row.text, line.text);
    set(row.speed, line.speed);
    set(row.kind, line.time[0]);
    set(row.seconds, line.time[1].toFixed(2));
    row.chip.classList.toggle("first", index === 0 && line.time[0] === "pause" && line.time[1] === 0);
    row.seconds.setAttribute("aria-label", `Seconds of ${line.time[0]} before line ${index + 1}`);
    row.kind.setAttribute("aria-label", `How line ${index + 1} follows`);
    row.who.setAttribute("aria-label", `Who says line ${index + 1}`);
    row.text.setAttribute("aria-label", `Line ${index + 1}`);
    row.hear.setAttribute("aria-label", `Hear line ${index + 1}`);
    row.hear.textContent = line.busy ? "…" : "Hear";
    row.hear.disabled = line.busy || !line.text;
    row.hear.title = line.busy ? "This line is being spoken." : "Speak this line and play it.";
    row.length.textContent = line.known ? `${line.seconds.toFixed(1)} s` : `~ ${line.seconds.toFixed(1)} s`;
    row.length.title = line.known ? "Length as it was spoken." : "Estimated; known once the line was heard.";
    row.up.disabled = index === 0;
    row.pair.disabled = index === this.data.lines.length - 1;
    row.down.disabled = index === this.data.lines.length - 1;
    row.body.classList.toggle("unknown", !names.includes(line.who));
    row.takes.replaceChildren(...line.takes.map((take) => this.take(row, take)));
    if (line.takes.filter((take) => take.heard).length > 1) row.takes.prepend(this.both(row));
    requestAnimationFrame(() => this.grow(row.text));
  }

  both(row) {
    const node = make("button", { type: "button", textContent: "Compare" });
    node.title = "Plays the take that is kept and the newest other one.";
    node.onclick = () => this.send({ index: row.index, line: row.line.id, kind: "compare_takes" });
    return make("div", { className: "take" }, node);
  }

  take(row, take) {
    const play = make("button", { type: "button", textContent: "Play", title: "Play this take.", disabled: !take.heard });
    play.onclick = () => this.send({ index: row.index, line: row.line.id, kind: "play_take", take: take.id });
    const keep = make("button", { type: "button", textContent: take.kept ? "Kept" : "Keep", disabled: take.kept });
    keep.title = "Use this take in the video.";
    keep.onclick = () => this.send({ index: row.index, line: row.line.id, kind: "keep_take", take: take.id });
    return make("div", { className: "take" }, make("span", { textContent: take.label }), play, keep);
  }

  // The line once more behind its own letters, unseen but for the word that is heard.
  placed(words, text) {
    const parts = [];
    let at = 0;
    for (const word of words) {
      const found = text.indexOf(word.text, at);
      if (found < 0) continue;
      parts.push(text.slice(at, found), make("span", { textContent: word.text }));
      at = found + word.text.length;
    }
    return parts;
  }

  grow(text) {
    text.style.height = "auto";
    text.style.height = `${text.scrollHeight + 2}px`;
  }

  light() {
    const sound = this.data.sound;
    const now = this.audio.currentTime;
    for (const row of this.rows) {
      const words = sound ? sound.words.filter((word) => word.line === row.line.id) : [];
      const shown = words.map((word) => word.text + word.start).join("|");
      if (row.shown !== shown) {
        row.shown = shown;
        row.words.replaceChildren(...this.placed(words, row.line.text));
        row.times.textContent = words.map((word) => `${word.text} ${word.start.toFixed(2)}`).join(" · ");
        row.times.hidden = !words.length;
      }
      const spans = row.words.querySelectorAll("span");
      words.forEach((word, i) => {
        const lit = !this.audio.paused && now >= word.start && now < word.end && row.text.value === row.line.text;
        spans[i]?.classList.toggle("now", lit);
      });
    }
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".script");
  root.lines ??= new Lines(root);
  root.lines.update(data, sender(root, data, setTriggerValue));
}
