// The picture with its people: colour per person, click to claim a face, brush, box, points by hand.
// Everything is in pixels of the picture; nothing is sent while the pointer moves, one event on release.

const SVG = "http://www.w3.org/2000/svg";
const TOOLS = [
  ["claim", "Point", "Click a face to give it to the chosen character."],
  ["brush", "Brush", "Paint over what belongs to the chosen character."],
  ["erase", "Eraser", "Paint over what does not belong to the chosen character."],
  ["box", "Box", "Drag a box around the chosen character."],
  ["points", "Eyes and mouth", "Mark eyes and mouth by hand where no face is found."],
];

function element(name, attributes = {}, parent = null, text = null) {
  const made = document.createElementNS(SVG, name);
  for (const [key, value] of Object.entries(attributes)) made.setAttribute(key, value);
  if (text !== null) made.textContent = text;
  if (parent) parent.appendChild(made);
  return made;
}

const path = (outline) => "M" + outline.map(([x, y]) => `${x} ${y}`).join("L") + "Z";
const round = (value) => Math.round(value * 10) / 10;

class Picture {
  constructor(root) {
    this.root = root;
    this.tool = "claim";
    this.radius = 24;
    this.points = {};
    this.drag = null;
    this.toolbar = root.querySelector(".tools");
    this.hint = root.querySelector(".hint");
    this.stage = root.querySelector(".stage");
    this.image = root.querySelector("img");
    this.svg = root.querySelector("svg");
    this.layers = {};
    for (const name of ["regions", "faces", "draft", "marks", "names"]) {
      this.layers[name] = element("g", { class: name }, this.svg);
    }
    this.svg.addEventListener("pointerdown", (event) => this.press(event));
    this.svg.addEventListener("pointermove", (event) => this.move(event));
    this.svg.addEventListener("pointerup", (event) => this.release(event));
    this.svg.addEventListener("pointercancel", () => this.drop());
    root.querySelector(".size").addEventListener("input", (event) => { this.radius = +event.target.value; });
    root.querySelector(".again").addEventListener("click", () => { this.points = {}; this.draw(); });
  }

  update(data, send) {
    const character = data.selected;
    if (!this.data || this.data.selected !== character || this.data.url !== data.url) {
      this.points = { ...(data.points || {}) };
    } else if (JSON.stringify(data.points) !== JSON.stringify(this.data.points)) {
      this.points = { ...(data.points || {}) };
    }
    this.data = data;
    this.send = send;
    if (this.image.getAttribute("src") !== data.url) this.image.src = data.url;
    this.image.alt = data.alt || "The picture of the scene";
    this.svg.setAttribute("viewBox", `0 0 ${data.width} ${data.height}`);
    this.stage.style.aspectRatio = `${data.width} / ${data.height}`;
    this.stage.style.maxWidth = `calc(62vh * ${data.width / data.height})`;
    const size = this.root.querySelector(".size");
    size.max = Math.round(data.width / 12);
    if (!this.sized) { this.radius = Math.round(data.width / 50); size.value = this.radius; this.sized = true; }
    this.drop();
    this.draw();
  }

  get colour() {
    return this.data.selected_colour;
  }

  draw() {
    const data = this.data;
    this.toolbar.replaceChildren();
    this.root.querySelector(".bar").hidden = !data.editable;
    for (const [name, label, sentence] of TOOLS) {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = label;
      button.title = sentence;
      button.dataset.tool = name;
      button.setAttribute("aria-pressed", String(name === this.tool));
      button.onclick = () => { this.tool = name; this.draw(); };
      this.toolbar.appendChild(button);
    }
    const painting = this.tool === "brush" || this.tool === "erase";
    this.root.querySelector(".sized").hidden = !painting;
    this.root.querySelector(".again").hidden = this.tool !== "points" || !Object.keys(this.points).length;
    this.stage.dataset.tool = data.editable ? this.tool : "none";
    this.hint.textContent = data.editable ? this.sentence() : "";
    for (const layer of Object.values(this.layers)) layer.replaceChildren();
    this.drawRegions();
    this.drawFaces();
    if (this.tool === "points" && data.editable) this.drawMarks();
  }

  sentence() {
    const who = this.data.selected_name;
    if (!who) return this.data.faces.length ? "Click a face: a character is made for it." : "Add a character first.";
    if (this.tool === "points") {
      const next = this.next();
      if (next) return `Click ${next[1]} of ${who}.`;
      return "Eyes and mouth are placed, and the other points after them; drag any to correct it.";
    }
    const free = this.data.faces.some((face) => face.owner === null);
    const claim = !free ? "Click somebody to work on; brush, box and eraser correct the coloured region."
      : this.data.seated ? "Click a dashed face to add its character, a coloured one to work on it."
        : `Click the face of ${who}.`;
    const sentences = {
      claim: this.data.faces.length ? claim : "No face was found here; mark eyes and mouth by hand.",
      brush: `Paint over what belongs to ${who}; it is kept when you let go.`,
      erase: `Paint over what does not belong to ${who}.`,
      box: `Drag a box around ${who}, shoulders included.`,
    };
    return sentences[this.tool];
  }

