"use strict";

const { sheets, models, colours } = JSON.parse(document.getElementById("data").textContent);
const METHODS = { tsne: "t-SNE", pca: "PCA", codes: "the code itself" };
const find = (id) => document.getElementById(id);
const plot = find("plot");
const pen = plot.getContext("2d");
const MARGIN = 40;
const RADIUS = 7;
const NEAR = 40;

const state = { name: "", points: [], hovered: -1, ends: [0, 1], under: [0, 0] };
const pictures = new Map();

// The picture of a sprite, drawn again once it has loaded.
function picture(source) {
  if (!pictures.has(source)) {
    const image = new Image();
    image.src = source;
    image.decode().then(draw);
    pictures.set(source, image);
  }
  return pictures.get(source);
}

function tile(canvas, sprite, number, place = 0) {
  const image = picture(sprite.source);
  if (!image.complete) return;
  const { width, height, columns } = sprite;
  const target = canvas.getContext("2d");
  target.imageSmoothingEnabled = false;
  const side = canvas.height;
  target.drawImage(image, (number % columns) * width, Math.floor(number / columns) * height, width, height, place * side, 0, side, side);
}

function numbers({ low, high, steps }) {
  const bytes = Uint8Array.from(atob(steps), (character) => character.charCodeAt(0));
  return Array.from(new Uint16Array(bytes.buffer), (step) => low + (step / 65535) * (high - low));
}

const model = () => models[state.name];

// A class has a colour and, so that colour is not needed, a shape.
function mark(target, x, y, label, colour, size) {
  const sides = [0, 4, 3, 5, 6][label % 5];
  target.beginPath();
  if (sides === 0) target.arc(x, y, size * 0.8, 0, 2 * Math.PI);
  for (let side = 0; side < sides; side++) {
    const angle = (2 * Math.PI * side) / sides - Math.PI / 2;
    target.lineTo(x + size * Math.cos(angle), y + size * Math.sin(angle));
  }
  target.closePath();
  target.lineWidth = 2;
  target.fillStyle = target.strokeStyle = colour;
  if (Math.floor(label / 5) % 2) target.stroke(); else target.fill();
}

// viridis at five places (van der Walt and Smith, 2015), straight lines between them.
const VIRIDIS = [[68, 1, 84], [59, 82, 139], [33, 145, 140], [94, 201, 98], [253, 231, 37]];
function shade(share) {
  const at = Math.min(share * 4, 3.999);
  const [a, b] = [VIRIDIS[Math.floor(at)], VIRIDIS[Math.floor(at) + 1]];
  return `rgb(${a.map((value, k) => Math.round(value + (b[k] - value) * (at % 1)))})`;
}

function colourOf(row) {
  const { labels, norms } = model();
  if (find("colour").value === "class") return colours[labels[row] % colours.length];
  return shade((state.norms[row] - norms.low) / (norms.high - norms.low || 1));
}

// Coordinates of the map to pixels of the canvas, and back.
function axes() {
  const { x, y } = model().maps[find("map").value];
  const scale = Math.min((plot.width - 2 * MARGIN) / (x.high - x.low || 1), (plot.height - 2 * MARGIN) / (y.high - y.low || 1));
  const [left, top] = [plot.width / 2 - (scale * (x.low + x.high)) / 2, plot.height / 2 + (scale * (y.low + y.high)) / 2];
  return {
    to: (u, v) => [left + scale * u, top - scale * v],
    from: (px, py) => [(px - left) / scale, (top - py) / scale],
  };
}

function place() {
  const { x, y } = model().maps[find("map").value];
  const { to } = axes();
  const [us, vs] = [numbers(x), numbers(y)];
  state.points = us.map((u, row) => to(u, vs[row]));
}

// On a narrow screen the canvas is shrunk, so marks on it are larger.
const grown = () => Math.max(1, 700 / plot.clientWidth);

function draw() {
  if (!state.name) return;
  const size = RADIUS * grown();
  pen.clearRect(0, 0, plot.width, plot.height);
  state.points.forEach(([x, y], row) => mark(pen, x, y, model().labels[row], colourOf(row), size));
  model().anchors.forEach((row, number) => {
    const [x, y] = state.points[row];
    const chosen = state.ends.includes(number);
    pen.strokeStyle = "#000";
    pen.lineWidth = chosen ? 5 : 2;
    pen.beginPath();
    pen.arc(x, y, size * (chosen ? 2.4 : 1.9), 0, 2 * Math.PI);
    pen.stroke();
  });
  if (state.hovered >= 0) {
    const [x, y] = state.points[state.hovered];
    pen.strokeStyle = "#d00000";
    pen.lineWidth = 4;
    pen.strokeRect(x - 2 * size, y - 2 * size, 4 * size, 4 * size);
    tile(find("image"), sheets[model().images], state.hovered);
  }
  drawUnder();
  drawLine();
}

