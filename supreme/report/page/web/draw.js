// Drawing in SVG: scales, axes, markers, and labels in the margin that do not overlap.
const LINE_HEIGHT = 13;
const MOST_LEADERS = 20;
const ink = (method) => {
  const colour = DATA.looks[method]?.[0] ?? 'ink';
  return colour === 'ink' ? 'currentColor' : `color-mix(in oklab, ${colour}, white var(--lift))`;
};
const PATHS = {
  square: 'M-.85-.85h1.7v1.7h-1.7z',
  triangle: 'M0-1.05L1 .8H-1z',
  triangle_down: 'M0 1.05L1-.8H-1z',
  diamond: 'M0-1.15L1.15 0 0 1.15-1.15 0z',
  plus: 'M-.36-1.1h.72v.74h.74v.72h-.74v.74h-.72v-.74h-.74v-.72h.74z',
  cross: 'M-1-.5-.5-1 0-.5.5-1 1-.5.5 0 1 .5.5 1 0 .5-.5 1-1 .5-.5 0z',
  star: 'M0-1.5L.38-.5 1.43-.46.6.2.9 1.2 0 .62-.9 1.2-.6.2-1.43-.46-.38-.5z',
};

function marker(x, y, method, size = 4.5, title = null) {
  const shape = DATA.looks[method]?.[1] ?? 'circle';
  const look = { fill: ink(method), stroke: 'var(--paper)', 'stroke-width': 0.8 / size };
  const mark = shape === 'circle' ? svg('circle', { r: 1, ...look }) : svg('path', { d: PATHS[shape], ...look });
  return svg('g', { transform: `translate(${x.toFixed(2)} ${y.toFixed(2)}) scale(${size})` }, mark, title ? svg('title', {}, title) : null);
}

// A scale from values to pixels, with ticks; `logarithmic` for what spans magnitudes.
function scale(values, from, to, { logarithmic = false, pad = 0.05, limits = null } = {}) {
  const known = values.filter((value) => Number.isFinite(value) && (!logarithmic || value > 0)).map((value) => (logarithmic ? Math.log10(value) : value));
  let low = limits ? limits[0] : Math.min(...known);
  let high = limits ? limits[1] : Math.max(...known);
  if (!(high > low)) { low -= logarithmic ? 0.5 : Math.max(0.01, Math.abs(low) * 0.05); high += logarithmic ? 0.5 : Math.max(0.01, Math.abs(high) * 0.05); }
  if (!limits) { const room = pad * (high - low); low -= room; high += room; }
  const at = (value) => from + ((logarithmic ? Math.log10(value) : value) - low) / (high - low) * (to - from);
  at.ticks = logarithmic ? powers(low, high) : rounds(low, high);
  at.within = (value) => Math.min(Math.max(at(value), Math.min(from, to)), Math.max(from, to));
  return at;
}
function rounds(low, high, most = 5) {
  const rough = (high - low) / most;
  const power = 10 ** Math.floor(Math.log10(rough));
  const step = [1, 2, 5, 10].map((times) => times * power).find((size) => size >= rough);
  const digits = Math.max(0, -Math.floor(Math.log10(step) + 1e-9));
  const ticks = [];
  for (let tick = Math.ceil(low / step - 1e-9); tick * step <= high + 1e-9 * step; tick += 1) {
    const text = (tick * step).toFixed(digits);
    ticks.push([tick * step, (Number(text) === 0 ? text.replace('-', '') : text).replace('-', '\u2212')]);
  }
  return ticks;
}
function powers(low, high) {
  const ticks = [];
  const fine = high - low < 1.6 ? [1, 2, 5] : [1];
  for (let power = Math.floor(low); power <= Math.ceil(high); power += 1) {
    for (const times of fine) {
      const value = times * 10 ** power;
      if (Math.log10(value) >= low - 1e-9 && Math.log10(value) <= high + 1e-9) ticks.push([value, value >= 1e4 || value < 1e-3 ? `${times === 1 ? '' : times + '\u00d7'}10${superscript(power)}` : String(Number(value.toPrecision(3)))]);
    }
  }
  return ticks;
}
const superscript = (power) => String(power).replace('-', '\u207b').replace(/\d/g, (digit) => '\u2070\u00b9\u00b2\u00b3\u2074\u2075\u2076\u2077\u2078\u2079'[digit]);

