// Search: sections, tables, methods, metrics, settings and cells by words of their names; opened by its button or "/".
const AT_MOST = 7;
const KINDS = { section: 'sections', table: 'tables', method: 'methods', metric: 'metrics', setting: 'settings', cell: 'cells' };

function flash(place) {
  if (!place) return;
  place.scrollIntoView({ block: 'center', inline: 'nearest' });
  place.classList.remove('flash');
  requestAnimationFrame(() => place.classList.add('flash'));
}
const blockWith = (has) => {
  const all = DATA.blocks.filter(has);
  return all.find((block) => blockShown(block.labels)) ?? all[0];
};
function goToBlock(block, selector = null) {
  LABELS.forEach((label, index) => reveal(label, block.labels[index]));
  changed();
  const place = byId(`block-${block.slug}`);
  now(place);
  goTo(place.id);
  if (selector) flash(place.querySelector(selector));
}
function reveal(name, value) {
  chosen[name].add(value);
  byId(`filter-${name}`)?.show();
}

// Everything that can be found: [kind, its name, what else may be typed for it, what to do].
function findable() {
  const told = (block) => block.labels.filter(Boolean).join(' \u00b7 ');
  const metrics = new Map(DATA.blocks.flatMap((block) => block.known.map((metric) => [metric, block.metrics[metric][0]])));
  const settings = FILTERS.filter(({ name, values }) => LABELS.includes(name) && values.length > 1);
  return [
    ...[...document.querySelectorAll('.links a:not([hidden])')].map((link) => ['section', link.textContent, '', () => goTo(link.getAttribute('href').slice(1))]),
    ...DATA.blocks.map((block) => ['table', told(block), '', () => goToBlock(block)]),
    ...METHODS.map((method) => ['method', method, '', () => {
      reveal('method', method);
      const block = blockWith((one) => one.lines[method] || one.failed.some((each) => each.method === method));
      if (block) goToBlock(block, `tr[data-method="${CSS.escape(method)}"]`);
    }]),
    ...[...metrics].map(([metric, title]) => ['metric', metric, title === metric ? '' : title, () => {
      const block = blockWith((one) => one.known.includes(metric));
      block.columns.add(metric);
      block.show();
      goToBlock(block, `th[data-metric="${CSS.escape(metric)}"]`);
    }]),
    ...settings.flatMap(({ name, values }) => values.map((value) => ['setting', `${name} ${value || 'as in the YAML'}`, 'only this', () => {
      chosen[name].clear();
      reveal(name, value);
      changed();
      goTo('results');
    }])),
    ...CELLS.map((entry) => ['cell', entry.cell, `${entry.method} \u00b7 ${entry.block.filter(Boolean).join(' \u00b7 ')} \u00b7 seed ${entry.seed}`, () => openCell(entry)]),
  ].map(([kind, name, more, act]) => ({ kind, name, more, act, text: `${name} ${more}`.toLowerCase() }));
}

// By kind, those that have every word; names that begin with what was typed come first.
function matches(all, query) {
  const typed = query.trim().toLowerCase();
  const words = typed.split(/\s+/).filter(Boolean);
  const found = words.length ? all.filter(({ text }) => words.every((word) => text.includes(word))) : all.filter(({ kind }) => kind === 'section');
  return Object.keys(KINDS).map((kind) => {
    const own = found.filter((one) => one.kind === kind);
    const [first, rest] = [own.filter(({ text }) => text.startsWith(typed)), own.filter(({ text }) => !text.startsWith(typed))];
    return [kind, [...first, ...rest]];
  }).filter(([, own]) => own.length);
}

function search() {
  const palette = byId('palette');
  const list = make('ul', { id: 'found', role: 'listbox', 'aria-label': 'What was found' });
  const status = make('p', { class: 'hint', role: 'status' });
  const input = make('input', {
    type: 'search', id: 'query', role: 'combobox', 'aria-expanded': 'true', 'aria-controls': 'found', 'aria-autocomplete': 'list', autocomplete: 'off', spellcheck: 'false',
    placeholder: 'method, metric, setting, seed, cell', 'aria-label': 'Search methods, metrics, settings and cells', oninput: () => { draw(); keepAddress({ anew: false }); }, onkeydown: keys,
  });
  let [all, options, at] = [null, [], 0];

  function draw() {
    all ??= findable();
    const groups = matches(all, input.value);
    options = groups.flatMap(([, own]) => own.slice(0, AT_MOST));
    let number = 0;
    replace(list, groups.map(([kind, own]) => [
      make('li', { class: 'kind', role: 'presentation' }, own.length > AT_MOST ? `${KINDS[kind]}: ${AT_MOST} of ${counted(own.length)}` : KINDS[kind]),
      own.slice(0, AT_MOST).map((one) => make('li', { role: 'option', id: `found-${number++}`, onclick: () => choose(one) }, one.name, one.more ? make('span', { class: 'soft' }, ` ${one.more}`) : null)),
    ]));
    status.textContent = !input.value.trim() ? 'Arrows choose, Enter goes there, Escape closes.'
      : groups.map(([kind, own]) => plural(own.length, kind)).join(', ') || 'Nothing here is called that: fewer letters find more.';
    mark(0);
  }
  function mark(next) {
    at = next;
    options.forEach((_, index) => byId(`found-${index}`).setAttribute('aria-selected', index === at));
    if (!options.length) return input.removeAttribute('aria-activedescendant');
    input.setAttribute('aria-activedescendant', `found-${at}`);
    byId(`found-${at}`).scrollIntoView({ block: 'nearest' });
  }
  function keys(event) {
    const along = { ArrowDown: 1, ArrowUp: -1 }[event.key];
    if (along && options.length) mark((at + along + options.length) % options.length);
    else if (event.key === 'Enter' && options.length) choose(options[at]);
    else return;
    event.preventDefault();
  }
  function choose(one) {
    input.value = '';
    palette.close();
    one.act();
    keepAddress();
  }
  function open(query = '') {
    input.value = query;
    draw();
    if (!palette.open) palette.showModal();
    input.focus();
  }
  replace(palette, input, status, list);
  palette.addEventListener('close', () => { input.value = ''; keepAddress(); });
  palette.addEventListener('click', (event) => { if (event.target === palette) palette.close(); });
  byId('find').addEventListener('click', () => open());
  addEventListener('keydown', (event) => {
    if (event.key !== '/' || event.ctrlKey || event.metaKey || event.altKey) return;
    if (document.querySelector('dialog[open]') || event.target.closest?.('input:not([type=checkbox]), textarea, select')) return;
    event.preventDefault();
    open();
  });
  remember((address) => { if (palette.open && input.value) address.append('search', input.value); }, (address) => {
    const query = address.get('search');
    if (query) open(query);
    else if (palette.open) palette.close();
  });
}
