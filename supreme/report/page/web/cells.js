// The list of cells, a part at a time, and the drawer with everything that is known of one.
const AT_ONCE = 200;
const KEY_METRICS = ['accuracy/forget', 'accuracy/retain', 'accuracy/test', 'membership/auc', 'cost/seconds'];
let listed = [];

// Of a metric as the row calls it; several configs of one metric share the column here.
function valueOf(entry, metric) {
  const index = unpacked(entry.names).indexOf(metric);
  return index < 0 ? null : entry.values[index];
}
const draws = (entry) => Object.entries(unpacked(entry.row.seeds) ?? {});

function cellColumns() {
  const varying = LABELS.map((name, index) => [name, index]).filter(([name]) => FILTERS.find((one) => one.name === name).values.length > 1);
  const drawn = ['forget', 'reference', 'unlearn', 'evaluate'].filter((role) => CELLS.some((entry) => {
    const seeds = Object.fromEntries(draws(entry));
    return role === 'forget' ? seeds.forget !== entry.seed : seeds[role] > 0;
  }));
  const metrics = KEY_METRICS.filter((metric) => CELLS.some((entry) => valueOf(entry, metric) !== null));
  const noted = CELLS.some((entry) => unpacked(entry.row.notes)?.length);
  const formatOf = (metric) => DATA.blocks.map((block) => block.metrics[metric]).find(Boolean) ?? [metric, '.4f'];
  return [
    ['cell', (entry) => entry.cell, 'words'],
    ['method', (entry) => entry.method, 'words'],
    ...varying.map(([name, index]) => [name, (entry) => entry.block[index], 'words']),
    ['seed', (entry) => entry.seed, ''],
    ...drawn.map((role) => [`${role} draw`, (entry) => Object.fromEntries(draws(entry))[role], '']),
    ...metrics.map((metric) => [formatOf(metric)[0], (entry) => valueOf(entry, metric), '', (value) => number(value, formatOf(metric)[1])]),
    ...(noted ? [['notes', (entry) => (unpacked(entry.row.notes) ?? []).join('; '), 'words']] : []),
  ];
}

function cellList() {
  const columns = cellColumns();
  const order = { by: null, down: false };
  const place = byId('list');
  const body = make('tbody', {});
  const end = make('p', { class: 'hint', 'aria-hidden': 'true' });
  let drawn = 0;
  const more = new IntersectionObserver((seen) => { if (seen.some((one) => one.isIntersecting)) add(); }, { root: place, rootMargin: '300px' });

  function add() {
    for (const entry of listed.slice(drawn, drawn + AT_ONCE)) {
      body.append(make('tr', { 'data-cell': entry.cell, onclick: () => openCell(entry) }, columns.map(([name, value, kind, form]) => {
        const found = value(entry);
        if (name === 'cell') return make('td', {}, make('button', { type: 'button', 'aria-label': `Details of cell ${found}` }, found.slice(0, 8)));
        return make('td', { class: found === null ? 'none' : kind || null }, form ? form(found) : String(found ?? ''));
      })));
    }
    drawn = Math.min(listed.length, drawn + AT_ONCE);
    end.textContent = drawn < listed.length ? `${drawn} of ${listed.length} lines; the others follow as you scroll` : '';
    more.unobserve(end);
    if (drawn < listed.length) more.observe(end);
  }
  function head() {
    return make('thead', {}, make('tr', {}, columns.map(([name, , kind], index) => make('th', {
      scope: 'col', class: kind || null, 'aria-sort': order.by === index ? (order.down ? 'descending' : 'ascending') : 'none',
    }, make('button', { type: 'button', onclick: () => { order.down = order.by === index && !order.down; order.by = index; draw(); place.querySelectorAll('thead button')[index].focus(); } }, name)))));
  }
  function draw() {
    listed = CELLS.filter(cellShown);
    if (order.by !== null) {
      const value = columns[order.by][1];
      const decorated = listed.map((entry) => [value(entry), entry]);
      decorated.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : (order.down ? -1 : 1) * (a < b ? -1 : a > b ? 1 : 0)));
      listed = decorated.map(([, entry]) => entry);
    }
    body.replaceChildren();
    drawn = 0;
    replace(place, make('table', {}, head(), body), end);
    place.scrollTop = 0;
    add();
    byId('cells-hint').textContent = `${listed.length} of ${plural(CELLS.length, 'cell')} shown, one line each. A line opens its metrics, config, provenance and log.`;
  }
  listeners.push(draw);
  draw();
}

const PANES = { Metrics: metricsPane, Config: configPane, Provenance: provenancePane, Log: logPane };
let pane = 'Metrics';