  drawRegions() {
    for (const region of this.data.regions) {
      const chosen = region.index === this.data.selected;
      if (region.outlines.length) {
        element("path", {
          d: region.outlines.map(path).join(""), fill: region.colour, "fill-rule": "evenodd",
          "fill-opacity": chosen ? 0.38 : 0.2, stroke: region.colour, "stroke-width": chosen ? 3 : 1.5,
          "vector-effect": "non-scaling-stroke", "data-region": region.index,
        }, this.layers.regions);
      }
      if (region.label) {
        const [x, y] = region.label;
        const scale = this.data.width / 1000;
        const group = element("g", { transform: `translate(${x} ${y}) scale(${scale})` }, this.layers.names);
        const width = 20 + region.name.length * 10.5;
        element("rect", { x: -width / 2, y: -15, width, height: 27, rx: 13, fill: region.colour }, group);
        element("text", { x: 0, y: 4, fill: region.ink, "text-anchor": "middle" }, group, region.name);
      }
    }
  }

  drawFaces() {
    if (!this.data.editable || this.tool !== "claim") return;
    for (const face of this.data.faces) {
      if (face.owner !== null) continue;
      const shape = element("path", {
        d: path(face.outline), class: "free", tabindex: 0, role: "button", "data-face": face.id,
        "aria-label": `Face ${face.id + 1}, not yet claimed`, "vector-effect": "non-scaling-stroke",
      }, this.layers.faces);
      shape.addEventListener("keydown", (event) => {
        if (event.key === "Enter" || event.key === " ") {
          event.preventDefault();
          this.send({ kind: "claim", face: face.id });
        }
      });
      element("title", {}, shape, "Click to claim this face");
    }
  }

  drawMarks() {
    const size = this.data.width / 160;
    for (const [name, [x, y]] of Object.entries(this.points)) {
      const mark = element("circle", { cx: x, cy: y, r: size, "data-point": name, fill: this.colour }, this.layers.marks);
      element("title", {}, mark, name.replaceAll("_", " "));
    }
  }

  next() {
    if (this.data.wanted.every(([name]) => name in this.points)) return undefined;
    return this.data.first.find(([name]) => !(name in this.points));
  }

  place(event) {
    const box = this.svg.getBoundingClientRect();
    const x = ((event.clientX - box.left) / box.width) * this.data.width;
    const y = ((event.clientY - box.top) / box.height) * this.data.height;
    return [round(Math.min(Math.max(x, 0), this.data.width)), round(Math.min(Math.max(y, 0), this.data.height))];
  }

  press(event) {
    if (!this.data.editable || event.button !== 0) return;
    const at = this.place(event);
    if (this.tool === "claim") {
      const face = event.target.dataset.face;
      const region = event.target.dataset.region;
      if (face !== undefined) this.send({ kind: "claim", face: +face });
      else if (region !== undefined) this.send({ kind: "select", character: +region });
      return;
    }
    if (this.data.selected === null) return;
    event.preventDefault();
    this.svg.setPointerCapture(event.pointerId);
    this.drag = { points: [at], point: event.target.dataset.point };
    this.preview();
  }

  move(event) {
    if (!this.drag) return;
    const at = this.place(event);
    const [x, y] = this.drag.points.at(-1);
    if (Math.hypot(at[0] - x, at[1] - y) < this.data.width / 600) return;
    this.drag.points.push(at);
    this.preview();
  }

  release(event) {
    if (!this.drag) return;
    const { points, point } = this.drag;
    this.drag = null;
    if (this.tool === "brush" || this.tool === "erase") {
      this.send({ kind: "stroke", erase: this.tool === "erase", radius: this.radius, points });
      return; // the stroke stays in sight until the new region comes back
    }
    this.layers.draft.replaceChildren();
    if (this.tool === "box") {
      const xs = [points[0][0], points.at(-1)[0]].sort((a, b) => a - b);
      const ys = [points[0][1], points.at(-1)[1]].sort((a, b) => a - b);
      this.send({ kind: "box", box: [xs[0], ys[0], xs[1], ys[1]] });
    } else {
      const name = point ?? this.next()?.[0];
      if (!name) return;
      this.points[name] = points.at(-1);
      this.draw();
      if (!this.next()) this.send({ kind: "points", points: this.points });
    }
  }

  drop() {
    this.drag = null;
    this.layers.draft.replaceChildren();
  }

  preview() {
    const draft = this.layers.draft;
    const points = this.drag.points;
    draft.replaceChildren();
    if (this.tool === "box") {
      const [[x0, y0], [x1, y1]] = [points[0], points.at(-1)];
      element("rect", {
        x: Math.min(x0, x1), y: Math.min(y0, y1), width: Math.abs(x1 - x0), height: Math.abs(y1 - y0),
        fill: this.colour, "fill-opacity": 0.2, stroke: this.colour, "vector-effect": "non-scaling-stroke",
      }, draft);
    } else if (this.tool === "points") {
      const [x, y] = points.at(-1);
      element("circle", { cx: x, cy: y, r: this.data.width / 120, fill: this.colour, "fill-opacity": 0.6 }, draft);
    } else {
      const line = points.length > 1 ? points : [points[0], points[0]];
      element("path", {
        d: "M" + line.map(([x, y]) => `${x} ${y}`).join("L"), fill: "none", "stroke-linecap": "round",
        "stroke-linejoin": "round", "stroke-width": 2 * this.radius, "stroke-opacity": 0.55,
        stroke: this.tool === "erase" ? "#ffffff" : this.colour,
      }, draft);
    }
  }
}

export default function (component) {
  const { data, parentElement, setTriggerValue } = component;
  const root = parentElement.querySelector(".picture");
  root.picture ??= new Picture(root);
  root.picture.update(data, sender(root, data, setTriggerValue));
}
