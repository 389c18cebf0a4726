// The figures of a block, drawn from its lines, its cells and the curves in the data.
const seedsOver = (counts) => {
  const [low, high] = [Math.min(...counts), Math.max(...counts)];
  return low === high ? plural(high, 'training seed') : `${low} to ${high} training seeds`;
};
const shownIn = (table) => table.filter(({ method }) => chosen.method.has(method));
const byMethod = (points) => Object.fromEntries(points.map((point) => [point.method, point]));
const narrow = () => innerWidth < 700;
matchMedia('(max-width: 699px)').addEventListener('change', () => changed());
const nothing = (why) => [make('p', { class: 'empty' }, why), ''];

function tradeoff(block) {
  const { x: acrossName, y: upName, points } = block.figures.tradeoff;
  const [across, up] = points.map((table) => byMethod(shownIn(table)));
  const methods = Object.keys(across).filter((method) => up[method]);
  if (!methods.length) return nothing(`Nothing to show: no shown method has both ${acrossName} and ${upName}.`);
  const plot = canvas(440, Math.max(280, 60 + LINE_HEIGHT * methods.length), { left: 52, right: 152, top: 12, bottom: 40 }, `${acrossName} against ${upName}`);
  const ends = (table) => methods.flatMap((method) => [table[method].mean, Math.max(0, table[method].low ?? table[method].mean), Math.min(1, table[method].high ?? table[method].mean)]);
  const x = scale(ends(across), plot.left, plot.right);
  const y = scale(ends(up), plot.bottom, plot.top);
  const target = [across.reference, up.reference];
  if (target[0] && target[1]) {
    [[x, 0], [y, 1]].forEach(([at, which]) => {
      const { mean, sd } = target[which];
      if (sd) {
        const [a, b] = [at.within(mean - sd), at.within(mean + sd)].sort((one, two) => one - two);
        plot.drawing.append(which === 0
          ? svg('rect', { class: 'shade', x: a, width: b - a, y: plot.top, height: plot.bottom - plot.top })
          : svg('rect', { class: 'shade', y: a, height: b - a, x: plot.left, width: plot.right - plot.left }));
      }
      plot.drawing.append(which === 0 ? line(x(mean), plot.top, x(mean), plot.bottom, { class: 'target' }) : line(plot.left, y(mean), plot.right, y(mean), { class: 'target' }));
    });
  }
  axes(plot, x, y, { x: axisTitle(acrossName), y: axisTitle(upName) });
  methods.forEach((method) => {
    const [a, b] = [across[method], up[method]];
    const look = { stroke: ink(method), 'stroke-width': 1, opacity: 0.6 };
    if (a.low !== null) plot.drawing.append(line(x.within(a.low), y(b.mean), x.within(a.high), y(b.mean), look));
    if (b.low !== null) plot.drawing.append(line(x(a.mean), y.within(b.low), x(a.mean), y.within(b.high), look));
  });
  methods.forEach((method) => plot.drawing.append(marker(x(across[method].mean), y(up[method].mean), method, method === 'reference' ? 5.5 : 4.5,
    `${method}: ${acrossName} ${rough(across[method].mean)}, ${upName} ${rough(up[method].mean)}`)));
  marginLabels(plot, methods.map((method) => [method, x(across[method].mean), y(up[method].mean)]));
  const over = seedsOver(methods.flatMap((method) => [across[method].seeds, up[method].seeds]));
  return [plot.drawing, `Mean over ${over}; bars: 95 % t intervals of the mean. Dashed: the reference; shaded: its ${block.spread}.`];
}
function axisTitle(metric) {
  const [family, which] = metric.split('/');
  return family === 'accuracy' ? `${which.replace('_', '-')} accuracy (fraction)` : metric;
}

