// Acts go out with a number until the page says that they are done, so that two quick ones cannot lose the first.
function sender(root, data, trigger) {
  root.pending = (root.pending ?? []).filter((act) => act.n > data.done);
  return (act) => {
    root.last = Math.max(Date.now(), (root.last ?? data.done) + 1);
    root.pending.push({ ...act, n: root.last });
    trigger("act", root.pending);
  };
}
