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
    box.classList.toggle('some', narrow);
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
  // Each package with the boxes in it.
  const groups = [], copy = cell => [...cell.childNodes].map(node => node.cloneNode(true));
  const make = (name, ...nodes) => { const made = document.createElement(name); made.append(...nodes); return made; };
  const about = row => [...row.cells].slice(0, 3).flatMap(cell => [' · ', ...copy(cell)]);
  map.querySelectorAll('a').forEach(link => {
    if (link.getAttribute('href')[1] === 'p') groups.push([]);
    groups[groups.length - 1].push(link);
  });
  let on = detail;
  const show = link => {
    const row = document.getElementById(link.getAttribute('href').slice(1)), body = row.parentNode, parts = [];
    if (row.cells[1]) parts.push(make('div', body.querySelector('b').cloneNode(true), ...about(row)), make('div', ...copy(row.cells[3])));
    else {
      parts.push(make('div', ...copy(row.cells[0])));
      for (const word of ['goes', 'stays']) {
        const rows = [...body.rows].filter(row => row.dataset.f === word), left = rows.length - 3;
        for (const row of rows.slice(0, 3)) parts.push(make('div', ...about(row).slice(1), make('ul', row.querySelector('li').cloneNode(true))));
        if (left > 0) parts.push(make('p', '… and ' + left + ' more: ' + word + '. ', make('code', 'harden explain PATH'), ' tells the reason for each file.'));
      }
    }
    detail.replaceChildren(...parts);
    detail.scrollTop = 0;
    on.classList.remove('on');
    (on = link).classList.add('on');
  };
  const pick = link => {
    show(link);
    if (!matchMedia('(min-width:64rem)').matches)
      detail.scrollIntoView({block: 'nearest', behavior: matchMedia('(prefers-reduced-motion:reduce)').matches ? 'auto' : 'smooth'});
  };
  detail.hidden = false;
  map.addEventListener('click', event => {
    const link = event.target.closest('a');
    if (!link) return;
    event.preventDefault();
    pick(link);
  });
  map.addEventListener('focusin', event => { const link = event.target.closest('a'); if (link) show(link); });
  map.addEventListener('keydown', event => {
    const key = event.key, link = event.target.closest('a'), group = groups.find(group => group.includes(link));
    const step = {ArrowRight: 1, ArrowDown: 1, ArrowLeft: -1, ArrowUp: -1}[key];
    if (!group || event.ctrlKey || event.altKey || event.metaKey || !step && key !== ' ' && key !== 'Escape') return;
    event.preventDefault();
    const to = step ? group[group.indexOf(link) + step] : group[0];
    if (key === ' ') pick(link);
    else if (to) {
      group.forEach(other => other.setAttribute('tabindex', other === to ? 0 : -1));
      to.focus();
    }
  });
  const only = document.getElementById('only');
  if (only) {
    only.closest('label').hidden = false;
    only.addEventListener('change', () => map.classList.toggle('only', only.checked));
  }
}
