// Keys, taken only when nobody else wants them: focus inside the widget, or nowhere.

const OTHERS = "input,select,textarea,[contenteditable],audio,video,iframe";
const NOBODY = "body,main,section,[data-testid=stMain],[data-testid=stAppViewContainer]";

function listenForKeys(view, signal) {
  document.addEventListener(
    "keydown",
    (event) => {
      if (event.defaultPrevented || event.ctrlKey || event.metaKey || event.altKey || !view.root.isConnected) return;
      const inside = event.composedPath().includes(view.root);
      const focus = event.composedPath()[0];
      const active = document.activeElement;
      const nobody = !active || active.matches(NOBODY);
      if (!(inside || (nobody && MicroscopeWidget.active === view)) || (focus.matches && focus.matches(OTHERS))) return;
      if (handleKey(view, event.key, inside, focus)) event.preventDefault();
    },
    { signal },
  );
}

function handleKey(view, key, inside, focus) {
  const { store } = view;
  if (key === "ArrowRight") store.go(store.step + 1);
  else if (key === "ArrowLeft") store.go(store.step - 1);
  else if (key === "Home" && inside) store.go(0);
  else if (key === "End" && inside) store.go(store.branch.steps - 1);
  else if (key === "p" || key === "P" || (key === " " && inside && !focus.matches("button")))
    view.timeline.play(!store.playing);
  else if (key === "b" || key === "B") nextBranch(store);
  else if (key === "Escape" && view.tour.shown) view.tour.close();
  else return false;
  return true;
}

function nextBranch(store) {
  const { branches } = store.view;
  store.choose(branches[(branches.indexOf(store.branch) + 1) % branches.length]);
}
