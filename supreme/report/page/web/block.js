// The table of one block: methods down, metrics across; the reference stays on top however one sorts.

// What a table shows and in which order, which its address tells also while it is not drawn yet.
function blockState(block) {
  block.known = Object.keys(block.metrics).filter((metric) => Object.values(block.lines).some((own) => own[metric]?.seeds));
  block.shown = block.shown.filter((metric) => block.known.includes(metric));
  block.columns = new Set(block.shown);
  block.order = { by: null, down: false, gap: false };
  block.several = Object.keys(block.lines).some((method) => block.names[method][1]);
  block.verdicts_told = Object.keys(block.verdicts).length > 0;
  block.removed_told = Object.values(block.verdicts).some((told) => told.removed !== undefined);
  block.show = () => {};
  block.drawn = new Map();  // the metric of a figure, where one has been chosen
  remember((address) => block.drawn.forEach((metric, name) => address.append(`figure-${block.slug}`, `${name} ${metric}`)), (address) => {
    block.drawn = new Map(address.getAll(`figure-${block.slug}`).map((told) => [told.slice(0, told.indexOf(' ')), told.slice(told.indexOf(' ') + 1)]));
  });
  rememberSet(`columns-${block.slug}`, block.known, block.columns, () => block.show(), block.shown);
  rememberOrder(block.slug, block.order, ['method', 'variant', 'verdict', 'removed', ...block.known]);
  remember((address) => { if (block.order.gap) address.append(`by-${block.slug}`, 'gap'); }, (address) => {
    block.order.gap = address.get(`by-${block.slug}`) === 'gap';
    block.show();
  });
}

const ROOMY = 5;  // so many columns have room for a gap with its interval in one line

function blockTable(block) {
  const { known, columns: shown, order } = block;
  const place = make('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': `Results of ${block.labels.filter(Boolean).join(', ')}` });
  const [name, variant] = [0, 1].map((part) => (method) => block.names[method][part]);
  const { several, verdicts_told: verdicts, removed_told: removed } = block;
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
        keepAddress();
      },
    }, title));
  }
  function draw() {
    const metrics = known.filter((metric) => shown.has(metric));
    const methods = Object.keys(block.lines).filter((method) => chosen.method.has(method));
    const heads = [['method', 'method'], ...(several ? [['variant', 'variant', 'words']] : []), ...(verdicts ? [['verdict', 'verdict', 'words']] : []), ...(removed ? [['removed', 'removed']] : []),
      ...metrics.map((metric) => [metric, block.metrics[metric][0]])];
    if (order.by !== null) methods.sort((a, b) => (b === 'reference') - (a === 'reference') || compare(a, b));
    replace(place, make('table', { class: metrics.length > ROOMY ? 'dense' : null },
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
  const by = make('select', { 'aria-label': 'Sort columns by', onchange: (event) => { order.gap = event.target.value === 'gap'; draw(); keepAddress(); } },
    make('option', { value: 'value' }, 'sort by value'), make('option', { value: 'gap' }, 'sort by |gap|'));
  const choice = menu('metrics', known, shown, () => { draw(); keepAddress(); }, { right: true });
  block.show = () => { choice.show(); by.value = order.gap ? 'gap' : 'value'; };  // when an address is taken
  block.show();
  const whole = () => Object.keys(block.lines).every((method) => chosen.method.has(method)) && shown.size === block.shown.length && block.shown.every((metric) => shown.has(metric));
  const title = block.labels.filter(Boolean).join(' \u00b7 ');
  const seen = (note, index) => index < block.always; // what makes a number invalid stands beside it
  const [first, rest] = [block.notes.filter(seen), block.notes.filter((note, index) => !seen(note, index))];
  const items = (notes) => make('ul', { class: 'notes' }, notes.map((note) => make('li', {}, worded(note))));
  return make('article', { class: 'block' },
    make('div', { class: 'head' }, heading(block, `block-${block.slug}`), make('div', { class: 'controls' }, by, choice, copyMenu(block.slug, title, whole))),
    SPREADS.length > 1 && block.spread ? make('p', { class: 'hint' }, `± ${block.spread}`) : null,
    place, items(first),
    rest.length ? make('details', { class: 'more', open: rest.length <= 4 }, make('summary', {}, plural(rest.length, 'more note')), items(rest)) : null);
}

function heading(block, id = null) {
  const [data, model, recipe, scenario, setting] = block.labels;
  const title = `${data} · ${model} · ${scenario}`;
  return make('h3', {}, `${title} `, make('span', { class: 'soft' }, `recipe ${recipe}${setting ? ` · ${setting}` : ''}`),
    id ? make('a', { class: 'here', href: `#${id}`, 'aria-label': `Address of the table ${title}` }) : null);
}

function tables() {
  legend();
  DATA.blocks.forEach(blockState);
  const parts = DATA.blocks.map((block) => [block, make('div', { id: `block-${block.slug}` })]);
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
