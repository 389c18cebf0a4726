// Unpacking the data, making elements, writing numbers. Text from rows only ever becomes text nodes.
const byId = (id) => document.getElementById(id);

// A part of the data: gzipped JSON in base64. It is unpacked when it is first asked for, and once.
const unpacking = new Map();
function part(name) {
  if (!unpacking.has(name)) unpacking.set(name, inflated(name).then(JSON.parse).then((held) => (held.pool ? pooled(held.value, held.pool) : held)));
  return unpacking.get(name);
}
async function inflated(name) {
  if (!self.DecompressionStream) throw new Error('this browser is too old to unpack the data of this page: it needs Chrome 80, Firefox 113, Safari 16.4 or newer');
  const letters = atob(byId(`part-${name}`).textContent);
  const bytes = new Uint8Array(letters.length);
  for (let index = 0; index < letters.length; index += 1) bytes[index] = letters.charCodeAt(index);
  return new Response(new Blob([bytes]).stream().pipeThrough(new DecompressionStream('gzip'))).text();
}

// A value with every {"$": n} replaced, where it stands, by what the pool holds at n; what is held once stays one object.
function pooled(value, pool) {
  const done = new Set();
  const refers = (one) => Number.isInteger(one.$) && Object.keys(one).length === 1;
  const inside = (one) => {
    for (const name of Object.keys(one)) {
      const each = one[name];
      if (each !== null && typeof each === 'object') one[name] = outside(each);
    }
    return one;
  };
  const outside = (one) => {
    if (Array.isArray(one) || !refers(one)) return inside(one);
    const held = pool[one.$];
    if (held === null || typeof held !== 'object' || done.has(one.$)) return held;
    done.add(one.$);
    return inside(held);
  };
  return outside(value);
}

const DATA = await part('data');
const LABELS = ['data', 'model', 'recipe', 'scenario', 'setting'];

// An element with attributes, listeners (onclick: function) and children; null children are left out.
function make(tag, attributes = {}, ...children) {
  return filled(document.createElement(tag), attributes, children);
}
function svg(tag, attributes = {}, ...children) {
  return filled(document.createElementNS('http://www.w3.org/2000/svg', tag), attributes, children);
}
function filled(element, attributes, children) {
  for (const [name, value] of Object.entries(attributes)) {
    if (value === null || value === undefined || value === false) continue;
    if (typeof value === 'function') element.addEventListener(name.slice(2), value);
    else element.setAttribute(name, value === true ? '' : String(value));
  }
  element.append(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
  return element;
}
function replace(place, ...children) {
  place.replaceChildren(...children.flat(Infinity).filter((child) => child !== null && child !== undefined));
}

// Numbers as the tables of the package print them: ".2%" and ".4f", with a real minus sign.
function number(value, format, signed = false) {
  if (value === null || value === undefined) return 'n/a';
  const percent = format.endsWith('%');
  const digits = Number(format.match(/\.(\d+)/)?.[1] ?? 4);
  let text = (percent ? 100 * value : value).toFixed(digits);
  if (Number(text) === 0) text = text.replace('-', '');
  const sign = signed && Number(text) > 0 ? '+' : '';
  return sign + text.replace('-', '\u2212');
}
function rough(value) {
  if (value === null || value === undefined) return 'n/a';
  const size = Math.abs(value);
  const text = size !== 0 && (size < 1e-3 || size >= 1e6) ? value.toExponential(3) : String(Number(value.toPrecision(6)));
  return text.replace('-', '\u2212');
}
// Sentences of the package, in which a minus is a hyphen.
const worded = (text) => text.replace(/(^|[\s[(])-(?=\d)/g, '$1\u2212');
const counted = (count) => String(count).replace(/\B(?=(\d{3})+$)/g, ',');
const plural = (count, what) => `${counted(count)} ${what}${count === 1 ? '' : 's'}`;

// YAML enough to read: what is no plain word or number is quoted as in JSON.
function asText(value, indent = '') {
  if (value === null || typeof value !== 'object') return scalar(value);
  const entries = Array.isArray(value) ? value.map((one) => ['-', one]) : Object.entries(value);
  if (!entries.length) return Array.isArray(value) ? '[]' : '{}';
  if (Array.isArray(value) && value.every((one) => one === null || typeof one !== 'object')) return `[${value.map(scalar).join(', ')}]`;
  return entries.map(([name, one]) => {
    const lead = `${indent}${name === '-' && Array.isArray(value) ? '-' : scalar(name) + ':'}`;
    const nested = one !== null && typeof one === 'object' && Object.keys(one).length
      && !(Array.isArray(one) && one.every((each) => each === null || typeof each !== 'object'));
    return nested ? `${lead}\n${asText(one, indent + '  ')}` : `${lead} ${asText(one)}`;
  }).join('\n');
}
function scalar(value) {
  if (typeof value !== 'string') return JSON.stringify(value);
  return /^[A-Za-z_./][\w./+-]*$/.test(value) && !/^(true|false|null|yes|no|on|off)$/i.test(value) ? value : JSON.stringify(value);
}

// Draw something only when it comes into view (or is printed).
const pending = new Map();
const watcher = new IntersectionObserver((seen) => {
  for (const { target, isIntersecting } of seen) if (isIntersecting) now(target);
}, { rootMargin: '600px' });
function now(place) {
  const draw = pending.get(place);
  pending.delete(place);
  watcher.unobserve(place);
  if (draw) draw();
}
function later(place, draw) {
  pending.set(place, draw);
  watcher.observe(place);
}
addEventListener('beforeprint', () => [...pending.keys()].forEach(now));
