'use strict';
// Adds search, filters and the panel of the map; without it everything is there to read. Text of the page is only ever
// read as text and copied as nodes: nothing is made of it.
document.querySelectorAll('.filter').forEach(box => {
  const table = document.getElementById(box.dataset.of), input = box.querySelector('input'), said = box.querySelector('output');
  const picks = [...box.querySelectorAll('select')];
  const groups = [...table.tBodies].map(body => {
    const head = body.rows[0] && body.rows[0].classList.contains('head') ? body.rows[0] : null;
    return {body, head, rows: [...body.rows].filter(row => row !== head), text: null};
  });
  const all = groups.reduce((sum, group) => sum + group.rows.filter(row => !row.classList.contains('more')).length, 0);
  const apply = () => {
    const words = input.value.toLowerCase().split(' ').filter(Boolean);
    const wanted = picks.filter(pick => pick.value).map(pick => [pick.dataset.key, pick.value]);
    const narrow = words.length + wanted.length > 0;
    let shown = 0;
    for (const group of groups) {
      if (words.length && !group.text) {
        const head = group.head ? group.head.textContent : '';
        group.text = group.rows.map(row => (head + ' ' + row.textContent).toLowerCase());
      }
      let any = false;
      group.rows.forEach((row, at) => {
        const fits = wanted.every(([key, value]) => (row.dataset[key] || group.body.dataset[key]) === value)
          && words.every(word => group.text[at].includes(word));
        row.hidden = !fits;
        any = any || fits;
        if (fits && !row.classList.contains('more')) shown += 1;
      });
      if (group.head) group.body.hidden = narrow && !any;
    }
    said.textContent = narrow ? shown + ' of ' + all + ' rows' : all + ' rows';
  };
  let timer = 0;
  input.addEventListener('input', () => { clearTimeout(timer); timer = setTimeout(apply, 120); });
  picks.forEach(pick => pick.addEventListener('change', apply));
  box.hidden = false;
  apply();
});
const map = document.getElementById('drawing'), detail = document.querySelector('.detail');
if (map && detail) {
  const show = link => {
    const row = document.getElementById(link.getAttribute('href').slice(1));
    if (!row) return;
    const [first, reasons] = [document.createElement('div'), document.createElement('div')];
    const cells = [...row.cells], last = cells.pop(), part = row.parentNode.querySelector('b');
    if (cells.length) first.append(part.cloneNode(true));
    for (const cell of cells) first.append(' · ', ...[...cell.childNodes].map(node => node.cloneNode(true)));
    reasons.append(...[...last.childNodes].map(node => node.cloneNode(true)));
    detail.replaceChildren(first, reasons);
  };
  detail.hidden = false;
  map.addEventListener('click', event => {
    const link = event.target.closest('a');
    if (!link) return;
    event.preventDefault();
    show(link);
  });
  map.addEventListener('focusin', event => { const link = event.target.closest('a'); if (link) show(link); });
  const only = document.getElementById('only');
  if (only) {
    only.closest('label').hidden = false;
    only.addEventListener('change', () => map.classList.toggle('only', only.checked));
  }
}
