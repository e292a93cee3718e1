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
    row.who.onchange = () => {
      const others = row.line.who.slice(1).filter((name) => name !== row.who.value);
      act({ kind: "who", value: [row.who.value, ...others] });
    };
    row.how = make("span", { className: "how" });
    row.others = make("fieldset", { className: "people", title: "They say the line together, each with their own voice." });
    row.faces = make("fieldset", { className: "people", title: "The voice comes out of these faces and not of its own." });
    row.tick = (box, names, chosen, changed) => this.tick(box, names, chosen, (value) => act(changed(value)));
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
    row.language = make("select", { className: "language", title: "The language of this line." });
    row.language.onchange = () => act({ kind: "language", value: row.language.value || null });
    row.styles = make("input", { className: "styles", maxLength: 2000, placeholder: "whisper 0.8 + weary" });
    row.styles.title = "Strength of styles in this line, from 0 to 1.5; empty is as the character has them.";
    row.styles.setAttribute("aria-label", `Styles of line ${index + 1}`);
    row.styles.onchange = () => act({ kind: "styles", value: row.styles.value.trim() });
    row.direction = make("input", { className: "direction", maxLength: 2000 });
    row.direction.placeholder = "whispering, nods, then looks at somebody";
    row.direction.title = "What the speaker does besides the words; in the line itself it stands in brackets.";
    row.direction.setAttribute("aria-label", `Direction of line ${index + 1}`);
    row.direction.onchange = () => act({ kind: "direction", value: row.direction.value.trim() });
    row.acts = make("div", { className: "acts" });
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
    row.read = make("div", { className: "read", title: "How this line is read aloud; correct a word under More." });
    row.word = make("input", { className: "word", maxLength: 60, placeholder: "a word" });
    row.sound = make("input", { className: "word", maxLength: 100, placeholder: "shi-vawn, or IPA" });
    row.word.setAttribute("aria-label", `A word of line ${index + 1}`);
    row.sound.setAttribute("aria-label", `What it sounds like, in line ${index + 1}`);
    const correct = make("button", { type: "button", textContent: "Correct everywhere" });
    correct.title = "This word is said so in the whole project; without a sound the correction is taken away.";
    correct.onclick = () => {
      if (!row.word.value.trim()) { row.word.focus(); return; }
      act({ kind: "sound", word: row.word.value.trim(), sound: row.sound.value.trim() });
      row.word.value = row.sound.value = "";
    };
    row.old = make("input", { className: "word", maxLength: 60, placeholder: "a word" });
    row.new = make("input", { className: "word", maxLength: 100, placeholder: "another, or {name|IPA}" });
    row.old.setAttribute("aria-label", `Replaced word of line ${index + 1}`);
    row.new.setAttribute("aria-label", `What is said in its place, in line ${index + 1}`);
    const replace = make("button", { type: "button", textContent: "Replace here" });
    replace.title = "Only this word is spoken anew; all else of the line stays as it was heard. Without a new word it is as it was.";
    replace.onclick = () => {
      if (!row.old.value.trim()) { row.old.focus(); return; }
      act({ kind: "replace", word: row.old.value.trim(), to: row.new.value.trim() });
      row.old.value = row.new.value = "";
    };
    row.panel = make("div", { className: "panel", hidden: true },
      make("div", { className: "tools" },
        make("label", {}, "Speed ", row.speed),
        make("label", {}, "Language ", row.language),
        make("label", {}, "Styles ", row.styles),
        row.pair, row.up, row.down,
        button("Add below", "Add an empty line below this one", { kind: "add" }),
        button("New take", "Say this line again in another way; the take before it is kept", { kind: "take" }),
        button("Remove", "Remove this line; undo brings it back", { kind: "remove" })),
      make("div", { className: "tools" }, make("label", {}, "Direction ", row.direction)),
      make("div", { className: "tools sounds" }, make("span", { textContent: "Say" }), row.word,
        make("span", { textContent: "like" }), row.sound, correct),
      make("div", { className: "tools replaced" }, make("span", { textContent: "In place of" }), row.old,
        make("span", { textContent: "say" }), row.new, replace),
      row.others, row.faces, row.takes, row.times);
    row.more = make("button", { type: "button", textContent: "More", title: "Speed, takes, order, another line." });
    row.more.setAttribute("aria-label", `More about line ${index + 1}`);
    row.more.onclick = () => {
      row.panel.hidden = !row.panel.hidden;
      row.more.setAttribute("aria-expanded", String(!row.panel.hidden));
    };
    row.body = make("div", { className: "row" }, make("div", { className: "speaker" }, row.who, row.how),
      make("div", { className: "said" }, row.words, row.text, row.acts, row.read),
      make("div", { className: "side" }, row.length, row.hear, row.more), row.panel);
    row.note = make("div", { className: "note", title: "Stands before the line in the script; nobody speaks it." });
    row.node = make("li", {}, row.note, row.chip, row.body);
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
    const [speaker, ...others] = line.who;
    const offered = names.includes(speaker) ? names : [speaker, ...names];
    if (row.offered !== offered.join("\n")) {
      row.offered = offered.join("\n");
      row.who.replaceChildren(...offered.map((name) => make("option", { value: name, textContent: name })));
    }
    set(row.who, speaker);
    row.how.textContent = [...others.map((name) => `+ ${name}`), ...line.face.map((name) => `→ ${name}`)].join(" ");
    row.how.title = line.face.length ? `Comes out of the face of ${line.face.join(" and ")}.` : "Said together.";
    row.tick(row.others, names.filter((name) => name !== speaker), others,
      (value) => ({ kind: "who", value: [row.line.who[0], ...value] }));
    row.tick(row.faces, this.data.faces, line.face, (value) => ({ kind: "face", value }));
    row.others.prepend(make("legend", { textContent: "Together with" }));
    row.faces.prepend(make("legend", { textContent: "Out of the face of" }));
    row.others.setAttribute("aria-label", `Who says line ${index + 1} too`);
    row.faces.setAttribute("aria-label", `Whose face says line ${index + 1}`);
    set(row.text, line.text);
    row.note.textContent = line.note;
    row.read.textContent = line.read ? `read as: ${line.read}` : "";
    set(row.speed, line.speed);
    if (!row.language.options.length) {
      for (const [value, label] of [["", "the speaker's"], ...this.data.languages])
        row.language.append(make("option", { value, textContent: label }));
    }
    set(row.language, line.language);
    row.language.setAttribute("aria-label", `Language of line ${index + 1}`);
    set(row.styles, line.styles);
    set(row.direction, line.direction);
    row.acts.replaceChildren(...line.acts.map((part) => this.act(part)));
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
    row.body.classList.toggle("unknown", !line.who.every((name) => names.includes(name)));
    row.takes.replaceChildren(...line.takes.map((take) => this.take(row, take)));
    if (line.takes.filter((take) => take.heard).length > 1) row.takes.prepend(this.both(row));
    requestAnimationFrame(() => this.grow(row.text));
  }

  // A part of a direction: what it means, or that it means nothing.
  act(part) {
    const node = make("span", { className: part.means ? "act" : "act lost" });
    node.textContent = !part.means ? `${part.text} ?` : part.means === part.text ? part.text : `${part.text} → ${part.means}`;
    node.title = part.means ? "Done where it stands in the line; not spoken."
      : `Not understood and left out. The nearest that is: ${part.nearest}.`;
    return node;
  }

  // Names to tick, those that are chosen ticked; one that nobody has stays until it is taken away.
  tick(box, names, chosen, changed) {
    const shown = [...names, ...chosen.filter((name) => !names.includes(name))];
    box.replaceChildren(...shown.map((name) => {
      const node = make("input", { type: "checkbox", checked: chosen.includes(name), value: name });
      node.onchange = () => changed([...box.querySelectorAll("input:checked")].map((other) => other.value));
      return make("label", {}, node, ` ${name}`);
    }));
    box.hidden = !shown.length;
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
