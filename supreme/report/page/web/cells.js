// The list of cells, a part at a time; a line opens the drawer.
const AT_ONCE = 200;
let listed = [];

// Of a metric as the row calls it; several configs of one metric share the column here.
const valueOf = (entry, metric) => entry.values[DATA.listed.indexOf(metric)];

function cellColumns() {
  const varying = LABELS.map((name, index) => [name, index]).filter(([name]) => FILTERS.find((one) => one.name === name).values.length > 1);
  const drawn = ['forget', 'reference', 'unlearn', 'evaluate'].filter((role) => CELLS.some((entry) => {
    const seeds = entry.seeds ?? {};
    return role === 'forget' ? seeds.forget !== entry.seed : seeds[role] > 0;
  }));
  const metrics = DATA.listed.filter((metric) => CELLS.some((entry) => valueOf(entry, metric) !== null));
  const noted = CELLS.some((entry) => entry.notes?.length);
  const formatOf = (metric) => DATA.blocks.map((block) => block.metrics[metric]).find(Boolean) ?? [metric, '.4f'];
  return [
    ['cell', (entry) => entry.cell, 'words'],
    ['method', (entry) => entry.method, 'words'],
    ...varying.map(([name, index]) => [name, (entry) => entry.block[index], 'words']),
    ['seed', (entry) => entry.seed, ''],
    ...drawn.map((role) => [`${role} draw`, (entry) => entry.seeds?.[role], '']),
    ...metrics.map((metric) => [formatOf(metric)[0], (entry) => valueOf(entry, metric), '', (value) => number(value, formatOf(metric)[1])]),
    ...(noted ? [['notes', (entry) => (entry.notes ?? []).join('; '), 'words']] : []),
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
      scope: 'col', class: kind || null, 'aria-sort': order.by === name ? (order.down ? 'descending' : 'ascending') : 'none',
    }, make('button', { type: 'button', onclick: () => { order.down = order.by === name && !order.down; order.by = name; draw(); place.querySelectorAll('thead button')[index].focus(); keepAddress(); } }, name)))));
  }
  function draw() {
    listed = CELLS.filter(cellShown);
    if (order.by !== null) {
      const value = columns.find(([name]) => name === order.by)[1];
      const decorated = listed.map((entry) => [value(entry), entry]);
      decorated.sort(([a], [b]) => (a === null || b === null ? (a === null) - (b === null) : (order.down ? -1 : 1) * (a < b ? -1 : a > b ? 1 : 0)));
      listed = decorated.map(([, entry]) => entry);
    }
    body.replaceChildren();
    drawn = 0;
    replace(place, make('table', {}, head(), body), end);
    place.scrollTop = 0;
    add();
    byId('cells-hint').textContent = `${listed.length} of ${plural(CELLS.length, 'cell')} shown, one line each. A line opens its metrics, config, provenance and log. Every value of every cell is in results.csv beside this page.`;
  }
  rememberOrder('cells', order, columns.map(([name]) => name));
  listeners.push(draw);
  draw();
}
