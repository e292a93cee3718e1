// Two videos of the same moments in one place: one is seen, and one button plays both, one after the other.

class Compare {
  constructor(root) {
    this.root = root;
    this.videos = Object.fromEntries(["before", "after"].map((name) => [name, root.querySelector(`video.${name}`)]));
    this.later = [];
    for (const [name, video] of Object.entries(this.videos)) {
      root.querySelector(`button.${name}`).onclick = () => this.play([name]);
      video.onclick = () => this.play([name]);
      video.onended = () => { if (this.later.length) this.play(this.later); };
    }
    root.querySelector("button.both").onclick = () => this.play(["before", "after"]);
  }

  update(data) {
    if (data.stamp === this.stamp) return;
    this.stamp = data.stamp;
    for (const [name, video] of Object.entries(this.videos)) video.src = data[name];
    this.later = [];
    this.show("after");
    if (data.autoplay) this.play(["after"]);
  }

  show(name) {
    for (const [other, video] of Object.entries(this.videos)) {
      video.hidden = other !== name;
      if (other !== name) video.pause();
      this.root.querySelector(`button.${other}`).setAttribute("aria-pressed", String(other === name));
    }
    this.root.querySelector(".badge").textContent = name === "before" ? "Before" : "After";
  }

  play([name, ...later]) {
    this.later = later;
    this.show(name);
    this.videos[name].currentTime = 0;
    this.videos[name].play().catch(() => {}); // a browser may ask for a click first
  }
}

export default function (component) {
  const { data, parentElement } = component;
  const root = parentElement.querySelector(".compare");
  root.compare ??= new Compare(root);
  root.compare.update(data);
  return () => Object.values(root.compare.videos).forEach((video) => video.pause());
}
