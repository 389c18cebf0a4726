// Of each block: the class where a method is farthest from the reference, and the forgotten images that changed most.
const ALL_METHODS = 'all methods';
const MOST_LINES = 6;
let INSIDE = { blocks: {}, pictures: [] };  // until it is unpacked

function classesAndImages() {
  const own = DATA.blocks.filter((block) => INSIDE.blocks[block.slug]);
  byId('inside').hidden = byId('to-inside').hidden = !own.length;
  const parts = own.map((block) => [block, make('div', { class: 'inside' })]);
  replace(byId('inside-body'), parts.map(([, place]) => place));
  parts.forEach(([block, place]) => { place.style.minHeight = '12rem'; later(place, () => { place.style.minHeight = ''; blockInside(block, place); }); });
  const show = () => parts.forEach(([block, place]) => { place.hidden = !blockShown(block.labels); });
  listeners.push(show);
  show();
}

function blockInside(block, place) {
  const [worst, sheet] = [make('div', {}), make('div', {})];
  const state = { method: null };
  const draw = () => {
    if (!blockShown(block.labels)) return;
    replace(worst, worstClasses(block));
    replace(sheet, contactSheet(block, state, draw));
  };
  replace(place, make('div', { class: 'head' }, heading(block)), worst, sheet);
  listeners.push(draw);
  draw();
}

function worstClasses(block) {
  const lines = INSIDE.blocks[block.slug].worst.filter(({ method }) => chosen.method.has(method));
  if (!lines.length) return make('p', { class: 'empty' }, 'No shown method has test accuracies by class; metric=[accuracy] gives them.');
  const points = (value) => number(100 * value, '.1', true);
  const row = (one) => make('tr', {}, make('th', { scope: 'row' }, one.method), make('td', { class: 'words' }, one.class),
    make('td', {}, number(one.accuracy, '.1%')), make('td', {}, number(one.reference, '.1%')), make('td', {}, points(one.change)),
    make('td', {}, one.low === null ? 'one seed' : `${points(one.low)} to ${points(one.high)}`));
  const head = ['method', 'worst class', 'its accuracy %', 'reference %', 'gap, points', '95 % interval'];
  const classes = Math.max(...lines.map((one) => one.classes));
  return [make('h4', {}, 'Worst class of each method'),
    make('div', { class: 'box' }, make('table', { class: 'worst' },
      make('thead', {}, make('tr', {}, head.map((name, index) => make('th', { scope: 'col', class: index === 1 ? 'words' : null }, name)))), make('tbody', {}, lines.map(row)))),
    make('p', { class: 'hint' }, `Of ${classes.toLocaleString('en')} classes the one whose test accuracy is farthest from the reference's, mean over ${seedsIn(lines)}. `
      + 'It was chosen for that, so a second retrained model has a worst class, too: the gap of retrain is the noise floor.')];
}
const seedsIn = (lines) => {
  const counts = lines.map((one) => one.seeds);
  const [low, high] = [Math.min(...counts), Math.max(...counts)];
  return low === high ? plural(high, 'training seed') : `${low} to ${high} training seeds`;
};

function contactSheet(block, state, draw) {
  const { sheet, why } = INSIDE.blocks[block.slug];
  const title = make('h4', {}, 'Forgotten images that changed most');
  if (!sheet) return [title, make('p', { class: 'empty' }, why)];
  const methods = [...new Set(sheet.images.flatMap((image) => Object.keys(image.methods)))].filter((method) => chosen.method.has(method));
  if (!methods.length) return [title, make('p', { class: 'empty' }, 'No shown method has changed an image.')];
  if (!methods.includes(state.method) && state.method !== ALL_METHODS) state.method = methods.length > MOST_LINES ? methods[0] : ALL_METHODS;
  const select = make('select', { 'aria-label': 'Method', onchange: (event) => { state.method = event.target.value; draw(); } },
    [ALL_METHODS, ...methods].map((name) => make('option', { value: name, selected: name === state.method }, name)));
  const told = state.method === ALL_METHODS ? methods : [state.method];
  const change = (image) => Math.max(...told.map((method) => Math.abs((image.methods[method] ?? image.original) - image.original)));
  const images = sheet.images.filter((image) => told.some((method) => method in image.methods)).sort((a, b) => change(b) - change(a));
  return [make('div', { class: 'head' }, title, make('div', { class: 'controls' }, select)),
    make('div', { class: 'sheet' }, images.map((image) => tile(image, told))),
    make('p', { class: 'hint' }, `Probability of the label that the original learned, in percent: of the original, of the reference, of the method. ${plural(images.length, 'image')} of training seed ${sheet.seed}, `
      + `the largest change first; methods chose in turns. Where a method has no bar, it has none on record. #: the image's position in the data. ${sheet.notes.join(' ')}`)];
}

function tile(image, methods) {
  const lines = [['original', image.original], ['reference', image.reference], ...methods.filter((method) => method in image.methods).map((method) => [method, image.methods[method]])];
  const named = `forgotten image ${image.position}${image.label ? `, class ${image.label}` : ''}`;
  const url = image.picture === null ? null : INSIDE.pictures[image.picture];
  return make('figure', { class: 'tile' },
    url ? make('img', { src: url, alt: named, width: 72, height: 72 }) : make('div', { class: 'no-picture', role: 'img', 'aria-label': `${named}, no picture` }, 'no picture'),
    make('figcaption', {}, image.label || 'class unknown', make('span', { class: 'soft' }, ` #${image.position}`)),
    make('dl', {}, lines.map(([name, value], index) => [make('dt', { title: name }, name),
      make('dd', { class: index < 2 ? 'anchor' : null }, make('span', { class: 'track' }, make('span', { style: `width:${(100 * value).toFixed(1)}%` })), number(100 * value, '.0'))])));
}
