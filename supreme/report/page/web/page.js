// Head, card, light and dark; then everything is drawn.
function head() {
  const counted = [['cells', CELLS.length], ['blocks', DATA.blocks.length], ['methods', new Set([...CELLS.map((entry) => entry.method), ...DATA.blocks.flatMap((block) => block.failed.map((one) => one.method))]).size], ['training seeds', SEEDS.length]];
  const missing = DATA.blocks.reduce((sum, block) => {
    const own = CELLS.filter((entry) => entry.block.every((part, index) => part === block.labels[index])).map((entry) => [entry.method, entry.seed]);
    if (!own.length) return sum;  // of a mean over class targets: its cells are in the blocks of the targets
    const tried = [...own, ...block.failed.flatMap((one) => one.seeds.map((seed) => [one.method, seed]))];
    const [methods, seeds, pairs] = [tried.map((pair) => pair[0]), tried.map((pair) => pair[1]), tried.map((pair) => JSON.stringify(pair))].map((all) => new Set(all));
    return sum + methods.size * seeds.size - pairs.size;
  }, 0);
  const item = ([name, count, bad]) => make('div', { class: bad ? 'bad' : null }, make('dt', {}, name), make('dd', {}, count.toLocaleString('en')));
  replace(byId('counts'), counted.map(item), DATA.failed_cells === null ? null : item(['failed cells', DATA.failed_cells, DATA.failed_cells > 0]),
    item([DATA.failed_cells === null ? 'failed or unfinished' : 'logs without a result', DATA.failures.length, DATA.failures.length > 0]),
    make('div', { class: missing ? 'bad' : null, title: 'Pairs of method and training seed that others of the same block have, and that have neither a row nor a failure here.' }, make('dt', {}, 'missing method × seed'), make('dd', {}, missing.toLocaleString('en'))));
  const software = DATA.card.environments.map(({ rows, models, device, cpu_capability, threads, commit, local_changes, ...versions }) => Object.entries(versions).map((pair) => pair.join(' ')).join(', '));
  byId('versions').textContent = [...new Set(software)].map((one) => ` · ${one}`).join('');
  if (DATA.failures.length) {
    const row = (one) => make('tr', {}, make('th', { scope: 'row' }, one.label), make('td', { style: 'text-align:left;white-space:normal' }, one.why),
      make('td', {}, make('a', { href: `../logs/${encodeURIComponent(one.log)}` }, one.log)));
    replace(byId('failures'), make('details', { class: 'more' }, make('summary', {}, `What failed or did not finish (${DATA.failures.length})`),
      make('p', { class: 'hint' }, 'These left a log and no result. The same command again runs only what is missing.'),
      make('div', { class: 'box' }, make('table', {}, make('tbody', {}, DATA.failures.map(row))))));
  }
}

function asList(value) {
  if (value === null || typeof value !== 'object') return value === null ? 'none' : String(value);
  if (Array.isArray(value)) {
    if (!value.length) return 'none';
    if (value.every((one) => one === null || typeof one !== 'object')) {
      return value.some((one) => String(one).length > 40) ? make('ul', {}, value.map((one) => make('li', {}, String(one)))) : value.join(', ');
    }
    return make('ol', {}, value.map((one) => make('li', {}, asList(one))));
  }
  const entries = Object.entries(value);
  return entries.length ? make('dl', {}, entries.map(([name, one]) => [make('dt', {}, spoken(name)), make('dd', {}, asList(one))])) : 'none';
}
const spoken = (name) => (name.startsWith('_') ? name : name.replaceAll('_', ' '));

function card() {
  const link = (name, type, text) => make('a', { class: 'plain', download: name, href: `data:${type};charset=utf-8,${encodeURIComponent(text)}` }, name);
  const { evaluation_card: version, ...parts } = DATA.card;
  const folded = (name, one) => (name === 'not_supported' || JSON.stringify(one).length < 1800 ? asList(one)
    : make('details', { class: 'more' }, make('summary', {}, Array.isArray(one) ? `${one.length} entries` : 'show'), asList(one)));
  replace(byId('card-body'),
    make('p', { class: 'hint' }, 'What was evaluated and how, and what these numbers do not say: to publish beside them.'),
    make('p', { class: 'actions' }, link('evaluation-card.yaml', 'application/yaml', DATA.yaml), link('evaluation-card.json', 'application/json', JSON.stringify(DATA.card, null, 2))),
    make('dl', { class: 'card', 'data-version': version }, Object.entries(parts).map(([name, one]) => [make('dt', {}, spoken(name)), make('dd', {}, folded(name, one))])));
}

function theme() {
  const root = document.documentElement;
  const stored = (() => { try { return localStorage.getItem('supreme-theme'); } catch { return null; } })();
  if (stored === 'light' || stored === 'dark') root.dataset.theme = stored;
  const dark = () => (root.dataset.theme ?? (matchMedia('(prefers-color-scheme: dark)').matches ? 'dark' : 'light')) === 'dark';
  const button = byId('theme');
  const tell = () => { button.textContent = dark() ? 'Light' : 'Dark'; button.setAttribute('aria-label', dark() ? 'Switch to light' : 'Switch to dark'); };
  button.addEventListener('click', () => {
    root.dataset.theme = dark() ? 'light' : 'dark';
    try { localStorage.setItem('supreme-theme', root.dataset.theme); } catch { /* a private window: it lasts as long as the page */ }
    tell();
  });
  matchMedia('(prefers-color-scheme: dark)').addEventListener('change', tell);
  tell();
}

theme();
head();
filters();
ranks();
tables();
audits();
figures();
classesAndImages();
cellList();
card();
