// The evaluation card, folded.
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
  const whole = make('details', { class: 'more fold-whole' }, make('summary', {}, `The whole card: ${plural(Object.keys(parts).length, 'part')}`),
    make('dl', { class: 'card', 'data-version': version }));
  const fill = () => replace(whole.lastChild, Object.entries(parts).map(([name, one]) => [make('dt', {}, spoken(name)), make('dd', {}, folded(name, one))]));
  whole.addEventListener('toggle', fill, { once: true });
  addEventListener('beforeprint', () => { fill(); whole.open = true; });
  replace(byId('card-body'),
    make('p', { class: 'hint' }, 'What was evaluated and how, and what these numbers do not say: to publish beside them.'),
    make('p', { class: 'actions' }, link('evaluation-card.yaml', 'application/yaml', DATA.yaml), link('evaluation-card.json', 'application/json', JSON.stringify(DATA.card, null, 2))),
    whole);
}
