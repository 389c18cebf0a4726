// Copying a table: the text that `supreme report --format` makes of it, written by the package when it made the page.
const FORMS = { latex: 'LaTeX', csv: 'CSV', markdown: 'Markdown' };

// A menu of the formats; `whole` says whether the table on the page has everything that its text has.
function copyMenu(name, title, whole = () => true) {
  const details = make('details', { class: 'menu right copy', ontoggle: () => part('texts') }, make('summary', { 'aria-label': `Copy ${title}` }, 'Copy'),
    make('div', { class: 'sheet' }, Object.entries(FORMS).map(([form, label]) => make('button', { type: 'button', class: 'plain', 'data-form': form, onclick: () => {
      details.open = false;
      details.querySelector('summary').focus();
      copyTable(name, title, form, whole());
    } }, label))));
  return details;
}

async function copyTable(name, title, form, whole) {
  const text = (await part('texts'))[name]?.[form];
  if (text === undefined) return say(`${title} has no ${FORMS[form]}: it has no number.`);
  const what = `${title} as ${FORMS[form]}, ${plural(text.trimEnd().split('\n').length, 'line')}`;
  const all = whole ? '' : ' It has all methods and the usual columns, also those that are hidden here.';
  if (await copied(text)) return say(`Copied ${what}.${all}`);
  const box = make('textarea', { readonly: true, rows: 20, 'aria-label': what });
  const dialog = make('dialog', { class: 'palette', onclose: () => dialog.remove() }, make('p', {}, `The browser lets no page copy here. ${what} is selected below: press Ctrl+C or \u2318C.${all}`), box,
    make('form', { method: 'dialog' }, make('button', { class: 'plain' }, 'Close')));
  box.value = text;
  document.body.append(dialog);
  dialog.showModal();
  box.select();
}

// Whether the text is in the clipboard now: from a file some browsers allow that only to a selection.
async function copied(text) {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch { /* not allowed to this page */ }
  const before = document.activeElement;
  const box = make('textarea', { class: 'skip' });
  box.value = text;
  document.body.append(box);
  box.select();
  const done = document.execCommand('copy');
  box.remove();
  before?.focus();
  return done;
}

let silence;
function say(text) {
  clearTimeout(silence);
  byId('said').textContent = text;
  silence = setTimeout(() => { byId('said').textContent = ''; }, 8000);
}

// The buttons of a figure, which has `view` once it is drawn: what `toImageURL` of Vega's view gives, as a file.
function downloads(figure, name) {
  const save = (kind) => async () => {
    const file = `${name()}.${kind}`;
    const href = await figure.view.toImageURL(kind, kind === 'png' ? 3 : 1);
    const link = make('a', { href, download: file });
    document.body.append(link);
    link.click();
    link.remove();
    if (href.startsWith('blob:')) setTimeout(() => URL.revokeObjectURL(href), 60_000);
    say(`Saved ${file}.`);
  };
  return make('span', { class: 'downloads' }, ['svg', 'png'].map((kind) => make('button', { type: 'button', class: 'plain', title: `Save this figure as ${kind.toUpperCase()}`, 'aria-label': `Save this figure as ${kind.toUpperCase()}`, onclick: save(kind) }, kind.toUpperCase())));
}
