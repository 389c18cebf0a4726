// One table per block: methods down, metrics across; the reference stays on top however one sorts.
const VERDICTS = {
  'equivalent': ['E', 'equivalent', 'the interval of the gap lies within the margin (TOST)'],
  'different': ['D', 'different', 'the interval of the gap excludes 0, and is not within the margin'],
  'different but negligible': ['N', 'negligible', 'different from the reference, but within the margin'],
  'inconclusive': ['?', 'inconclusive', 'neither shown: more seeds would tell'],
};
const hasVerdicts = DATA.blocks.some((block) => Object.values(block.lines).some((own) => Object.values(own).some((line) => line.verdict)));

// The letter of a verdict; small where the difference does not survive the correction for many methods.
function badge(verdict, corrected = undefined) {
  const [capital, name] = VERDICTS[verdict] ?? ['', ''];
  const small = 'DN'.includes(capital) && corrected !== undefined && corrected >= 0.05;
  const letter = small ? capital.toLowerCase() : capital;
  const title = small ? 'not after the correction for many methods' : null;
  return letter ? make('span', { class: `badge ${name}`, title, 'aria-label': verdict }, letter) : null;
}

function swatch(method) {
  const place = svg('svg', { class: 'swatch', viewBox: '-6 -6 12 12', 'aria-hidden': 'true' });
  place.append(marker(0, 0, method, 4.2));
  return place;
}

function legend() {
  const parts = [make('span', {}, 'mean ', make('span', { class: 'soft' }, `± ${[...new Set(DATA.blocks.map((block) => block.spread))].join(', or ')}`)),
    make('span', {}, 'below: gap to the reference [95 % interval]')];
  if (hasVerdicts) {
    for (const [verdict, [, , why]] of Object.entries(VERDICTS)) parts.push(make('span', { title: why }, badge(verdict), verdict));
    parts.push(make('span', {}, 'd, n: not after the correction for many methods'));
  }
  replace(byId('legend'), parts);
}

function cell(line, format) {
  if (!line || !line.seeds) return make('td', { class: 'none', title: line?.reason ?? 'not evaluated' }, 'n/a');
  const about = [plural(line.seeds, 'training seed')];
  if (line.missing) about.push(line.missing);
  if (line.verdict) about.push(line.verdict + (line.margin === undefined ? '' : `, margin ${number(line.margin, format)}`));
  if (line.delta_star !== undefined) about.push(`smallest margin that would be accepted ${number(line.delta_star, format)}`);
  if (line.p_sign_flip !== undefined) about.push(`sign-flip p = ${rough(line.p_sign_flip)}`);
  if (line.p_adjusted !== undefined) about.push(`adjusted p = ${rough(line.p_adjusted)}${line.adjustment ? ` (${line.adjustment})` : ''}`);
  if (line.worst_seed !== undefined) about.push(`worst seed ${line.worst_seed}`);
  const mean = number(line.mean, format);
  return make('td', { title: about.join('\n') },
    line.best ? make('strong', {}, mean) : mean,
    make('span', { class: 'sd' }, line.wilson_low === undefined ? ` ± ${number(line.sd, format)}`
      : ` (${number(line.wilson_low, format)} to ${number(line.wilson_high, format)})`),
    line.gap === undefined ? null : make('span', { class: 'gap' },
      `${number(line.gap, format, true)} [${line.gap_low === undefined ? 'n/a' : `${number(line.gap_low, format, true)}, ${number(line.gap_high, format, true)}`}]`,
      badge(line.verdict, line.p_adjusted)));
}