function drawLine() {
  const { pairs, steps, lines, labels, classes, anchors } = model();
  const [from, to] = state.ends;
  const canvas = find("line");
  canvas.width = steps * 112;
  canvas.height = 112;
  const [low, high] = [Math.min(from, to), Math.max(from, to)];
  const number = pairs.findIndex(([a, b]) => a === low && b === high);
  for (let step = 0; step < steps; step++) {
    const frame = from < to ? step : steps - 1 - step;
    if (number >= 0) tile(canvas, lines, number * steps + frame, step);
  }
  const [a, b] = [from, to].map((end) => classes[labels[anchors[end]]]);
  find("line-text").textContent = number >= 0 ? `From ${a} to ${b} in ${steps} decoded codes at equal distances.` : "Choose two different images.";
}

function hover(row) {
  if (row === state.hovered) return;
  state.hovered = row;
  const { labels, classes } = model();
  find("caption").textContent = row < 0 ? "Point at the map." : `${classes[labels[row]]}, test image ${row}, norm of the code ${state.norms[row].toPrecision(3)}`;
  draw();
}

function nearest(x, y, rows) {
  let [best, least] = [-1, NEAR ** 2];
  for (const row of rows) {
    const distance = (state.points[row][0] - x) ** 2 + (state.points[row][1] - y) ** 2;
    if (distance < least) [best, least] = [row, distance];
  }
  return best;
}

function at(event) {
  const box = plot.getBoundingClientRect();
  return [((event.clientX - box.left) * plot.width) / box.width, ((event.clientY - box.top) * plot.height) / box.height];
}

// The decoded code nearest to the pointer, of a model whose code is the map.
function drawUnder() {
  const { plane } = model();
  if (!plane || find("map").value !== "codes") return;
  const [low, high] = plane.corners;
  const last = plane.points - 1;
  const [column, row] = axes().from(...state.under).map((value, k) => Math.round(((value - low[k]) / (high[k] - low[k])) * last));
  if (Math.min(column, row) >= 0 && Math.max(column, row) <= last) tile(find("decoded"), plane, row * plane.points + column);
}

function choose(row) {
  const number = model().anchors.indexOf(row);
  if (number < 0) return;
  state.ends = [state.ends[1], number];
  [find("from").value, find("to").value] = state.ends;
  draw();
}

function showModel() {
  state.name = find("model").value;
  const { maps, classes, labels, anchors, about, norms } = model();
  state.norms = numbers(norms);
  state.ends = [0, anchors.length - 1];
  state.hovered = -1;
  state.under = [plot.width / 2, plot.height / 2];
  find("about").textContent = about;
  plot.setAttribute("aria-label", `Map of ${labels.length} test images as points, ${about}`);
  const methods = Object.keys(METHODS).filter((method) => method in maps);
  find("map").replaceChildren(...methods.map((method) => new Option(METHODS[method], method)));
  for (const [k, id] of ["from", "to"].entries()) {
    find(id).replaceChildren(...anchors.map((row, number) => new Option(`${classes[labels[row]]} (image ${row})`, number)));
    find(id).value = state.ends[k];
  }
  showMap();
}

function showMap() {
  find("under").hidden = !(model().plane && find("map").value === "codes");
  place();
  legend();
  hover(Math.max(state.hovered, 0));
  draw();
}

function legend() {
  const { classes, norms } = model();
  const byClass = find("colour").value === "class";
  const entries = byClass ? classes : ["smallest norm " + norms.low.toPrecision(3), "largest norm " + norms.high.toPrecision(3)];
  find("legend").replaceChildren(...entries.map((name, number) => {
    const [item, swatch] = [document.createElement("li"), document.createElement("canvas")];
    swatch.width = swatch.height = 24;
    swatch.setAttribute("aria-hidden", "true");
    mark(swatch.getContext("2d"), 12, 12, byClass ? number : 0, byClass ? colours[number % colours.length] : shade(number), 10);
    item.append(swatch, name);
    return item;
  }));
}

const every = () => state.points.keys();
plot.addEventListener("pointermove", (event) => { const [x, y] = at(event); state.under = [x, y]; hover(nearest(x, y, every())); drawUnder(); });
plot.addEventListener("click", (event) => { const [x, y] = at(event); hover(nearest(x, y, every())); choose(nearest(x, y, model().anchors)); });
plot.addEventListener("keydown", (event) => {
  const step = { ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1 }[event.key];
  if (step) hover((Math.max(state.hovered, step < 0 ? 0 : -1) + step + state.points.length) % state.points.length);
  if (event.key === "Enter" && state.hovered >= 0) choose(nearest(...state.points[state.hovered], model().anchors));
  if (step || event.key === "Enter") event.preventDefault();
});
for (const [k, id] of ["from", "to"].entries()) find(id).addEventListener("change", (event) => { state.ends[k] = Number(event.target.value); draw(); });
find("model").addEventListener("change", showModel);
find("map").addEventListener("change", showMap);
find("colour").addEventListener("change", () => { legend(); draw(); });
showModel();
