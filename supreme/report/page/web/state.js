// What is shown: one set of chosen values per filter; whoever draws listens.
const METHODS = [...new Set([...Object.keys(DATA.looks), ...DATA.blocks.flatMap((block) => block.failed.map((one) => one.method))])];
const SEEDS = [...new Set(DATA.blocks.flatMap((block) => block.seeds))].sort((a, b) => a - b);
let CELLS = [];  // until they are unpacked, after the tables are there
const FILTERS = [
  ...LABELS.map((label, index) => ({
    name: label,
    values: [...new Set(DATA.blocks.map((block) => block.labels[index]))],
  })),
  { name: 'method', values: METHODS },
  { name: 'seed', values: SEEDS, note: 'Chooses the dots and cells that are shown. Means, intervals and verdicts are always over all seeds.' },
];
const chosen = Object.fromEntries(FILTERS.map(({ name, values }) => [name, new Set(values)]));
const listeners = [];
const changed = () => { listeners.forEach((listener) => listener()); keepAddress(); };
const blockShown = (labels) => LABELS.every((label, index) => chosen[label].has(labels[index]));
const cellShown = (cell) => blockShown(cell.block) && chosen.method.has(cell.method) && chosen.seed.has(cell.seed);

// A menu of check boxes over a set; `act` is called after each change.
function menu(title, values, set, act, { note = null, label = (value) => String(value) || 'as in the YAML', right = false } = {}) {
  const boxes = values.map((value) => make('input', {
    type: 'checkbox', checked: set.has(value),
    onchange: (event) => { event.target.checked ? set.add(value) : set.delete(value); tell(); act(); },
  }));
  const every = (on) => () => {
    values.forEach((value) => (on ? set.add(value) : set.delete(value)));
    details.show(); act();
  };
  const summary = make('summary', {});
  const details = make('details', { class: right ? 'menu right' : 'menu' }, summary, make('div', { class: 'sheet' },
    make('div', { class: 'all' },
      make('button', { type: 'button', class: 'plain', onclick: every(true) }, 'All'),
      make('button', { type: 'button', class: 'plain', onclick: every(false) }, 'None')),
    values.map((value, index) => make('label', {}, boxes[index], label(value))),
    note ? make('p', { class: 'hint' }, note) : null));
  function tell() {
    const some = set.size < values.length;
    details.classList.toggle('active', some);
    summary.textContent = some ? `${title} ${set.size}/${values.length}` : title;
  }
  details.show = () => { boxes.forEach((box, index) => { box.checked = set.has(values[index]); }); tell(); };
  tell();
  return details;
}

function filters() {
  const menus = FILTERS.filter(({ values }) => values.length > 1).map(({ name, values, note }) => {
    const made = menu(name, values, chosen[name], changed, { note });
    made.id = `filter-${name}`;
    rememberSet(name, values, chosen[name], made.show);
    return made;
  });
  if (!menus.length) return;
  const reset = make('button', { type: 'button', onclick: showAll }, 'Show all');
  function showAll() {
    FILTERS.forEach(({ name, values }) => values.forEach((value) => chosen[name].add(value)));
    menus.forEach((one) => one.show());
    changed();
  }
  const panel = make('div', { class: 'panel', id: 'filter-panel' }, menus, reset);
  const fold = make('button', { type: 'button', class: 'fold', 'aria-expanded': 'false', 'aria-controls': 'filter-panel', onclick: () => unfold(!panel.classList.contains('open')) }, 'Filters');
  function unfold(open) { panel.classList.toggle('open', open); fold.setAttribute('aria-expanded', open); }
  addEventListener('click', (event) => { if (!byId('filters').contains(event.target)) unfold(false); });
  addEventListener('keydown', (event) => { if (event.key === 'Escape' && !document.querySelector('details.menu[open]')) unfold(false); });
  const tell = () => fold.classList.toggle('active', menus.some((one) => one.classList.contains('active')));
  listeners.push(tell);
  replace(byId('filters'), fold, panel);
}

// Menus close when one clicks or tabs elsewhere, and with Escape.
function closeMenus(except) {
  document.querySelectorAll('details.menu[open]').forEach((one) => { if (!one.contains(except)) one.open = false; });
}
addEventListener('click', (event) => closeMenus(event.target));
addEventListener('focusin', (event) => closeMenus(event.target));
addEventListener('keydown', (event) => {
  if (event.key !== 'Escape') return;
  const open = document.querySelector('details.menu[open]');
  if (open) { open.open = false; open.querySelector('summary').focus(); }
});
