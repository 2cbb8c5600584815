'use strict';
// Opens each page in both themes, uses its filters and its map, and judges it; run.sh tells what counts.
const fs = require('fs');
const puppeteer = require('puppeteer-core');
const axe = fs.readFileSync(require.resolve('axe-core/axe.min.js'), 'utf8');

const look = async (browser, file, theme) => {
  const page = await browser.newPage(), faults = [];
  page.on('console', message => faults.push('console: ' + message.text()));
  page.on('pageerror', error => faults.push('error: ' + error));
  page.on('dialog', dialog => { faults.push('dialog: ' + dialog.message()); dialog.dismiss(); });
  page.on('request', request => { if (request.url() !== 'file://' + file) faults.push('request: ' + request.url()); });
  await page.setViewport({width: 1280, height: 1000});
  await page.emulateMediaFeatures([{name: 'prefers-color-scheme', value: theme}]);
  await page.goto('file://' + file);
  await page.screenshot({path: file.replace('.html', '-' + theme + '.png')});
  const paint = await page.evaluate(() => Math.max(0, ...performance.getEntriesByType('paint').map(entry => entry.startTime)));
  if (paint > 2000) faults.push('first paint after ' + Math.round(paint) + ' ms');
  // Every filter: a word that no row has hides all rows; without it all are back.
  const filters = await page.$$('.filter input');
  for (const input of filters) {
    const rows = () => input.evaluate(input => {
      const table = document.getElementById(input.closest('.filter').dataset.of);
      return [...table.querySelectorAll('tbody tr')].filter(row => row.offsetParent).length;
    });
    const all = await rows();
    await input.evaluate((input, word) => { input.value = word; input.dispatchEvent(new Event('input')); }, 'no row has this');
    await new Promise(done => setTimeout(done, 300));
    if (await rows() !== 0) faults.push('the search leaves ' + await rows() + ' of ' + all + ' rows');
    await input.evaluate(input => { input.value = ''; input.dispatchEvent(new Event('input')); });
    await new Promise(done => setTimeout(done, 300));
    if (await rows() !== all) faults.push('after the search ' + await rows() + ' of ' + all + ' rows are back');
  }
  // Every box of the map has its reasons, those of packages too, and no name becomes an element of its own.
  const boxes = await page.evaluate(() => [...document.querySelectorAll('.map a')].map(link => {
    link.dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
    const detail = document.querySelector('.detail'), odd = detail.querySelector(':not(div,ul,li,p,b,br,span,code)');
    const reasons = [...detail.querySelectorAll('li')].every(item => /(stays|kept|removed|goes)\b/.test(item.textContent));
    return detail.querySelector('li') && reasons && !odd ? '' : link.getAttribute('aria-label') + ': ' + detail.textContent;
  }));
  const bad = boxes.filter(Boolean);
  if (bad.length) faults.push(bad.length + ' boxes have no reasons: ' + bad[0].slice(0, 200));
  // The keyboard reaches a box in a package, and comes back.
  if (boxes.length) {
    const at = () => page.evaluate(() => document.activeElement.getAttribute('href') + ' ' + document.querySelectorAll('.map .on').length);
    await page.evaluate(() => document.querySelector('.map a').focus());
    const keys = [];
    for (const key of ['ArrowRight', 'Enter', ' ', 'ArrowLeft', 'ArrowDown', 'Escape']) {
      await page.keyboard.press(key);
      keys.push(await at());
    }
    const inner = keys[0];
    if (!/^#[cr]0-\S+ 1$/.test(inner) || keys.join() !== [inner, inner, inner, '#p0 1', inner, '#p0 1'].join()) faults.push('the keys lead to ' + keys.join());
    // The panel is in the viewport after a click, beside the map or below it.
    for (const width of [1280, 400]) {
      await page.setViewport({width, height: 720});
      await page.evaluate(() => document.getElementById('drawing').scrollIntoView());
      const hidden = await page.evaluate(async () => {
        document.querySelector('.map a').dispatchEvent(new MouseEvent('click', {bubbles: true, cancelable: true}));
        await new Promise(done => setTimeout(done, 900));
        const [panel, map] = ['.detail', '#drawing'].map(name => document.querySelector(name).getBoundingClientRect());
        const over = panel.left < map.right && panel.right > map.left && panel.top < map.bottom && panel.bottom > map.top;
        return panel.top > innerHeight - 60 || panel.bottom < 60 || innerWidth > 1000 && over || map.width < 740;
      });
      if (hidden) faults.push('at ' + width + ' px the panel is not seen, or hides the map, or the map is too small');
      const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
      if (wide > 0) faults.push('at ' + width + ' px the page is ' + wide + ' px too wide');
    }
    await page.setViewport({width: 1280, height: 1000});
    // Paper has the groups of the long tables, in the light colours.
    await page.emulateMediaType('print');
    const paper = await page.evaluate(() => {
      const shown = name => [...document.querySelectorAll(name)].filter(row => row.checkVisibility()).length;
      return [shown('#changed tbody tr:not(.head)'), shown('#places tbody tr') > 36, shown('.paper') < 1, getComputedStyle(document.body).backgroundColor];
    });
    if (paper.join() !== '0,false,false,rgb(255, 255, 255)') faults.push('print: ' + paper.join());
    await page.emulateMediaType('screen');
  }
  const wide = await page.evaluate(() => document.documentElement.scrollWidth - document.documentElement.clientWidth);
  if (wide > 0) faults.push('the page is ' + wide + ' px too wide');
  if (await page.evaluate(() => window.pwned !== undefined)) faults.push('a name was run');
  await page.evaluate(axe);
  const found = await page.evaluate(() => axe.run(document, {resultTypes: ['violations']}));
  for (const fault of found.violations) {
    if (['serious', 'critical'].includes(fault.impact)) faults.push('axe: ' + fault.id + ': ' + fault.nodes[0].html.slice(0, 200));
  }
  await page.close();
  console.log(file.split('/').pop(), theme + ':', filters.length, 'filters,', boxes.length, 'boxes, first paint', Math.round(paint), 'ms,', faults.length || 'no', 'faults');
  faults.forEach(fault => console.log('  ' + fault));
  return faults.length;
};

(async () => {
  const browser = await puppeteer.launch({executablePath: process.env.CHROMIUM || '/usr/bin/chromium', args: ['--no-sandbox'], headless: true});
  let faults = 0;
  for (const file of process.argv.slice(2)) for (const theme of ['light', 'dark']) faults += await look(browser, file, theme);
  await browser.close();
  console.log(faults ? faults + ' faults' : 'no faults');
  process.exitCode = faults ? 1 : 0;
})();
