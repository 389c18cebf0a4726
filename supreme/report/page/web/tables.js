// One table per block: methods down, metrics across; the reference stays on top however one sorts.
const VERDICTS = {
  'equivalent': ['(E)', 'equivalent', 'equivalent within the margin, for this cell alone'],
  'different': ['D', 'different', 'the interval of the gap excludes 0, and is not within the margin'],
  'different but negligible': ['(N)', 'negligible', 'different from the reference, but within the margin, for this cell alone'],
  'inconclusive': ['?', 'inconclusive', 'neither shown: more seeds would tell'],
  'equal': ['=', 'equivalent', 'equal to the reference in every seed'],
};
const given = new Set(DATA.blocks.flatMap((block) => Object.values(block.lines).flatMap((own) => Object.values(own).map((line) => line.verdict))).filter(Boolean));
const SPREADS = [...new Set(DATA.blocks.map((block) => block.spread).filter(Boolean))];
const judged = DATA.blocks.some((block) => Object.keys(block.verdicts).length);
const WHOLE = { E: 'equivalent', N: 'negligible', D: 'different', '?': 'inconclusive', '=': 'equivalent' };

// The letter of a verdict; small where the difference does not survive the correction for many methods.
function badge(verdict, corrected = undefined) {
  const [capital, name] = VERDICTS[verdict] ?? ['', ''];
  const small = ['different', 'negligible'].includes(name) && corrected !== undefined && corrected >= 0.05;
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
  const spreads = SPREADS;
  const parts = [make('span', {}, 'mean ', make('span', { class: 'soft' }, `± ${spreads.length === 1 ? spreads[0] : 'SD: what it is of stands beside each table'}`)),
    make('span', {}, 'below: gap to the reference [95 % interval]')];
  if (given.size) {
    if (judged) parts.push(make('span', {}, 'verdict: of the whole method, over all its primary endpoints'));
    for (const [verdict, [, , why]] of Object.entries(VERDICTS)) if (given.has(verdict) || verdict !== 'equal') parts.push(make('span', { title: why }, badge(verdict), verdict));
    parts.push(make('span', {}, '(E), (N): for one cell alone'), make('span', {}, 'd, (n): not after the correction for many methods'));
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

// The verdict on a whole method with its letter and reason, and the headline: how much of the forgotten it removed.
function verdictCell(block, told) {
  if (!told) return make('td', { class: 'none' }, '');
  const letter = told.letter ?? '';
  const kind = WHOLE[letter.replace(/[()]/g, '').toUpperCase()] ?? 'inconclusive';
  const metrics = Array.isArray(told.different_in) ? told.different_in : (told.different_in ?? '').split(', ').filter(Boolean);
  const words = metrics.map((metric) => (block.metrics[metric]?.[0] ?? metric).replace(/ %$/, '')).join(', ');
  const why = words ? `different in ${words}` : told.own_reason ? worded(told.own_reason) : null;  // the notes tell what holds for all
  return make('td', { class: 'words verdict', title: [told.verdict, told.reason, words ? `different in ${words}` : null].filter(Boolean).join('\n') },
    letter ? make('span', { class: `badge ${kind}`, 'aria-hidden': 'true' }, letter) : null, told.verdict ?? '',
    why ? make('span', { class: 'gap' }, why) : null);
}
function removedCell(block, told) {
  if (!told) return make('td', { class: 'none' }, '');
  if (told.removed === undefined) return make('td', { class: 'none', title: told.reason ?? null }, 'n/a');
  const percent = (value) => number(value, '.0%');
  return make('td', { title: '0 %: as the original; 100 %: as the reference, or as far from it as another retrained model' }, `${percent(told.removed)} %`,
    told.removed_low === undefined ? null : make('span', { class: 'sd' }, ` [${percent(told.removed_low)}, ${percent(told.removed_high)}]`),
    told.removed_metric ? make('span', { class: 'gap' }, (block.metrics[told.removed_metric]?.[0] ?? told.removed_metric).replace(/ %$/, '')) : null);
}

// A method without any row here: that it failed is its result.
function failedLine(one, columns) {
  return make('tr', { class: 'failed', 'data-method': one.method },
    make('th', { scope: 'row' }, one.method, failedMark(one)),
    columns ? make('td', { class: 'words none', colspan: columns, title: one.errors.join('\n') }, one.errors[0]) : null);
}
const failedMark = (one) => make('span', { class: 'bad', title: one.errors.join('\n') }, ` ${one.told}`);

function blockTable(block) {
  const shown = new Set(block.shown);
  const order = { by: null, down: false, gap: false };
  const place = make('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': `Results of ${block.labels.filter(Boolean).join(', ')}` });
  const known = Object.keys(block.metrics).filter((metric) => Object.values(block.lines).some((own) => own[metric]?.seeds));

  const [name, variant] = [0, 1].map((part) => (method) => block.names[method][part]);
  const several = Object.keys(block.lines).some(variant);
  const verdicts = Object.keys(block.verdicts).length > 0;
  const removed = Object.values(block.verdicts).some((told) => told.removed !== undefined);
  const failed = Object.fromEntries(block.failed.map((one) => [one.method, one]));

  function key(method) {
    const line = block.lines[method][order.by];
    if (!line || !line.seeds) return null;
    return order.gap ? (line.gap === undefined ? null : Math.abs(line.gap)) : line.mean;
  }
  function compare(a, b) {
    const by = { method: (one) => one, variant, verdict: (one) => block.verdicts[one]?.verdict ?? null, removed: (one) => block.verdicts[one]?.removed ?? null }[order.by] ?? key;
    const [one, two] = [by(a), by(b)];
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
    const heads = [['method', 'method'], ...(several ? [['variant', 'variant', 'words']] : []), ...(verdicts ? [['verdict', 'verdict', 'words']] : []), ...(removed ? [['removed', 'removed']] : []),
      ...metrics.map((metric) => [metric, block.metrics[metric][0]])];
    if (order.by) methods.sort((a, b) => (b === 'reference') - (a === 'reference') || compare(a, b));
    replace(place, make('table', {},
      make('thead', {}, make('tr', {}, heads.map((head) => header(...head)))),
      make('tbody', {}, methods.map((method) => make('tr', { class: method === 'reference' ? 'anchor' : null, 'data-method': method },
        make('th', { scope: 'row', class: name(method).length > 24 ? 'long' : null }, swatch(method), name(method), block.tuned.includes(method) ? make('sup', { class: 'soft', title: 'tuned on columns shown here; see the notes' }, ' †') : null, name(method) === 'retrain' ? make('span', { class: 'soft' }, ' noise floor') : null, failed[method] ? failedMark(failed[method]) : null),
        several ? make('td', { class: 'words' }, variant(method)) : null,
        verdicts ? verdictCell(block, block.verdicts[method]) : null, removed ? removedCell(block, block.verdicts[method]) : null,
        metrics.map((metric) => cell(block.lines[method][metric], block.metrics[metric][1])))),
      block.failed.filter((one) => !block.lines[one.method] && chosen.method.has(one.method)).map((one) => failedLine(one, heads.length - 1)))));
  }
  listeners.push(draw);
  draw();
  const by = make('select', { 'aria-label': 'Sort columns by', onchange: (event) => { order.gap = event.target.value === 'gap'; draw(); } },
    make('option', { value: 'value' }, 'sort by value'), make('option', { value: 'gap' }, 'sort by |gap|'));
  const columns = menu('metrics', known, shown, draw, { right: true });
  const seen = (note, index) => index < block.always; // what makes a number invalid stands beside it
  const [first, rest] = [block.notes.filter(seen), block.notes.filter((note, index) => !seen(note, index))];
  const items = (notes) => make('ul', { class: 'notes' }, notes.map((note) => make('li', {}, worded(note))));
  return make('article', { class: 'block', id: `block-${block.slug}` },
    make('div', { class: 'head' }, heading(block), make('div', { class: 'controls' }, by, columns)),
    SPREADS.length > 1 && block.spread ? make('p', { class: 'hint' }, `± ${block.spread}`) : null,
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
