// The address: what differs from a page just opened stands in the fragment of its URL, and is taken from there when the
// page is opened or one goes back. What it names that is not here is left alone; nothing of it becomes more than text.
const remembered = [];
let restoring = false;
const inAddress = () => new URLSearchParams(location.hash.slice(1));

// Keep something in the address: `tell(address)` appends what differs, `take(address)` shows what it says, at once too.
function remember(tell, take) {
  remembered.push({ tell, take });
  const before = restoring;
  restoring = true;
  take(inAddress());
  restoring = before;
}

function keepAddress({ anew = true } = {}) {
  if (restoring) return;
  const address = new URLSearchParams();
  for (const { tell } of remembered) tell(address);
  const text = String(address);
  if (text === String(inAddress())) return;
  try {
    history[anew ? 'pushState' : 'replaceState'](null, '', text ? `#${text}` : location.href.split('#')[0]);
  } catch { /* shown inside another page, which has no address for it: it works all the same */ }
}

function restore() {
  restoring = true;
  for (const { take } of remembered) take(inAddress());
  changed();
  restoring = false;
}
addEventListener('popstate', restore);
addEventListener('hashchange', restore);

// A set of some of these values, which usually has those of `usual`: what is in it or what is not, whichever is shorter.
function rememberSet(name, values, set, show, usual = values) {
  const same = () => set.size === usual.length && usual.every((value) => set.has(value));
  remember((address) => {
    if (same()) return;
    const without = values.filter((value) => !set.has(value));
    if (set.size && set.size <= without.length) values.filter((value) => set.has(value)).forEach((value) => address.append(name, value));
    else without.forEach((value) => address.append(`hide-${name}`, value));
  }, (address) => {
    const [only, without] = [new Set(address.getAll(name)), new Set(address.getAll(`hide-${name}`))];
    const known = values.filter((value) => only.has(String(value)));
    const kept = known.length ? known : without.size ? values.filter((value) => !without.has(String(value))) : usual;
    set.clear();
    kept.forEach((value) => set.add(value));
    show();
  });
}

// The order of a table: a column, with a minus before it where the largest stands first.
function rememberOrder(name, order, columns) {
  remember((address) => { if (order.by !== null) address.append(`sort-${name}`, `${order.down ? '-' : ''}${order.by}`); }, (address) => {
    const said = address.get(`sort-${name}`) ?? '';
    order.down = said.startsWith('-') && !columns.includes(said);
    const by = order.down ? said.slice(1) : said;
    order.by = columns.includes(by) ? by : null;
  });
}

// Where one is on the page: the section or table that was gone to last.
let wentTo = '';
function goTo(id) {
  const place = byId(id);
  if (!place || !document.querySelector('main').contains(place)) return false;
  wentTo = id;
  place.querySelectorAll('details.fold-whole').forEach((one) => { one.open = true; });
  place.scrollIntoView();
  return true;
}
function places() {
  remember((address) => { if (wentTo) address.append('at', wentTo); }, (address) => {
    const id = address.get('at') ?? decoded(location.hash.slice(1));
    if (!id) wentTo = '';
    else if (id !== wentTo) goTo(id);
  });
  addEventListener('click', (event) => {
    const link = event.target.closest?.('a[href^="#"]');
    if (!link || event.ctrlKey || event.metaKey || event.shiftKey || event.button) return;
    const id = link.getAttribute('href').slice(1);
    if (!goTo(id)) return;
    event.preventDefault();
    keepAddress();
    if (link.classList.contains('skip')) { byId(id).tabIndex = -1; byId(id).focus(); }
  });
}
function decoded(text) {
  try { return decodeURIComponent(text); } catch { return ''; }
}
