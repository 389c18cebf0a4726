// The leaderboard: methods over all blocks. Its numbers and words come from the package; here it is only laid out.
function ranks() {
  const board = DATA.leaderboard;
  for (const id of ['ranks', 'to-ranks']) byId(id).hidden = !board;
  if (!board) return;
  const order = { by: null, down: false };
  const place = make('div', { class: 'box', tabindex: '0', role: 'region', 'aria-label': 'Leaderboard' });
  const text = (value) => (value === null || value === undefined ? 'n/a' : typeof value === 'number' ? number(value, Number.isInteger(value) ? '.0f' : '.2f') : String(value));
  const numeric = (value) => (typeof value === 'number' || value === null ? value : Number.isNaN(Number.parseFloat(value)) ? value : Number.parseFloat(value));
  function compare(a, b) {
    const [one, two] = [a, b].map((line) => numeric(line[board.columns.indexOf(order.by)] ?? null));
    if (one === null || two === null) return (one === null) - (two === null);
    return (order.down ? -1 : 1) * (one < two ? -1 : one > two ? 1 : 0);
  }
  function draw() {
    const lines = order.by === null ? board.lines : [...board.lines].sort(compare);
    const head = (name, index) => make('th', { scope: 'col', 'aria-sort': order.by === name ? (order.down ? 'descending' : 'ascending') : 'none' }, make('button', {
      type: 'button',
      onclick: () => { order.down = order.by === name && !order.down; order.by = name; draw(); place.querySelectorAll('thead button')[index].focus(); keepAddress(); },
    }, name));
    replace(place, make('table', {}, make('thead', {}, make('tr', {}, board.columns.map(head))),
      make('tbody', {}, lines.filter(([method]) => !METHODS.includes(method) || chosen.method.has(method)).map(([method, ...cells]) => make('tr', { 'data-method': method },
        make('th', { scope: 'row' }, METHODS.includes(method) ? swatch(method) : null, text(method)),
        cells.map((value) => make('td', { class: value === null || value === undefined ? 'none' : null }, text(value))))))));
  }
  byId('ranks-title').append(make('span', { class: 'soft' }, ` ${board.title}`));
  rememberOrder('board', order, board.columns);
  listeners.push(draw);
  draw();
  byId('board-controls').append(copyMenu('board', 'the leaderboard', () => METHODS.every((method) => chosen.method.has(method))));
  replace(byId('board'), place, make('ul', { class: 'notes' }, (board.notes ?? []).map((note) => make('li', {}, worded(note)))));
}
