// The player: picture and sound, a lane per person that shows who speaks when, the spoken word lit.
// It reports its time when it stands still (pause, seek, end), not while it plays.

function make(tag, properties = {}, ...children) {
  const node = Object.assign(document.createElement(tag), properties);
  node.append(...children);
  return node;
}

class Player {
  constructor(root) {
    this.root = root;
    this.video = root.querySelector("video");
    this.lanes = root.querySelector(".lanes");
    this.words = root.querySelector(".words");
    this.cursor = root.querySelector(".cursor");
    for (const name of ["pause", "seeked", "ended"]) this.video.addEventListener(name, () => this.report());
    this.video.addEventListener("timeupdate", () => this.show());
    this.video.addEventListener("play", () => this.tick());
    this.video.addEventListener("error", () => { root.dataset.error = this.video.error?.message || "error"; });
  }

  update(data, report) {
    this.send = report;
    const same = this.data && this.data.url === data.url;
    this.data = data;
    this.video.style.aspectRatio = `${data.width} / ${data.height}`;
    this.video.style.width = `min(100%, 58vh * ${data.width / data.height})`;
    if (!same) {
      this.video.poster = data.poster || "";
      this.video.src = data.url;
      this.word = null;
    }
    if (data.seek && data.seek.stamp !== this.sought) {
      this.sought = data.seek.stamp;
      this.video.currentTime = data.seek.time;
    }
    const names = [...new Set(data.lines.map((line) => line.who))];
    this.lanes.replaceChildren(...names.map((name) => {
      const mine = data.lines.filter((line) => line.who === name);
      const track = make("div", { className: "track" });
      for (const line of mine) {
        const block = make("button", { type: "button", className: "block", title: `${name}: ${line.text}` });
        block.setAttribute("aria-label", `Go to ${name}: ${line.text}`);
        block.style.left = `${(100 * line.start) / data.seconds}%`;
        block.style.width = `${(100 * (line.end - line.start)) / data.seconds}%`;
        block.style.background = line.colour;
        block.onclick = () => { this.video.currentTime = line.start + 0.02; }; // inside the line, however time is rounded
        track.append(block);
      }
      return make("div", { className: "lane" }, make("span", { className: "name", textContent: name }), track);
    }));
    this.show();
  }

  tick() {
    this.show();
    if (!this.video.paused && !this.video.ended) requestAnimationFrame(() => this.tick());
  }

  show() {
    const now = this.video.currentTime;
    const share = this.data.seconds ? Math.min(1, now / this.data.seconds) : 0;
    this.cursor.style.setProperty("--share", share);
    this.cursor.hidden = !this.data.lines.length;
    const speaking = this.data.lines.filter((line) => now >= line.start && now < line.end);
    const key = speaking.map((line) => line.start).join();
    if (key !== this.word) {
      this.word = key;
      this.words.replaceChildren(...speaking.map((line) => {
        const row = make("p", {}, make("b", { textContent: line.who }));
        row.style.setProperty("--owner", line.colour);
        row.style.setProperty("--ink", line.ink);
        row.append(...line.words.map((word) => make("span", { textContent: word.text })));
        if (!line.words.length) row.append(make("span", { textContent: line.text }));
        return row;
      }));
    }
    speaking.forEach((line, i) => line.words.forEach((word, j) => {
      this.words.children[i].children[j + 1].classList.toggle("now", now >= word.start && now < word.end);
    }));
  }

  report() {
    const time = Math.round(this.video.currentTime * 100) / 100;
    if (time === this.told ) return;
    this.told = time;
    this.send(time);
  }
}

export default function (component) {
  const { data, parentElement, setStateValue } = component;
  const root = parentElement.querySelector(".player");
  root.player ??= new Player(root);
  root.player.update(data, (time) => setStateValue("time", time));
  return () => root.player.video.pause();
}
