// The drawer: everything that is known of one cell.
const PANES = { Metrics: metricsPane, Config: configPane, Provenance: provenancePane, Log: logPane };
let pane = 'Metrics';
let opened = null;

// The row of a cell and its log, which are unpacked with those of its neighbours.
async function detailsOf(entry) {
  const at = CELLS.indexOf(entry);
  return (await part(`details-${Math.floor(at / DATA.details_at_once)}`))[at % DATA.details_at_once];
}

// The address tells which cell is open, and at which of its panes.
function drawerAddress() {
  const drawer = byId('drawer');
  drawer.addEventListener('close', () => { opened = null; keepAddress(); });
  remember((address) => {
    if (!opened) return;
    address.append('cell', opened.cell);
    if (pane !== 'Metrics') address.append('pane', pane);
  }, (address) => {
    const entry = CELLS.find(({ cell }) => cell === address.get('cell'));
    pane = Object.hasOwn(PANES, address.get('pane') ?? '') ? address.get('pane') : entry ? 'Metrics' : pane;
    if (entry) openCell(entry);
    else drawer.close();
  });
}

function openCell(entry) {
  const drawer = byId('drawer');
  const at = listed.indexOf(entry);
  const step = (by) => () => openCell(listed[at + by]);
  opened = entry;
  const body = make('div', { class: 'pane', role: 'tabpanel', tabindex: '0' });
  const tabs = Object.keys(PANES).map((name) => make('button', { type: 'button', role: 'tab', onclick: () => show(name) }, name));
  function show(name) {
    pane = name;
    tabs.forEach((tab) => {
      tab.setAttribute('aria-selected', tab.textContent === name);
      tab.tabIndex = tab.textContent === name ? 0 : -1;
      tab.toggleAttribute('autofocus', tab.textContent === name);
    });
    drawer.scrollTop = 0;
    keepAddress();
    detailsOf(entry).then((details) => { if (opened === entry && pane === name) replace(body, PANES[name](entry, details)); });
  }
  const bar = make('div', { class: 'tabs', role: 'tablist', onkeydown: (event) => {
    const along = { ArrowRight: 1, ArrowLeft: -1 }[event.key];
    if (!along) return;
    const next = tabs[(tabs.findIndex((tab) => tab.textContent === pane) + along + tabs.length) % tabs.length];
    show(next.textContent);
    next.focus();
  } }, tabs);
  replace(drawer,
    make('div', { class: 'sticky' },
      make('div', { class: 'row' },
        make('div', {}, make('h3', { id: 'drawer-title' }, `${entry.method} · ${entry.block[3]} · seed ${entry.seed}`),
          make('div', { class: 'soft' }, `${entry.block[0]} · ${entry.block[1]} · recipe ${entry.block[2]} · ${entry.block[4] ? `${entry.block[4]} · ` : ''}cell `, make('code', {}, entry.cell))),
        make('div', { class: 'actions' },
          make('button', { type: 'button', class: 'plain', disabled: at <= 0, onclick: step(-1), 'aria-label': 'Previous cell' }, '↑'),
          make('button', { type: 'button', class: 'plain', disabled: at < 0 || at + 1 >= listed.length, onclick: step(1), 'aria-label': 'Next cell' }, '↓'),
          make('button', { type: 'button', class: 'plain', onclick: () => drawer.close() }, 'Close'))),
      bar),
    body);
  show(pane);
  if (!drawer.open) drawer.showModal();
}

function metricsPane(entry, { row, names, values }) {
  const reasons = row.reasons ?? {};
  const [reference, original] = [row.reference ?? {}, row.original ?? {}];
  const value = (number_, why) => make('td', { class: number_ === null || number_ === undefined ? 'none' : null, title: why ?? null }, rough(number_));
  const lines = names.map((metric, index) => {
    const own = [['', reasons.metrics?.[metric]], ['reference: ', reasons.reference?.[metric]], ['original: ', reasons.original?.[metric]]];
    return make('tr', {}, make('th', { scope: 'row' }, metric), value(values[index], own[0][1]), value(reference[metric], own[1][1]), value(original[metric], own[2][1]),
      make('td', { class: 'words soft' }, own.filter(([, why]) => why).map(([whose, why]) => whose + why).join('; ')));
  });
  const plain = (name, one) => [make('h4', {}, name), make('pre', {}, asText(one ?? null))];
  const table = make('table', { class: 'values' },
    make('thead', {}, make('tr', {}, ['metric', 'unlearned', 'reference', 'original', 'why there is none'].map((name) => make('th', { scope: 'col', style: 'position:static;padding:.35rem .7rem' }, name)))),
    make('tbody', {}, lines));
  return [make('div', { class: 'box' }, table), make('p', {}), plain('cost', row.cost), plain('sets', row.sets), plain('notes', entry.notes)];
}
function configPane(entry, { row }) {
  return [make('p', { class: 'hint' }, 'The resolved config: every value that this cell was run with.'), make('pre', { id: 'config' }, asText(row.config))];
}
function provenancePane(entry, { row }) {
  const provenance = row.provenance ?? {};
  const quoted = (word) => (/^[\w@%+=:,./-]+$/.test(word) ? word : `'${word.replaceAll("'", `'"'"'`)}'`);
  const command = ['python', '-m', 'supreme', ...(provenance.overrides ?? [])].map(quoted).join(' ');
  return [make('h4', {}, 'This cell alone'), make('pre', {}, command), make('h4', {}, 'Seeds'), make('pre', {}, asText(entry.seeds)),
    make('h4', {}, 'Forget set, SHA-256 of its sorted indices'), make('pre', {}, String(row.forget_digest ?? 'unknown')),
    make('h4', {}, 'Provenance'), make('pre', {}, asText(provenance))];
}
function logPane(entry, { log }) {
  const name = `${entry.cell.slice(0, 16)}.log`;
  if (!log) return [make('p', { class: 'empty' }, `There was no log at logs/${name} when this page was made.`)];
  return [make('p', { class: 'hint' }, 'As it was when this page was made; the file: ', make('a', { href: `../logs/${encodeURIComponent(name)}` }, `logs/${name}`)), make('pre', { id: 'log' }, log)];
}
