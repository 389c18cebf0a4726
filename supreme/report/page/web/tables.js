// The legend of the tables, and what stands in their cells.
const VERDICTS = {
  'equivalent': ['(E)', 'equivalent', 'equivalent within the margin, for this cell alone'],
  'different': ['D', 'different', 'the interval of the gap excludes 0, and is not within the margin'],
  'different but negligible': ['(N)', 'negligible', 'different from the reference, but within the margin, for this cell alone'],
  'inconclusive': ['?', 'inconclusive', 'neither shown: more seeds would tell'],
  'equal': ['=', 'equivalent', 'equal to the reference in every seed'],
};
const given = new Set(DATA.blocks.flatMap((block) => Object.values(block.lines).flatMap((own) => Object.values(own).map((line) => line.verdict))).filter(Boolean));
const SPREADS = [...new Set(DATA.blocks.map((block) => block.spread).filter(Boolean))];
const judged = DATA.blocks.some((block) => Object.keys(block.verdicts).length);
const WHOLE = { E: 'equivalent', N: 'negligible', D: 'different', '?': 'inconclusive', '=': 'equivalent' };

// The letter of a verdict; small where the difference does not survive the correction for many methods.
function badge(verdict, corrected = undefined) {
  const [capital, name] = VERDICTS[verdict] ?? ['', ''];
  const small = ['different', 'negligible'].includes(name) && corrected !== undefined && corrected >= 0.05;
  const letter = small ? capital.toLowerCase() : capital;
  const title = small ? 'not after the correction for many methods' : null;
  return letter ? make('span', { class: `badge ${name}`, title, 'aria-label': verdict }, letter) : null;
}

function swatch(method) {
  const place = svg('svg', { class: 'swatch', viewBox: '-6 -6 12 12', 'aria-hidden': 'true' });
  place.append(marker(0, 0, method, 4.2));
  return place;
}

function legend() {
  const spreads = SPREADS;
  const parts = [make('span', {}, 'mean ', make('span', { class: 'soft' }, `± ${spreads.length === 1 ? spreads[0] : 'SD: what it is of stands beside each table'}`)),
    make('span', {}, 'below: gap to the reference [95 % interval]')];
  if (given.size) {
    if (judged) parts.push(make('span', {}, 'verdict: of the whole method, over all its primary endpoints'));
    for (const [verdict, [, , why]] of Object.entries(VERDICTS)) if (given.has(verdict) || verdict !== 'equal') parts.push(make('span', { title: why }, badge(verdict), verdict));
    parts.push(make('span', {}, '(E), (N): for one cell alone'), make('span', {}, 'd, (n): not after the correction for many methods'));
  }
  replace(byId('legend'), parts);
}

function cell(line, format) {
  if (!line || !line.seeds) return make('td', { class: 'none', title: line?.reason ?? 'not evaluated' }, 'n/a');
  const about = [plural(line.seeds, 'training seed')];
  if (line.missing) about.push(line.missing);
  if (line.verdict) about.push(line.verdict + (line.margin === undefined ? '' : `, margin ${number(line.margin, format)}`));
  if (line.delta_star !== undefined) about.push(`smallest margin that would be accepted ${number(line.delta_star, format)}`);
  if (line.p_sign_flip !== undefined) about.push(`sign-flip p = ${rough(line.p_sign_flip)}`);
  if (line.p_adjusted !== undefined) about.push(`adjusted p = ${rough(line.p_adjusted)}${line.adjustment ? ` (${line.adjustment})` : ''}`);
  if (line.worst_seed !== undefined) about.push(`worst seed ${line.worst_seed}`);
  const mean = number(line.mean, format);
  return make('td', { title: about.join('\n') },
    line.best ? make('strong', {}, mean) : mean,
    make('span', { class: 'sd' }, line.wilson_low === undefined ? ` ± ${number(line.sd, format)}`
      : ` (${number(line.wilson_low, format)} to ${number(line.wilson_high, format)})`),
    line.gap === undefined ? null : make('span', { class: 'gap' },
      `${number(line.gap, format, true)} `,
      make('span', { class: 'interval' }, `[${line.gap_low === undefined ? 'n/a' : `${number(line.gap_low, format, true)}, ${number(line.gap_high, format, true)}`}]`),
      badge(line.verdict, line.p_adjusted)));
}

// The verdict on a whole method with its letter and reason, and the headline: how much of the forgotten it removed.
function verdictCell(block, told) {
  if (!told) return make('td', { class: 'none' }, '');
  const letter = told.letter ?? '';
  const kind = WHOLE[letter.replace(/[()]/g, '').toUpperCase()] ?? 'inconclusive';
  const metrics = Array.isArray(told.different_in) ? told.different_in : (told.different_in ?? '').split(', ').filter(Boolean);
  const words = metrics.map((metric) => (block.metrics[metric]?.[0] ?? metric).replace(/ %$/, '')).join(', ');
  const why = words ? `different in ${words}` : told.own_reason ? worded(told.own_reason) : null;  // the notes tell what holds for all
  return make('td', { class: 'words verdict', title: [told.verdict, told.reason, words ? `different in ${words}` : null].filter(Boolean).join('\n') },
    letter ? make('span', { class: `badge ${kind}`, 'aria-hidden': 'true' }, letter) : null, told.verdict ?? '',
    why ? make('span', { class: 'gap' }, why) : null);
}
function removedCell(block, told) {
  if (!told) return make('td', { class: 'none' }, '');
  if (told.removed === undefined) return make('td', { class: 'none', title: told.reason ?? null }, 'n/a');
  const percent = (value) => number(value, '.0%');
  return make('td', { title: '0 %: as the original; 100 %: as the reference, or as far from it as another retrained model' }, `${percent(told.removed)} %`,
    told.removed_low === undefined ? null : make('span', { class: 'sd' }, ` [${percent(told.removed_low)}, ${percent(told.removed_high)}]`),
    told.removed_metric ? make('span', { class: 'gap' }, (block.metrics[told.removed_metric]?.[0] ?? told.removed_metric).replace(/ %$/, '')) : null);
}

// A method without any row here: that it failed is its result.
function failedLine(one, columns) {
  return make('tr', { class: 'failed', 'data-method': one.method },
    make('th', { scope: 'row' }, one.method, failedMark(one)),
    columns ? make('td', { class: 'words none', colspan: columns, title: one.errors.join('\n') }, one.errors[0]) : null);
}
const failedMark = (one) => make('span', { class: 'bad', title: one.errors.join('\n') }, ` ${one.told}`);