function cost(block) {
  const [spent, gaps] = block.figures.cost.points.map((table) => byMethod(shownIn(table)));
  const price = block.figures.cost.points[0].find(({ method }) => method === 'reference')?.mean;
  const methods = Object.keys(gaps).filter((method) => method !== 'original' && spent[method]?.mean > 0);
  if (!methods.length) return nothing('Nothing to show: no shown method has both cost/seconds above 0 and a gap to the reference.');
  const plot = canvas(440, Math.max(280, 60 + LINE_HEIGHT * methods.length), { left: 52, right: 152, top: 12, bottom: 40 }, 'Cost against average gap');
  const x = scale([...methods.map((method) => spent[method].mean), price ?? NaN], plot.left, plot.right, { logarithmic: true });
  const y = scale([0], plot.bottom, plot.top, { limits: [0, 1.05 * Math.max(1e-6, ...methods.map((method) => gaps[method].high ?? gaps[method].mean))] });
  if (price > 0) plot.drawing.append(line(x(price), plot.top, x(price), plot.bottom, { class: 'target' }));
  axes(plot, x, y, { x: 'seconds of the method\u2019s own work', y: 'average gap to the reference' });
  methods.forEach((method) => {
    const [at, gap] = [x(spent[method].mean), gaps[method]];
    if (gap.low !== null) plot.drawing.append(line(at, y.within(gap.low), at, y.within(gap.high), { stroke: ink(method), 'stroke-width': 1, opacity: 0.6 }));
    plot.drawing.append(marker(at, y(gap.mean), method, 4.5, `${method}: ${rough(spent[method].mean)} s, average gap ${rough(gap.mean)}`));
  });
  marginLabels(plot, methods.map((method) => [method, x(spent[method].mean), y(gaps[method].mean)]));
  return [plot.drawing, `Mean over ${seedsOver(methods.map((method) => gaps[method].seeds))}; bars: 95 % t intervals. Gap: mean of |value \u2212 reference| over `
    + `${block.figures.cost.metrics.join(', ')}, within each training seed; that of retrain is the noise floor. Dashed: what training the reference costs.`];
}

