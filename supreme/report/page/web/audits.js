// What many models say together: the tables of the audits, as the package words them. Filters of cells leave them alone.
function audits() {
  for (const id of ['audits', 'to-audits']) byId(id).hidden = !DATA.audits.length;
  const row = ([method, ...cells]) => make('tr', {}, make('th', { scope: 'row' }, method),
    cells.map((text) => make('td', { class: text === 'n/a' ? 'none' : null }, text.replaceAll('-', '\u2212'))));
  replace(byId('audit-tables'), DATA.audits.map(({ title, head: names, lines, notes }, index) => {
    const [name, ...labels] = title.split(' \u00b7 ');
    return make('div', { class: 'block' },
      make('div', { class: 'head' }, make('h3', {}, name, make('span', { class: 'soft' }, ` ${labels.join(' \u00b7 ')}`)), make('div', { class: 'controls' }, copyMenu(`audit-${index}`, title))),
      make('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': `Audit ${title}` },
        make('table', {}, make('thead', {}, make('tr', {}, names.map((one) => make('th', { scope: 'col' }, one)))),
          make('tbody', {}, lines.map(row)))),
      make('ul', { class: 'notes' }, notes.map((note) => make('li', {}, worded(note)))));
  }));
}