// Places near the ascending ones wanted, `gap` apart (an isotonic regression), moved into [low, high] where they fit.
function spread(wanted, gap, low, high) {
  const pools = [];
  wanted.forEach((place, index) => {
    let [mean, count] = [place - index * gap, 1];
    while (pools.length && pools.at(-1)[0] > mean) {
      const [before, many] = pools.pop();
      [mean, count] = [(mean * count + before * many) / (count + many), count + many];
    }
    pools.push([mean, count]);
  });
  const room = Math.max(low, high - gap * (wanted.length - 1));
  return pools.flatMap(([mean, count]) => Array(count).fill(mean)).map((place, index) => Math.min(Math.max(place, low), room) + gap * index);
}

const clipped = (label, most = 22) => (label.length <= most ? label : `${label.slice(0, most / 2)}\u2026${label.slice(label.length - (most - Math.floor(most / 2) - 1))}`);
const line = (x1, y1, x2, y2, attributes) => svg('line', { x1: x1.toFixed(2), y1: y1.toFixed(2), x2: x2.toFixed(2), y2: y2.toFixed(2), ...attributes });
const label = (x, y, text, attributes = {}) => svg('text', { x, y, ...attributes }, text);

// An empty plot: the SVG, its inner edges, and axes for the scales that `axes` is given.
function canvas(width, height, edges, name) {
  const drawing = svg('svg', { viewBox: `0 0 ${width} ${height}`, role: 'img', 'aria-label': name, style: `max-width:${Math.round(1.12 * width)}px` });
  const inner = { left: edges.left, right: width - edges.right, top: edges.top, bottom: height - edges.bottom };
  return { drawing, ...inner, width, height };
}
function axes(plot, x, y, titles) {
  const { drawing, left, right, top, bottom } = plot;
  drawing.append(line(left, bottom, right, bottom, { class: 'domain' }));
  for (const [value, text] of x?.ticks ?? []) {
    drawing.append(line(x(value), bottom, x(value), bottom + 4, { class: 'domain' }),
      label(x(value).toFixed(1), bottom + 15, text, { class: 'tick', 'text-anchor': 'middle' }));
  }
  if (y) {
    drawing.append(line(left, top, left, bottom, { class: 'domain' }));
    for (const [value, text] of y.ticks) {
      drawing.append(line(left - 4, y(value), left, y(value), { class: 'domain' }),
        label(left - 7, (y(value) + 3.5).toFixed(1), text, { class: 'tick', 'text-anchor': 'end' }));
    }
  }
  drawing.append(label((left + right) / 2, bottom + 31, titles.x, { class: 'axis', 'text-anchor': 'middle' }));
  if (titles.y) drawing.append(label(0, 0, titles.y, { class: 'axis', 'text-anchor': 'middle', transform: `translate(11 ${(top + bottom) / 2}) rotate(-90)` }));
}

// Each [method, x, y] named right of the plot, with its marker and a thin line to its point.
function marginLabels(plot, ends) {
  const order = [...ends].sort((a, b) => a[2] - b[2] || a[1] - b[1]);
  const places = spread(order.map((end) => end[2]), LINE_HEIGHT, plot.top, plot.bottom);
  order.forEach(([method, x, y], index) => {
    const at = places[index];
    if (order.length <= MOST_LEADERS) plot.drawing.append(line(x, y, plot.right + 8, at, { stroke: ink(method), 'stroke-width': 0.6, opacity: 0.45 }));
    plot.drawing.append(marker(plot.right + 14, at, method, 3.8), label(plot.right + 22, (at + 3.8).toFixed(1), clipped(method), { style: `fill:${ink(method)}` }));
  });
}