// Per method the value of each shown training seed, and of the reference beside it; draws are averaged.
function perSeed(block, metric) {
  const sums = new Map();
  const add = (method, seed, value, reference) => {
    if (value === null || value === undefined) return;
    const own = sums.get(method) ?? sums.set(method, new Map()).get(method);
    const { values, references } = own.get(seed) ?? own.set(seed, { values: [], references: [] }).get(seed);
    values.push(value);
    if (reference !== null && reference !== undefined) references.push(reference);
  };
  const bare = metric.replace(/ \(.*$/, '');
  for (const entry of CELLS) {
    if (!chosen.seed.has(entry.seed) || entry.block.some((part, index) => part !== block.labels[index])) continue;
    if (bare + (entry.suffixes[bare.split('/')[0]] ?? '') !== metric) continue;
    const reference = entry.reference?.[bare];
    if (entry.method !== 'original') add(entry.method, entry.seed, entry.values[entry.names.indexOf(bare)], reference);
    add('original', entry.seed, entry.original?.[bare], reference);
  }
  const mean = (values) => (values.length ? values.reduce((a, b) => a + b, 0) / values.length : null);
  return Object.fromEntries([...sums].map(([method, own]) => [method,
    [...own].map(([seed, { values, references }]) => ({ seed, value: mean(values), reference: mean(references) }))]));
}

function seedDots(block, metric) {
  const seeds = perSeed(block, metric);
  const methods = Object.keys(block.lines).filter((method) => seeds[method] && chosen.method.has(method));
  if (!methods.length) return nothing(`Nothing to show: no shown cell has a value of ${metric}.`);
  const paired = methods.some((method) => seeds[method].some(({ reference }) => reference !== null));
  const dots = (method) => seeds[method].filter(({ reference }) => !paired || reference !== null).map(({ seed, value, reference }) => [seed, paired ? value - reference : value]);
  const summary = (method) => {
    const own = block.lines[method][metric];
    if (paired) return { mean: own?.gap, low: own?.gap_low, high: own?.gap_high };
    return { mean: own?.mean, low: own?.sd === undefined ? undefined : own.mean - own.sd, high: own?.sd === undefined ? undefined : own.mean + own.sd };
  };
  const row = 17;
  const plot = canvas(440, 56 + row * methods.length, { left: 138, right: 12, top: 8, bottom: 40 }, `${metric} per training seed`);
  const reach = block.lines.reference?.[metric]?.sd;
  const x = scale([...methods.flatMap((method) => [...dots(method).map((dot) => dot[1]), summary(method).low, summary(method).high]), ...(paired ? [0] : [])], plot.left, plot.right);
  if (paired) {
    if (reach) plot.drawing.append(svg('rect', { class: 'shade', x: x.within(-reach), width: x.within(reach) - x.within(-reach), y: plot.top, height: plot.bottom - plot.top }));
    plot.drawing.append(line(x(0), plot.top, x(0), plot.bottom, { class: 'target' }));
  }
  axes(plot, x, null, { x: paired ? `${metric} minus the reference\u2019s, same seed` : metric });
  methods.forEach((method, index) => {
    const y = plot.top + row * (index + 0.5);
    plot.drawing.append(line(plot.left, y, plot.right, y, { class: 'rule' }), label(plot.left - 8, y + 3.8, clipped(method, 20), { 'text-anchor': 'end' }));
    for (const [seed, value] of dots(method)) {
      plot.drawing.append(svg('circle', { cx: x(value).toFixed(2), cy: y, r: 2.6, fill: ink(method), opacity: 0.45 }, svg('title', {}, `${method}, seed ${seed}: ${rough(value)}`)));
    }
    const { mean, low, high } = summary(method);
    if (low !== undefined) plot.drawing.append(line(x.within(low), y, x.within(high), y, { stroke: ink(method), 'stroke-width': 1.6 }));
    if (mean !== undefined) plot.drawing.append(line(x(mean), y - 5, x(mean), y + 5, { stroke: ink(method), 'stroke-width': 2.4 }));
  });
  return [plot.drawing, `A dot: one training seed. Bar: mean over all of them, with ${paired ? `its 95 % t interval. Shaded, of the reference: ${block.spread}` : block.spread}.`];
}

function variance(block, metric) {
  const table = shownIn(block.figures.variance.lines).filter((entry) => entry.metric === metric);
  if (!table.length) return null;
  const row = 18;
  const plot = canvas(440, 88 + row * table.length, { left: 138, right: 16, top: 40, bottom: 40 }, 'Shares of the variance');
  const x = scale([0], plot.left, plot.right, { limits: [0, 1] });
  axes(plot, x, null, { x: `share of the variance of ${metric}` });
  const colours = ['#0077bb', '#33bbee', '#009988', '#ee7733', '#8a939c'];
  const parts = Object.entries(block.figures.variance.titles).map(([share, name], index) => [share, name, colours[index]])
    .filter(([share]) => table.some((entry) => entry[share] != null));
  let [at, under] = [4, 0];
  for (const [, name, colour] of parts) {
    const room = 24 + 5.6 * name.length;
    if (at + room > 440) [at, under] = [4, under + 14];
    plot.drawing.append(svg('rect', { x: at, y: 5 + under, width: 10, height: 10, fill: colour }), label(at + 14, 14 + under, name));
    at += room;
  }
  table.forEach((entry, index) => {
    const y = plot.top + row * index;
    let from = 0;
    plot.drawing.append(label(plot.left - 8, y + 13, clipped(entry.method, 20), { 'text-anchor': 'end' }));
    for (const [share, name, colour] of parts) {
      const size = entry[share] ?? 0;
      plot.drawing.append(svg('rect', { x: x(from), y: y + 3, width: x(from + size) - x(from), height: row - 6, fill: colour }, svg('title', {}, `${entry.method}, ${name}: ${number(size, '.1%')} %`)));
      from += size;
    }
  });
  return [plot.drawing, 'Estimated components of the variance (analysis of variance; negative estimates set to 0).'];
}

function roc(block) {
  const methods = Object.keys(block.lines).filter((method) => method !== 'reference' && block.figures.roc[method] && chosen.method.has(method));
  if (!methods.length) return null;
  const columns = Math.min(narrow() ? 2 : 6, methods.length);
  const [width, height] = [150, 132];
  const plot = canvas(columns * width + 30, Math.ceil(methods.length / columns) * height + 34, { left: 30, right: 0, top: 0, bottom: 30 }, 'Membership ROC');
  const least = Math.log10(block.figures.roc[methods[0]].fpr[0]);
  methods.forEach((method, index) => {
    const [left, top] = [34 + (index % columns) * width, 18 + Math.floor(index / columns) * height];
    const x = scale([0], left, left + width - 18, { logarithmic: true, limits: [least, 0] });
    const y = scale([0], top + height - 36, top, { limits: [0, 1] });
    plot.drawing.append(line(left, y(0), left + width - 18, y(0), { class: 'domain' }), line(left, y(0), left, y(1), { class: 'domain' }),
      label(left, top - 5, clipped(method, 20), { style: `fill:${ink(method)}` }));
    const whole = x.ticks.filter(([value]) => Number.isInteger(Math.log10(value)));
    for (const [value, text] of whole.filter((_, index) => whole.length < 4 || index % 2 === 0 || index === whole.length - 1)) plot.drawing.append(label(x(value), y(0) + 12, text, { class: 'tick', 'text-anchor': value === 1 ? 'end' : Math.log10(value) <= least + 0.1 ? 'start' : 'middle' }));
    if (index % columns === 0) for (const value of [0, 1]) plot.drawing.append(label(left - 5, y(value) + 4, value, { class: 'tick', 'text-anchor': 'end' }));
    const chance = block.figures.roc[method].fpr.map((value) => `${x(value).toFixed(1)},${y(value).toFixed(1)}`).join(' ');
    plot.drawing.append(svg('polyline', { points: chance, class: 'target', fill: 'none' }));
    for (const name of ['reference', method]) {
      const curve = block.figures.roc[name];
      if (!curve) continue;
      const path = (values) => curve.fpr.map((value, at) => `${x(value).toFixed(1)},${y(values[at]).toFixed(1)}`);
      plot.drawing.append(svg('polygon', { points: [...path(curve.low), ...path(curve.high).reverse()].join(' '), fill: ink(name), opacity: 0.14 }),
        svg('polyline', { points: path(curve.mean).join(' '), fill: 'none', stroke: ink(name), 'stroke-width': name === method ? 1.6 : 1 }, svg('title', {}, name)));
    }
  });
  plot.drawing.append(label(plot.width / 2, plot.height - 4, narrow() ? 'across: false-, upwards: true-positive rate' : 'false-positive rate (logarithmic); upwards: true-positive rate', { class: 'axis', 'text-anchor': 'middle' }));
  return [plot.drawing, `Mean over ${plural(Math.max(...methods.map((method) => block.figures.roc[method].seeds)), 'training seed')}, shaded: \u00b1 ${block.spread}. Thin: the reference; dashed: chance.`];
}

function classes(block) {
  const { names, changes, seeds } = block.figures.classes;
  const methods = Object.keys(block.lines).filter((method) => changes[method] && chosen.method.has(method));
  if (!methods.length) return null;
  const [row, column, left] = [19, Math.max(14, Math.min(46, (narrow() ? 250 : 760) / names.length)), narrow() ? 110 : 150];
  const upright = Math.max(...names.map((name) => clipped(name, 14).length)) * 6 < column;
  const top = upright ? 22 : 20 + 5.6 * Math.min(14, Math.max(...names.map((name) => name.length)));
  const plot = canvas(left + column * names.length + 10, top + row * methods.length + 6, { left, right: 0, top, bottom: 0 }, 'Accuracy per class');
  const limit = Math.max(0.05, ...methods.flatMap((method) => changes[method].map(Math.abs)));
  names.forEach((name, index) => {
    const x = left + column * (index + 0.5);
    plot.drawing.append(upright ? label(x, top - 7, name, { 'text-anchor': 'middle', class: 'tick' })
      : label(0, 0, clipped(name, 14), { class: 'tick', transform: `translate(${x + 4} ${top - 6}) rotate(-90)` }));
  });
  methods.forEach((method, line_) => {
    const y = top + row * line_;
    plot.drawing.append(label(left - 8, y + 13, clipped(method, narrow() ? 14 : 20), { 'text-anchor': 'end' }));
    changes[method].forEach((value, index) => {
      if (value === null) return;
      const share = Math.abs(value) / limit;
      plot.drawing.append(svg('rect', { x: left + column * index + 0.5, y: y + 0.5, width: column - 1, height: row - 1, fill: value < 0 ? '#c0392b' : '#1f6fb2', 'fill-opacity': (0.04 + 0.86 * share).toFixed(3) },
        svg('title', {}, `${method}, class ${names[index]}: ${number(value, '.1%', true)} points`)));
      if (column >= 26) plot.drawing.append(label(left + column * (index + 0.5), y + 13, number(value, '.0%', true), { 'text-anchor': 'middle', style: `pointer-events:none;font-size:10px${share > 0.55 ? ';fill:#fff' : ''}` }));
    });
  });
  return [plot.drawing, `Accuracy of the class minus that of the reference, in percentage points; mean over ${plural(seeds, 'training seed')}. Red: below the reference; blue: above.`];
}

function figure(title, draw, { wide = false, control = null } = {}) {
  const place = make('figure', { class: wide ? 'figure wide' : 'figure' });
  place.show = () => {
    const drawn = draw();
    place.hidden = drawn === null;
    if (drawn) replace(place, make('div', { class: 'head' }, make('h4', {}, title), control), drawn[0], make('figcaption', {}, drawn[1]));
  };
  return place;
}

function blockFigures(block) {
  let metric = block.metrics['accuracy/forget'] ? 'accuracy/forget' : Object.keys(block.metrics)[0];
  const select = make('select', { 'aria-label': 'Metric', onchange: (event) => { metric = event.target.value; dots.show(); shares.show(); } },
    Object.keys(block.metrics).map((name) => make('option', { value: name, selected: name === metric }, name)));
  const dots = figure('Every training seed', () => seedDots(block, metric), { control: select });
  const shares = figure('Where the variance comes from', () => variance(block, metric));
  const absent = make('p', { class: 'hint' });
  const all = [figure('Forgetting against utility', () => tradeoff(block)), dots, figure('Cost against gap', () => cost(block)), shares,
    figure('Membership inference', () => roc(block), { wide: true }), figure('Accuracy of each class', () => classes(block), { wide: true })];
  const reasons = [
    [shares, 'shares of the variance need two draws within each training seed, as in seeds.unlearn=range(3) or seeds.forget=range(3)'],
    [all[4], 'membership curves need rows with the series membership/roc'],
    [all[5], 'accuracies per class need rows with the series accuracy/by_class'],
  ];
  const show = () => {
    if (!blockShown(block.labels)) return;
    all.forEach((one) => one.show());
    const why = reasons.filter(([one]) => one.hidden).map(([, reason]) => reason);
    absent.textContent = why.length ? `Not shown: ${why.join('; ')}.` : '';
  };
  show();
  listeners.push(show);
  return [make('div', { class: 'head' }, heading(block)), make('div', { class: 'grid' }, all), absent];
}

function figures() {
  const places = DATA.blocks.filter((block) => block.figures).map((block) => {
    const place = make('article', { class: 'block' });
    place.style.minHeight = '20rem';
    later(place, () => { place.style.minHeight = ''; replace(place, blockFigures(block)); });
    return [block, place];
  });
  const show = () => places.forEach(([block, place]) => { place.hidden = !blockShown(block.labels); });
  replace(byId('drawings'), places.map(([, place]) => place));
  listeners.push(show);
  show();
}