function openCell(entry) {
  const drawer = byId('drawer');
  const at = listed.indexOf(entry);
  const go = (step) => () => openCell(listed[at + step]);
  const body = make('div', { class: 'pane', role: 'tabpanel', tabindex: '0' });
  const tabs = Object.keys(PANES).map((name) => make('button', { type: 'button', role: 'tab', onclick: () => show(name) }, name));
  function show(name) {
    pane = name;
    tabs.forEach((tab) => {
      tab.setAttribute('aria-selected', tab.textContent === name);
      tab.tabIndex = tab.textContent === name ? 0 : -1;
      tab.toggleAttribute('autofocus', tab.textContent === name);
    });
    replace(body, PANES[name](entry));
    drawer.scrollTop = 0;
  }
  const bar = make('div', { class: 'tabs', role: 'tablist', onkeydown: (event) => {
    const step = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!step) return;
    const next = tabs[(tabs.findIndex((tab) => tab.textContent === pane) + step + tabs.length) % tabs.length];
    show(next.textContent);
    next.focus();
  } }, tabs);
  replace(drawer,
    make('div', { class: 'sticky' },
      make('div', { class: 'row' },
        make('div', {}, make('h3', { id: 'drawer-title' }, `${entry.method} · ${entry.block[3]} · seed ${entry.seed}`),
          make('div', { class: 'soft' }, `${entry.block[0]} · ${entry.block[1]} · recipe ${entry.block[2]} · ${entry.block[4] ? `${entry.block[4]} · ` : ''}cell `, make('code', {}, entry.cell))),
        make('div', { class: 'actions' },
          make('button', { type: 'button', class: 'plain', disabled: at <= 0, onclick: go(-1), 'aria-label': 'Previous cell' }, '↑'),
          make('button', { type: 'button', class: 'plain', disabled: at < 0 || at + 1 >= listed.length, onclick: go(1), 'aria-label': 'Next cell' }, '↓'),
          make('button', { type: 'button', class: 'plain', onclick: () => drawer.close() }, 'Close'))),
      bar),
    body);
  show(pane);
  if (!drawer.open) drawer.showModal();
}

function metricsPane(entry) {
  const reasons = unpacked(entry.row.reasons) ?? {};
  const [reference, original] = [unpacked(entry.row.reference) ?? {}, unpacked(entry.row.original) ?? {}];
  const value = (number_, why) => make('td', { class: number_ === null || number_ === undefined ? 'none' : null, title: why ?? null }, rough(number_));
  const lines = unpacked(entry.names).map((metric, index) => {
    const own = [['', reasons.metrics?.[metric]], ['reference: ', reasons.reference?.[metric]], ['original: ', reasons.original?.[metric]]];
    return make('tr', {}, make('th', { scope: 'row' }, metric), value(entry.values[index], own[0][1]), value(reference[metric], own[1][1]), value(original[metric], own[2][1]),
      make('td', { class: 'words soft' }, own.filter(([, why]) => why).map(([whose, why]) => whose + why).join('; ')));
  });
  const plain = (name) => [make('h4', {}, name), make('pre', {}, asText(unpacked(entry.row[name]) ?? null))];
  const table = make('table', { class: 'values' },
    make('thead', {}, make('tr', {}, ['metric', 'unlearned', 'reference', 'original', 'why there is none'].map((name) => make('th', { scope: 'col', style: 'position:static;padding:.35rem .7rem' }, name)))),
    make('tbody', {}, lines));
  return [make('div', { class: 'box' }, table), make('p', {}), plain('cost'), plain('sets'), plain('notes')];
}
function configPane(entry) {
  return [make('p', { class: 'hint' }, 'The resolved config: every value that this cell was run with.'), make('pre', { id: 'config' }, asText(unpacked(entry.row.config)))];
}
function provenancePane(entry) {
  const provenance = unpacked(entry.row.provenance) ?? {};
  const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
  const command = ['python', '-m', 'supreme', ...(provenance.overrides ?? [])].map(quoted).join(' ');
  return [make('h4', {}, 'This cell alone'), make('pre', {}, command), make('h4', {}, 'Seeds'), make('pre', {}, asText(unpacked(entry.row.seeds))),
    make('h4', {}, 'Forget set, SHA-256 of its sorted indices'), make('pre', {}, String(unpacked(entry.row.forget_digest) ?? 'unknown')),
    make('h4', {}, 'Provenance'), make('pre', {}, asText(provenance))];
}
function logPane(entry) {
  const name = `${entry.cell.slice(0, 16)}.log`;
  if (!entry.log) return [make('p', { class: 'empty' }, `There was no log at logs/${name} when this page was made.`)];
  return [make('p', { class: 'hint' }, 'As it was when this page was made; the file: ', make('a', { href: `../logs/${encodeURIComponent(name)}` }, `logs/${name}`)), make('pre', { id: 'log' }, entry.log)];
}
