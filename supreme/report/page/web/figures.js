// The figures of a block: Vega-Lite specifications, drawn by Vega when they come into view.
const FIGURE_WIDTH = 380;  // of a specification, in its own pixels; the page scales what it draws
const LARGEST = 1.15;

const drawings = () => part('figures');
let loading;
const vega = () => (loading ??= inflated('vega').then((text) => {  // the page's policy allows this text by its digest, and no other
  document.head.append(make('script', {}, text));
  return window.vegaEmbed;
}));

// The specification with the records of what is chosen, in the colours of the page or of paper; null where none is left.
function shownSpec(spec, { methods, themes }, width, paper = false) {
  const said = (name, record) => record[name] === undefined || chosen[name].has(record[name]);
  const records = Object.fromEntries(Object.entries(spec.datasets).map(([name, columns]) => [name, rowsOf(columns).filter((record) => said('method', record) && said('seed', record))]));
  const own = Object.entries(spec.datasets).filter(([, columns]) => columns.method).map(([name]) => records[name]);
  if (own.length && own.every((lines) => !lines.length)) return null;
  const { title, ...rest } = structuredClone(spec);
  const drawn = { ...rest, ...(paper ? { title } : {}), config: paper ? themes.paper : themes.page };
  drawn.datasets = { ...records, methods: methods.map((one) => (paper ? one : { ...one, colour: ink(one.method) })) };
  if (spec.usermeta?.row) drawn.height = spec.usermeta.row * new Set(Object.values(records).flat().map(({ method }) => method).filter(Boolean)).size;
  if (!drawn.facet) return drawn.layer || drawn.mark ? { ...drawn, width } : drawn;
  return panels(drawn, own[0], width);
}
function rowsOf(columns) {
  const names = Object.keys(columns);
  return names.length ? columns[names[0]].map((_, row) => Object.fromEntries(names.map((name) => [name, columns[name][row]]))) : [];
}
// As many panels beside each other as have room.
function panels(spec, records, width) {
  const [axis, gap, letter] = [44, 10, 5.7];
  const columns = Math.min(new Set(records.map(({ method }) => method)).size, Math.max(2, Math.floor((width - axis) / (width > 500 ? 120 : 88))));
  const panel = Math.min(150, Math.floor((width - axis - gap * (columns - 1)) / columns));
  return { ...spec, columns, spec: { ...spec.spec, width: panel }, params: [{ name: 'letters', value: Math.floor(panel / letter) }] };
}
const embed = async (place, spec) => (await vega())(place, spec, {
  ast: true, mode: 'vega-lite', actions: false, defaultStyle: false, renderer: 'svg', logLevel: 1, tooltip: { theme: 'page' },
});

function figure({ name, title, wide, specs }, block) {
  const metrics = Object.keys(specs);
  const usual = metrics.includes('accuracy/forget') ? 'accuracy/forget' : metrics[0];
  const chosenMetric = () => (metrics.includes(block.drawn.get(name)) ? block.drawn.get(name) : usual);  // the address tells it
  let metric = chosenMetric();
  const select = metrics.length < 2 ? null : make('select', { 'aria-label': 'Metric', onchange: (event) => { block.drawn.set(name, event.target.value); place.show(); keepAddress(); } },
    metrics.map((one) => make('option', { value: one, selected: one === metric }, one)));
  const [drawing, caption] = [make('div', { class: 'drawing' }), make('figcaption', {})];
  const place = make('figure', { class: wide ? 'figure wide' : 'figure', 'data-name': name }, make('div', { class: 'head' }, make('h4', {}, title), select), drawing, caption);
  const width = () => (wide ? Math.max(FIGURE_WIDTH, Math.floor(place.clientWidth / LARGEST) - 24) : FIGURE_WIDTH);
  let [asked, result] = [0, null];
  place.show = async () => {
    const turn = asked += 1;
    metric = chosenMetric();
    if (select) select.value = metric;
    const spec = shownSpec(specs[metric], await drawings(), width());
    const canvas = make('div', { role: 'img', 'aria-label': specs[metric].description });
    const next = spec ? await embed(canvas, spec) : null;
    if (turn !== asked) { next?.finalize(); return; }  // something else has been chosen meanwhile
    result?.finalize();
    result = next;
    replace(drawing, spec ? canvas : make('p', { class: 'empty' }, 'Nothing to show of the methods and seeds that are chosen.'));
    caption.textContent = spec ? specs[metric].title.text.join(' ') : '';
    drawing.dataset.drawn = metric;
  };
  // What a file of the figure holds: it as on paper, with its caption.
  place.view = { toImageURL: async (kind, scale = 1) => {
    const made = await embed(make('div', {}), shownSpec(specs[metric], await drawings(), FIGURE_WIDTH, true) ?? {});
    try { return await made.view.toImageURL(kind, scale); } finally { made.finalize(); }
  } };
  place.querySelector('.head').append(downloads(place, () => [name, metric, block.slug].filter(Boolean).join('-').replace(/[^\w.=-]+/g, '-')));
  return place;
}

async function blockFigures(block, index, place) {
  const { shown, absent } = (await drawings()).blocks[index];
  const all = shown.map((one) => figure(one, block));
  replace(place, make('div', { class: 'head' }, heading(block)), make('div', { class: 'grid' }, all),
    absent.length ? make('p', { class: 'hint' }, `Not shown: ${absent.join('; ')}.`) : null);
  const show = () => { if (blockShown(block.labels)) all.forEach((one) => { if (!pending.has(one)) one.show(); }); };
  all.forEach((one) => { one.style.minHeight = '18rem'; later(one, () => { one.style.minHeight = ''; one.show(); }); });
  listeners.push(show);
  let resized;
  addEventListener('resize', () => { clearTimeout(resized); resized = setTimeout(show, 250); });
}

function figures() {
  const places = DATA.blocks.map((block, index) => [block, index]).filter(([block]) => block.figures).map(([block, index]) => {
    const place = make('article', { class: 'block' });
    place.style.minHeight = '20rem';
    later(place, () => { place.style.minHeight = ''; blockFigures(block, index, place); });
    return [block, place];
  });
  const show = () => places.forEach(([block, place]) => { place.hidden = !blockShown(block.labels); });
  replace(byId('drawings'), places.map(([, place]) => place));
  listeners.push(show);
  show();
}
