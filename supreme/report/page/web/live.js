// In the page that `supreme report --serve` sends, and in no other: ask for the page that follows this version. Until
// rows have changed the server answers 204, upon which a browser stays where it is; the policy allows no other way.
{
  const SECONDS = 3;
  const kept = `supreme-scroll ${location.pathname}`;
  if (location.search) history.replaceState(history.state, '', location.pathname + location.hash);
  const attempt = (act) => { try { return act(); } catch { return null; /* a private window: it begins at the top */ } };
  addEventListener('pagehide', () => attempt(() => sessionStorage.setItem(kept, String(scrollY))));
  addEventListener('drawn', () => {  // of the page, see page.js
    const at = Number(attempt(() => sessionStorage.getItem(kept)));
    if (at) scrollTo(0, at);
  });
  // Not while somebody is typing, has chosen text, or has a menu open.
  const busy = () => document.hidden || getSelection()?.type === 'Range' || document.querySelector('details.menu[open]')
    || document.activeElement?.matches('input, select, textarea');
  setInterval(() => { if (!busy()) location.replace(`${location.pathname}?seen=${"VERSION"}${location.hash}`); }, 1000 * SECONDS);
}
