// The head of the page: how much there is, what failed; light and dark.
function head() {
  const { cells, blocks, methods, missing } = DATA.counts;
  const amounts = [['cells', cells], ['blocks', blocks], ['methods', methods], ['training seeds', SEEDS.length]];
  const item = ([name, count, bad]) => make('div', { class: bad ? 'bad' : null }, make('dt', {}, name), make('dd', {}, counted(count)));
  replace(byId('counts'), amounts.map(item), DATA.failed_cells === null ? null : item(['failed cells', DATA.failed_cells, DATA.failed_cells > 0]),
    item([DATA.failed_cells === null ? 'failed or unfinished' : 'logs without a result', DATA.failures.length, DATA.failures.length > 0]),
    make('div', { class: missing ? 'bad' : null, title: 'Pairs of method and training seed that others of the same block have, and that have neither a row nor a failure here.' }, make('dt', {}, 'missing method × seed'), make('dd', {}, counted(missing))));
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
