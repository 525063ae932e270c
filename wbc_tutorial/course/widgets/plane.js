// A plane of points that a mouse, a finger or the arrow keys move. Python computes; this file draws and listens.
const SVG = "http://www.w3.org/2000/svg";
const SCALE = 62; // pixels of a unit of the plane
const LEFT = 34, TOP = 40, BARS = 640; // margins of the plane, and where the bars begin

function add(parent, tag, attributes, text) {
  const element = document.createElementNS(SVG, tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  if (text !== undefined) element.textContent = text;
  parent.append(element);
  return element;
}

const CORNERS = { "^": [[0, -1.25], [1.1, 0.85], [-1.1, 0.85]], D: [[0, -1.35], [1.35, 0], [0, 1.35], [-1.35, 0]] };

function marker(parent, kind, x, y, radius, attributes) {
  if (kind in CORNERS) {
    const points = CORNERS[kind].map(([a, b]) => `${x + a * radius},${y + b * radius}`).join(" ");
    return add(parent, "polygon", { points, ...attributes });
  }
  if (kind === "s") {
    const side = 1.8 * radius;
    return add(parent, "rect", { x: x - side / 2, y: y - side / 2, width: side, height: side, ...attributes });
  }
  return add(parent, "circle", { cx: x, cy: y, r: radius, ...attributes });
}

function render({ model, el }) {
  const held = { image: null, waiting: false, next: null, timer: null };
  const root = document.createElementNS(SVG, "svg");
  const [width, height] = [1010, 540];
  root.setAttribute("viewBox", `0 0 ${width} ${height}`);
  root.setAttribute("role", "group");
  root.classList.add("wbc-plane");
  const spoken = document.createElement("p");
  spoken.setAttribute("role", "status");
  spoken.className = "wbc-plane-spoken";
  el.append(root, spoken);

  let scene = structuredClone(model.get("scene"));
  const across = (x) => LEFT + (x - scene.x[0]) * SCALE;
  const down = (y) => TOP + (scene.y[1] - y) * SCALE;
  const round = (value, [low, high]) => Math.round(50 * Math.min(high, Math.max(low, value))) / 50;

  function drawPlane() {
    const [w, h] = [(scene.x[1] - scene.x[0]) * SCALE, (scene.y[1] - scene.y[0]) * SCALE];
    add(root, "rect", { x: LEFT, y: TOP, width: w, height: h, fill: "#fff", stroke: "#888" });
    for (let k = Math.ceil(scene.x[0]); k <= scene.x[1]; k += 2)
      add(root, "text", { x: across(k), y: TOP + h + 18, "text-anchor": "middle" }, k);
    for (let k = Math.ceil(scene.y[0]); k <= scene.y[1]; k += 2)
      add(root, "text", { x: LEFT - 8, y: down(k) + 5, "text-anchor": "end" }, k);
    for (const c of scene.centroids)
      marker(root, c.marker, across(c.x), down(c.y), 17, { fill: "none", stroke: c.colour, "stroke-width": 3 });
    scene.points.forEach(drawPoint);
    for (const p of scene.points) drawArrow(p);
  }

  function drawArrow(p) {
    const [dx, dy] = [p.arrow[0] * SCALE, -p.arrow[1] * SCALE];
    const long = Math.hypot(dx, dy);
    if (long < 2) return;
    const [x, y] = [across(p.x), down(p.y)], [ux, uy] = [dx / long, dy / long], head = Math.min(11, 0.5 * long);
    const line = { x1: x, y1: y, x2: x + dx - head * ux, y2: y + dy - head * uy, stroke: "#000", "stroke-width": 3 };
    add(root, "line", { ...line, "pointer-events": "none" });
    const corners = [[1, 0], [0, 0.5], [0, -0.5]].map(
      ([a, b]) => `${x + dx - head * (1 - a) * ux - head * b * uy},${y + dy - head * (1 - a) * uy + head * b * ux}`,
    );
    add(root, "polygon", { points: corners.join(" "), fill: "#000", "pointer-events": "none" });
  }

  function drawPoint(p, i) {
    const chosen = i === scene.image;
    const group = add(root, "g", { class: "wbc-plane-point", tabindex: 0, role: "button", "data-image": i });
    group.setAttribute("aria-label", `${p.says}, at ${p.x.toFixed(2)} and ${p.y.toFixed(2)}; arrow keys move it`);
    const ink = { fill: p.colour, stroke: "#000", "stroke-width": chosen ? 3 : 1 };
    marker(group, p.marker, across(p.x), down(p.y), chosen ? 11 : 9, ink);
    const name = { x: across(p.x), y: down(p.y) - 15, "text-anchor": "middle", class: "wbc-plane-name" };
    add(group, "text", name, p.label);
    group.addEventListener("pointerdown", (event) => take(event, i));
    group.addEventListener("keydown", (event) => press(event, i));
    group.addEventListener("focus", () => i !== scene.image && held.image === null && move(i, p.x, p.y));
  }

  function drawBars() {
    const step = Math.min(48, 330 / scene.bars.length), full = 190, left = BARS + 86;
    add(root, "text", { x: BARS, y: TOP - 14, class: "wbc-plane-title" }, scene.bars_title);
    scene.bars.forEach((bar, k) => {
      const y = TOP + 6 + k * step, share = bar.share ?? 0;
      add(root, "text", { x: left - 8, y: y + 0.55 * step, "text-anchor": "end" }, bar.label);
      const box = { x: left, y, width: Math.max(1, full * share), height: 0.72 * step, stroke: "#000" };
      add(root, "rect", { ...box, fill: bar.colour });
      if (bar.positive) add(root, "rect", { ...box, fill: "url(#wbc-plane-hatch)" });
      const said = bar.share === null ? "its own pair" : share.toFixed(3);
      add(root, "text", { x: left + full * share + 8, y: y + 0.55 * step }, said);
    });
    const bottom = TOP + 24 + scene.bars.length * step;
    scene.legend.forEach((entry, k) => {
      const y = bottom + 18 + 24 * k;
      const ink = { fill: entry.colour ?? "none", stroke: "#000", "stroke-width": entry.colour ? 1 : 2 };
      marker(root, entry.marker, BARS + 10, y - 5, 8, ink);
      add(root, "text", { x: BARS + 28, y }, entry.label);
    });
  }

  function draw() {
    const focused = root.contains(document.activeElement) ? document.activeElement.dataset.image : null;
    root.replaceChildren();
    root.setAttribute("aria-label", scene.says);
    const pattern = { id: "wbc-plane-hatch", width: 7, height: 7, patternUnits: "userSpaceOnUse" };
    const hatch = add(add(root, "defs", {}), "pattern", { ...pattern, patternTransform: "rotate(45)" });
    add(hatch, "line", { x1: 0, y1: 0, x2: 0, y2: 7, stroke: "#000", "stroke-width": 2 });
    add(root, "text", { x: LEFT, y: TOP - 14, class: "wbc-plane-title" }, scene.title);
    drawPlane();
    drawBars();
    if (focused !== null) root.querySelector(`[data-image="${focused}"]`)?.focus({ preventScroll: true });
  }

  // One question to Python at a time: the newest place is asked for when the last answer has come.
  function ask(moved) {
    held.next = moved;
    if (held.waiting) return;
    held.waiting = true;
    model.set("moved", { ...held.next, count: (model.get("moved").count ?? 0) + 1 });
    model.save_changes();
    held.next = null;
    clearTimeout(held.timer);
    held.timer = setTimeout(answered, 1500); // a busy kernel answers late: the next move asks again
  }

  function answered() {
    clearTimeout(held.timer);
    held.waiting = false;
    if (held.next !== null) ask(held.next);
  }

  function move(image, x, y) {
    const point = scene.points[image];
    [point.x, point.y] = [round(x, scene.reach_x), round(y, scene.reach_y)];
    scene.image = image;
    draw();
    ask({ image, x: point.x, y: point.y });
  }

  function take(event, image) {
    held.image = image;
    root.setPointerCapture(event.pointerId);
    event.preventDefault();
    move(image, scene.points[image].x, scene.points[image].y);
    root.querySelector(`[data-image="${image}"]`).focus({ preventScroll: true });
  }

  function press(event, image) {
    const step = { ArrowLeft: [-0.1, 0], ArrowRight: [0.1, 0], ArrowUp: [0, 0.1], ArrowDown: [0, -0.1] }[event.key];
    if (step === undefined) return;
    event.preventDefault();
    event.stopPropagation();
    move(image, scene.points[image].x + step[0], scene.points[image].y + step[1]);
  }

  root.addEventListener("pointermove", (event) => {
    if (held.image === null) return;
    const place = new DOMPoint(event.clientX, event.clientY).matrixTransform(root.getScreenCTM().inverse());
    move(held.image, scene.x[0] + (place.x - LEFT) / SCALE, scene.y[1] - (place.y - TOP) / SCALE);
  });
  const release = () => {
    held.image = null;
  };
  root.addEventListener("pointerup", release);
  root.addEventListener("pointercancel", release);

  const fromPython = () => {
    const newest = structuredClone(model.get("scene"));
    if (held.next !== null || held.image !== null) {
      const mine = scene.points[scene.image]; // the hand is ahead of the answer
      Object.assign(newest.points[scene.image], { x: mine.x, y: mine.y });
      newest.image = scene.image;
    }
    scene = newest;
    spoken.textContent = held.image === null ? scene.says : "";
    draw();
    answered();
  };
  model.on("change:scene", fromPython);
  draw();
  return () => model.off("change:scene", fromPython);
}

export default { render };