function blockTable(block) {
  const shown = new Set(block.shown);
  const order = { by: null, down: false, gap: false };
  const place = make('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': `Results of ${block.labels.filter(Boolean).join(', ')}` });
  const known = Object.keys(block.metrics).filter((metric) => Object.values(block.lines).some((own) => own[metric]?.seeds));

  const [name, variant] = [0, 1].map((part) => (method) => block.names[method][part]);
  const several = Object.keys(block.lines).some(variant);

  function told(method) {  // how many of its runs failed
    const one = block.failed.find((other) => other.done && other.method === method);
    return one ? make('span', { class: 'soft' }, ` ${one.told}`) : null;
  }
  function key(method) {
    const line = block.lines[method][order.by];
    if (!line || !line.seeds) return null;
    return order.gap ? (line.gap === undefined ? null : Math.abs(line.gap)) : line.mean;
  }
  function compare(a, b) {
    const [one, two] = order.by === 'method' ? [a, b] : order.by === 'variant' ? [variant(a), variant(b)] : [key(a), key(b)];
    if (one === null || two === null) return (one === null) - (two === null);  // what has no value stays last
    return (order.down ? -1 : 1) * (one < two ? -1 : one > two ? 1 : 0);
  }
  function header(name, title, kind = null) {
    const sorted = order.by === name ? (order.down ? 'descending' : 'ascending') : 'none';
    return make('th', { scope: 'col', class: kind, 'aria-sort': sorted, 'data-metric': name }, make('button', {
      type: 'button',
      title: name,
      onclick: () => {
        order.down = order.by === name ? !order.down : false;
        order.by = name;
        draw();
        place.querySelector(`th[data-metric="${CSS.escape(name)}"] button`).focus();
      },
    }, title));
  }
  function draw() {
    const metrics = known.filter((metric) => shown.has(metric));
    const methods = Object.keys(block.lines).filter((method) => chosen.method.has(method));
    if (order.by) methods.sort((a, b) => (b === 'reference') - (a === 'reference') || compare(a, b));
    replace(place, make('table', {},
      make('thead', {}, make('tr', {}, header('method', 'method'), several ? header('variant', 'variant', 'words') : null, metrics.map((metric) => header(metric, block.metrics[metric][0])))),
      make('tbody', {}, methods.map((method) => make('tr', { class: method === 'reference' ? 'anchor' : null, 'data-method': method },
        make('th', { scope: 'row', class: name(method).length > 24 ? 'long' : null }, swatch(method), name(method), block.tuned.includes(method) ? make('sup', { class: 'soft', title: 'tuned on columns shown here; see the notes' }, ' †') : null, name(method) === 'retrain' ? make('span', { class: 'soft' }, ' noise floor') : null, told(method)),
        several ? make('td', { class: 'words' }, variant(method)) : null,
        metrics.map((metric) => cell(block.lines[method][metric], block.metrics[metric][1])))),
      block.failed.filter((one) => !one.done).map((one) => make('tr', { class: 'failed', 'data-method': one.method },
        make('th', { scope: 'row' }, one.method), make('td', { class: 'none', colspan: String(metrics.length + (several ? 1 : 0) || 1), style: 'text-align:left' }, one.told))))));
  }
  listeners.push(draw);
  draw();
  const by = make('select', { 'aria-label': 'Sort columns by', onchange: (event) => { order.gap = event.target.value === 'gap'; draw(); } },
    make('option', { value: 'value' }, 'sort by value'), make('option', { value: 'gap' }, 'sort by |gap|'));
  const columns = menu('metrics', known, shown, draw, { right: true });
  const seen = (note, index) => index < block.always; // what makes a number invalid stands beside it
  const [first, rest] = [block.notes.filter(seen), block.notes.filter((note, index) => !seen(note, index))];
  const items = (notes) => make('ul', { class: 'notes' }, notes.map((note) => make('li', {}, note)));
  return make('article', { class: 'block', id: `block-${block.slug}` },
    make('div', { class: 'head' }, heading(block), make('div', { class: 'controls' }, by, columns)),
    place, items(first),
    rest.length ? make('details', { class: 'more', open: rest.length <= 4 }, make('summary', {}, plural(rest.length, 'more note')), items(rest)) : null);
}

function heading(block) {
  const [data, model, recipe, scenario, setting] = block.labels;
  return make('h3', {}, `${data} · ${model} · ${scenario} `, make('span', { class: 'soft' }, `recipe ${recipe}${setting ? ` · ${setting}` : ''}`));
}

function tables() {
  legend();
  const parts = DATA.blocks.map((block) => [block, make('div', {})]);
  const empty = make('p', { class: 'empty' }, 'No block is chosen: choose some in the filters above.');
  const show = () => {
    parts.forEach(([block, place]) => { place.hidden = !blockShown(block.labels); });
    empty.hidden = parts.some(([, place]) => !place.hidden);
  };
  replace(byId('blocks'), parts.map(([, place]) => place), empty);
  parts.forEach(([block, place], index) => {
    if (index < 3) replace(place, blockTable(block));
    else { place.style.minHeight = '12rem'; later(place, () => { place.style.minHeight = ''; replace(place, blockTable(block)); }); }
  });
  listeners.push(show);
  show();
}
